// The poll of a master: all who have to look now and then, whether or not a message told them to, look at the same
// instant. So they share one timer, and looks at the database one round trip.

import type { Timer } from '../runtime/clock.js';
import type { Runtime } from '../runtime/runtime.js';

export class Poll {
  readonly #runtime: Runtime;
  readonly #intervalMs: number;
  readonly #listeners = new Set<() => void>();
  #timer: Timer | null = null;

  constructor(runtime: Runtime, intervalMs: number) {
    this.#runtime = runtime;
    this.#intervalMs = intervalMs;
  }

  /** Calls `listener`, which may not throw, at every poll, until what is returned is called. */
  add(listener: () => void): () => void {
    this.#listeners.add(listener);
    if (this.#listeners.size === 1) this.#arm();
    return () => this.#remove(listener);
  }

  #remove(listener: () => void): void {
    this.#listeners.delete(listener);
    if (this.#listeners.size > 0) return;
    this.#timer?.cancel();
    this.#timer = null;
  }

  /** The timer runs only while somebody polls. */
  #arm(): void {
    this.#timer ??= this.#runtime.clock.setTimer(() => {
      this.#timer = null;
      for (const listener of [...this.#listeners]) listener();
      if (this.#listeners.size > 0) this.#arm();
    }, this.#intervalMs);
  }
}
