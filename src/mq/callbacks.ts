// The callbacks of one consumer that have started and not ended, and how its stop waits for them.

import type { Runtime } from '../runtime/runtime.js';
import { StandinError } from '../core/errors.js';
import { withDeadline } from './deferred.js';

/** How long a stop waits for callbacks that do not end. */
const STOP_WAIT_MS = 30_000;

export class RunningCallbacks {
  readonly #runtime: Runtime;
  readonly #consumer: string;
  /** Null until there is one: most callbacks never wait. */
  #running: Set<Promise<void>> | null = null;

  /** `consumer` says in the log whose callbacks do not end. */
  constructor(runtime: Runtime, consumer: string) {
    this.#runtime = runtime;
    this.#consumer = consumer;
  }

  /** `run` is one that runs, and must not reject. */
  add(run: Promise<void>): void {
    const running = (this.#running ??= new Set());
    const tracked = run.finally(() => running.delete(tracked));
    running.add(tracked);
  }

  /** Resolves when those that run now have ended, after 30 s at the latest (logged). Never rejects. */
  async ended(): Promise<void> {
    const running = this.#running;
    if (running === null || running.size === 0) return;
    const late = (): StandinError => new StandinError('callback-late', 'a callback did not end');
    try {
      await withDeadline(this.#runtime.clock, Promise.all(running), STOP_WAIT_MS, late);
    } catch {
      // What was added never rejects, so this is the deadline.
      const message = `${running.size} callback(s) of ${this.#consumer} still run ${STOP_WAIT_MS} ms after it was stopped`;
      this.#runtime.logger.log('warning', message);
    }
  }
}
