// Work that is done whenever there is reason to: when it starts and when it is woken, one run at a time. An error is logged
// and ends nothing; the next run then comes after `retryMs`. What has to be done every so often is a periodic task
// (src/periodic), and may wake a loop.

import { describeError } from '../core/errors.js';
import type { Runtime } from '../runtime/runtime.js';

export interface LoopOptions {
  readonly name: string;
  /** From the start of a run that failed to the next; default: when woken. */
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

  /** Begins with a first run. Harmless when it runs already. */
  start(): void {
    this.#running ??= this.#repeat();
  }

  /** The next run begins at once, or right after the one under way. */
  wake(): void {
    this.#isWoken = true;
    this.#endPause?.();
  }

  /** No further run begins; resolves when the one under way has ended. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#endPause?.();
    await this.#running;
  }

  async #repeat(): Promise<void> {
    const { clock } = this.#runtime;
    const { retryMs = null } = this.#options;
    while (!this.#isStopping) {
      this.#isWoken = false;
      const startedMs = clock.monotonicMs();
      const hasFailed = await this.#run();
      if (this.#isWoken || this.#isStopping) continue;
      const isRetried = hasFailed && retryMs !== null;
      await this.#pause(isRetried ? startedMs + retryMs - clock.monotonicMs() : null);
    }
  }

  /** One run; never rejects. Returns whether it failed. */
  async #run(): Promise<boolean> {
    try {
      await this.#body();
      return false;
    } catch (error) {
      this.#runtime.logger.log('warning', `${this.#options.name}: ${describeError(error)}`);
      return true;
    }
  }

  /** Null: until woken. */
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
}
