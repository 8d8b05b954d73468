// A list of listeners for a signal without content. Each is called once a signal, in the order of registration; what one
// throws is logged and keeps nobody else from being called; one that is removed during a signal is not called any more.

import { describeError } from '../core/errors.js';
import type { Logger } from '../runtime/runtime.js';

export class Listeners {
  readonly #name: string;
  readonly #logger: Logger;
  readonly #listeners = new Set<{ readonly call: () => void }>();

  /** `name` says in the log whose listener failed. */
  constructor(name: string, logger: Logger) {
    this.#name = name;
    this.#logger = logger;
  }

  /** Returns what removes the listener. */
  add(listener: () => void): () => void {
    const entry = { call: listener };
    this.#listeners.add(entry);
    return () => void this.#listeners.delete(entry);
  }

  /** Calls those that were registered when the signal began. */
  emit(): void {
    for (const entry of [...this.#listeners]) {
      if (!this.#listeners.has(entry)) continue;
      try {
        entry.call();
      } catch (error) {
        this.#logger.log('error', `a listener of ${this.#name} failed: ${describeError(error)}`);
      }
    }
  }
}
