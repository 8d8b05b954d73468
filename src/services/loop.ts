// A task that is done again and again: every `intervalMs` from start to start, one run at a time, and at once when woken.
// One without an interval runs when it starts and when it is woken.
// An error is logged and ends nothing; the next run then comes after `retryMs`.

import { describeError } from '../core/errors.js';
import type { Runtime } from '../runtime/runtime.js';

export interface LoopOptions {
  readonly name: string;
  /** Null: only when woken. */
  readonly intervalMs: number | null;
  /** Pause after an error; default `intervalMs`. */
  readonly retryMs?: number;
}

export class Loop {
  readonly #runtime: Runtime;
  readonly #options: LoopOptions;
  readonly #body: () => Promise<void>;
  #isStopping = false;
  #isWoken = false;
  /** Ends the pause between two runs; null while there is none. */
  #endPause: (() => void) | null = null;
  #running: Promise<void> | null = null;

  constructor(runtime: Runtime, options: LoopOptions, body: () => Promise<void>) {
    this.#runtime = runtime;
    this.#options = options;
    this.#body = body;
  }

  /** Begins with a first run at once. Harmless when it runs already. */
  start(): void {
    this.#running ??= this.#repeat();
  }

  /** The next run begins at once, or right after the one under way. */
  wake(): void {
    this.#isWoken = true;
    this.#endPause?.();
  }

  /** Whether `stop` was called. */
  get isStopping(): boolean {
    return this.#isStopping;
  }

  /** No further run begins; resolves when the one under way has ended. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#endPause?.();
    await this.#running;
  }

  async #repeat(): Promise<void> {
    const { clock } = this.#runtime;
    while (!this.#isStopping) {
      this.#isWoken = false;
      const startedAt = clock.monotonicMs();
      const intervalMs = await this.#runOnce();
      if (this.#isWoken || this.#isStopping) continue;
      await this.#pause(intervalMs === null ? null : startedAt + intervalMs - clock.monotonicMs());
    }
  }

  #pause(delayMs: number | null): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        this.#endPause = null;
        timer?.cancel();
        resolve();
      };
      const timer = delayMs === null ? null : this.#runtime.clock.setTimer(end, delayMs);
      this.#endPause = end;
    });
  }

  /** The interval to the next run. */
  async #runOnce(): Promise<number | null> {
    const { name, intervalMs, retryMs } = this.#options;
    try {
      await this.#body();
      return intervalMs;
    } catch (error) {
      this.#runtime.logger.log('warning', `${name}: ${describeError(error)}`);
      return retryMs ?? intervalMs;
    }
  }
}
