// The builders that are configured on a master, as the database shows them to everybody (`builder_masters`).
//
// Whoever ends a master deletes its links, so the list belongs to an incarnation: each new one writes it again, and only
// an active one may. One writing at a time, each with the latest list, so that none is overtaken by one that is older. What
// could not be written is tried again at the next poll; nothing waits for it, since links decide nothing.
// @source buildbot master/buildbot/process/botmaster.py reconfigServiceBuilders

import { describeError } from '../core/errors.js';
import { Mutex } from '../core/mutex.js';
import type { BuildUpdates } from '../data/build-updates.js';
import { ClaimLostError, type Owner } from '../db/claims.js';
import type { Logger } from '../runtime/runtime.js';
import type { Poll } from '../services/poll.js';

export interface BuilderListContext {
  readonly updates: BuildUpdates;
  readonly logger: Logger;
  readonly poll: Poll;
  /** This master in the incarnation that it is in; null while it is in none. */
  readonly owner: () => Owner | null;
}

export class BuilderList {
  readonly #context: BuilderListContext;
  readonly #writing = new Mutex();
  #builderids: readonly number[] = [];
  #isDue = false;
  #endPolling = (): void => undefined;

  constructor(context: BuilderListContext) {
    this.#context = context;
  }

  /** From now on these builders are configured here; resolves when that is written, or has been put off. */
  async set(builderids: readonly number[]): Promise<void> {
    this.#builderids = builderids;
    await this.write();
  }

  /** Writes the list for the incarnation that the master is in now; resolves when that is done, or has been put off. */
  async write(): Promise<void> {
    this.#isDue = true;
    await this.#writing.run(() => this.#writeIfDue());
  }

  /** Tries again, once a poll, what was put off. */
  start(): void {
    this.#endPolling = this.#context.poll.add(() => {
      if (this.#isDue) void this.#writing.run(() => this.#writeIfDue());
    });
  }

  /** Tries nothing again; what is under way ends with the database. */
  stop(): void {
    this.#endPolling();
  }

  async #writeIfDue(): Promise<void> {
    const owner = this.#context.owner();
    if (!this.#isDue || owner === null) return;
    this.#isDue = false;
    try {
      await this.#context.updates.updateBuilderList(owner, this.#builderids);
    } catch (error) {
      if (error instanceof ClaimLostError) return; // others have ended this incarnation: the next one writes it again
      this.#isDue = true;
      this.#context.logger.log('warning', `the list of builders is put off: ${describeError(error)}`);
    }
  }
}
