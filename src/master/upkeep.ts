// What keeps the database from growing for ever, once an hour on every master: results of operations that nobody can ask for
// any more are forgotten, and queues from which nobody seems to take anything are reported. A queue is never dropped by
// itself: nothing in the database tells a consumer that is gone for good from one that comes back tomorrow.

import { describeError } from '../core/errors.js';
import type { DatabaseConnector } from '../db/connector.js';
import { wallSeconds } from '../runtime/clock.js';
import type { Runtime } from '../runtime/runtime.js';
import type { Poll } from '../services/poll.js';

const INTERVAL_MS = 3_600_000;
/** A queue with so many messages is reported as long as nobody takes any. */
export const LONG_QUEUE = 10_000;

export class Upkeep {
  readonly #runtime: Runtime;
  readonly #db: DatabaseConnector;
  readonly #poll: Poll;
  #doneAtMs: number;
  #end = (): void => undefined;

  /** The first time comes an hour from now. */
  constructor(runtime: Runtime, db: DatabaseConnector, poll: Poll) {
    this.#runtime = runtime;
    this.#db = db;
    this.#poll = poll;
    this.#doneAtMs = runtime.clock.monotonicMs();
  }

  start(): void {
    this.#end = this.#poll.add(() => this.#look());
  }

  /** Looks no more; what is under way ends with the database. */
  stop(): void {
    this.#end();
  }

  #look(): void {
    const now = this.#runtime.clock.monotonicMs();
    if (now - this.#doneAtMs < INTERVAL_MS) return;
    this.#doneAtMs = now;
    void this.#work().catch((error: unknown) =>
      this.#runtime.logger.log('warning', `upkeep is put off by an hour: ${describeError(error)}`),
    );
  }

  async #work(): Promise<void> {
    await this.#db.operations.prune(wallSeconds(this.#runtime.clock));
    for (const { name, waiting } of await this.#db.queues.list()) {
      if (waiting < LONG_QUEUE) continue;
      const advice = 'if its consumer is gone for good, drop it: standin queue drop';
      this.#runtime.logger.log('warning', `${waiting} messages wait in the queue '${name}'; ${advice}`);
    }
  }
}
