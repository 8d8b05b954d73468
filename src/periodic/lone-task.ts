// A periodic task in a manager and a runner of its own: nothing but its own runs can delay it.

import type { Runtime } from '../runtime/runtime.js';
import { periodicTask } from './periodic-task.js';
import { PeriodicTasks } from './periodic-tasks.js';
import { startPeriodicTasks, type Runner } from './run-periodic-tasks.js';

export interface LoneTaskOptions {
  readonly name: string;
  readonly spacingMs: number;
  /** From the start of a run that failed to the next. Default: as after any run. */
  readonly retryMs?: number;
  /** Up to 5 % of the spacing, above 20 s. Default false: there is a bound to keep. */
  readonly jitter?: boolean;
}

export class LoneTask {
  readonly #runtime: Runtime;
  readonly #options: LoneTaskOptions;
  readonly #body: () => unknown;
  readonly #Manager: typeof PeriodicTasks;
  #tasks: PeriodicTasks | null = null;
  #runner: Runner | null = null;
  #isStopping = false;

  constructor(runtime: Runtime, options: LoneTaskOptions, body: () => unknown, Manager = PeriodicTasks) {
    this.#runtime = runtime;
    this.#options = options;
    this.#body = body;
    this.#Manager = Manager;
  }

  /** Begins with a first run, from which the spacing counts. Harmless when it runs already, and after `stop`. */
  start(): void {
    if (this.#runner !== null || this.#isStopping) return;
    const { name, spacingMs, retryMs, jitter = false } = this.#options;
    const tasks = new this.#Manager(this.#runtime, { name });
    const retry = retryMs === undefined ? {} : { retry: retryMs / 1000 };
    const options = { name, spacing: spacingMs / 1000, runImmediately: true, jitter, ...retry };
    tasks.addPeriodicTask(periodicTask(options, () => this.#body()));
    this.#tasks = tasks;
    this.#runner = startPeriodicTasks(this.#runtime, tasks, { name, context: () => null });
  }

  /** The next run begins at once, or right after the one under way. */
  wake(): void {
    this.#tasks?.wake(this.#options.name);
  }

  /** Whether `stop` was called. */
  get isStopping(): boolean {
    return this.#isStopping;
  }

  /** No further run begins; resolves when the one under way has ended. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#runner?.stop();
  }
}
