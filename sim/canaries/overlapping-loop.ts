// A manager that takes a run under way for a hung one when it has lasted a second, and on a wake-up begins the next beside it.

import { taskOf } from '../../src/periodic/periodic-task.js';
import { PeriodicTasks, type PeriodicTasksOptions } from '../../src/periodic/periodic-tasks.js';
import type { TaskBody } from '../../src/periodic/task-definition.js';
import type { Runtime } from '../../src/runtime/runtime.js';
import { defineScenario } from '../scenario.js';
import { SingleBranchScheduler } from '../../src/schedulers/single-branch.js';
import type { Canary } from './canary.js';

const PATIENCE_MS = 1_000;

class ImpatientTasks<Context> extends PeriodicTasks<Context> {
  readonly #runtime: Runtime;
  readonly #options: PeriodicTasksOptions;
  readonly #bodies = new Map<string, TaskBody>();
  /** Since when a pass is under way. */
  #sinceMs: number | null = null;

  constructor(runtime: Runtime, options: PeriodicTasksOptions = {}) {
    super(runtime, options);
    this.#runtime = runtime;
    this.#options = options;
  }

  override addPeriodicTask(body: TaskBody): void {
    this.#bodies.set(taskOf(body)?.name ?? '', body);
    super.addPeriodicTask(body);
  }

  override wake(name: string): void {
    const body = this.#bodies.get(name);
    const isHung = this.#sinceMs !== null && this.#runtime.clock.monotonicMs() - this.#sinceMs > PATIENCE_MS;
    if (body === undefined || !isHung) return super.wake(name);
    const beside = new PeriodicTasks<null>(this.#runtime, this.#options);
    beside.addPeriodicTask(body);
    void beside.runPeriodicTasks(null);
  }

  override async runPeriodicTasks(
    context: Context,
    options?: { readonly raiseOnError?: boolean },
  ): Promise<number> {
    this.#sinceMs = this.#runtime.clock.monotonicMs();
    const idleS = await super.runPeriodicTasks(context, options);
    this.#sinceMs = null;
    return idleS;
  }
}

export const overlappingLoop: Canary = {
  name: 'overlapping-loop',
  defect:
    'a message that comes while the watching of owners waits for a slow database begins a second pass beside the first',
  oracle: 'tasks-alive',
  scenario: defineScenario({
    name: 'canary-overlapping-loop',
    description: 'Masters come and go while the database is slow.',
    schedulers: () => [new SingleBranchScheduler('fast', ['linux'], { branch: 'master' })],
    faults: { 'slow-database': 24, stop: 24 },
    guarantees: ['tasks-alive'],
  }),
  parts: { PeriodicTasks: ImpatientTasks },
};
