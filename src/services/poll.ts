// The poll of a master: all who have to look now and then, whether or not a message told them to, look at the same
// instant. So they share one loop, and looks at the database one round trip.

import { describeError } from '../core/errors.js';
import type { Runtime } from '../runtime/runtime.js';
import { Loop } from './loop.js';

export class Poll {
  readonly #runtime: Runtime;
  readonly #intervalMs: number;
  readonly #listeners = new Set<() => void>();
  readonly #Loop: typeof Loop;
  #loop: Loop | null = null;

  constructor(runtime: Runtime, intervalMs: number, looping: typeof Loop = Loop) {
    this.#Loop = looping;
    this.#runtime = runtime;
    this.#intervalMs = intervalMs;
  }

  /** Calls `listener` at every poll, until what is returned is called. */
  add(listener: () => void): () => void {
    this.#listeners.add(listener);
    this.#loop ??= this.#begin();
    return () => this.#remove(listener);
  }

  #remove(listener: () => void): void {
    this.#listeners.delete(listener);
    if (this.#listeners.size > 0) return;
    void this.#loop?.stop();
    this.#loop = null;
  }

  /** The loop runs only while somebody polls. */
  #begin(): Loop {
    const options = { name: 'claim poll', intervalMs: this.#intervalMs, isFirstDelayed: true };
    const loop = new this.#Loop(this.#runtime, options, async () => this.#tell());
    loop.start();
    return loop;
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener();
      } catch (error) {
        this.#runtime.logger.log('error', `a look at the claim poll failed: ${describeError(error)}`);
      }
    }
  }
}
