// The claim poll of a master, as those see it who have to look now and then, whether or not a message told them to: all
// look at the same instant. The poll itself is a periodic task (src/master/upkeep.ts).

import { describeError } from '../core/errors.js';
import type { Logger } from '../runtime/runtime.js';

export class Poll {
  readonly #logger: Logger;
  readonly #listeners = new Set<() => void>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Calls `listener` at every poll, until what is returned is called. */
  add(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Calls all of them; an error of one keeps nobody else from looking. */
  tell(): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener();
      } catch (error) {
        this.#logger.log('error', `a look at the claim poll failed: ${describeError(error)}`);
      }
    }
  }
}
