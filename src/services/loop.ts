// A task of the master's own that is done again and again: every `intervalMs`, one run at a time, and at once when woken.
// One without an interval runs when it starts and when it is woken.
//
// It keeps the promises of periodic tasks (src/periodic), and reports like one: a late run does not shift the later ones,
// since they are due at multiples of the interval after the first; what was missed is not made up for; a run that begins
// 1 s late or more is logged, with by how much. An error is logged and ends nothing; the next run then comes after `retryMs`.

import { describeError } from '../core/errors.js';
import { nearestBoundary } from '../periodic/boundary.js';
import type { Clock } from '../runtime/clock.js';
import type { Runtime } from '../runtime/runtime.js';

export interface LoopOptions {
  readonly name: string;
  /** Null: only when woken. */
  readonly intervalMs: number | null;
  /** Pause after an error; default: as after any run. */
  readonly retryMs?: number;
  /** The first run comes an interval after the start. Default false: at once. */
  readonly isFirstDelayed?: boolean;
}

/** A run that is over. */
export interface EndedRun {
  readonly startedMs: number;
  readonly hasFailed: boolean;
}

/** A run that begins so much after its time is logged. */
const LATE_AFTER_MS = 1_000;

export class Loop {
  protected readonly options: LoopOptions;
  protected readonly clock: Clock;
  readonly #runtime: Runtime;
  readonly #body: () => Promise<void>;
  #isStopping = false;
  #isWoken = false;
  /** When the last run counts as having begun: a multiple of the interval after the start. */
  #lastRunMs: number | null = null;
  /** Ends the pause between two runs; null while there is none. */
  #endPause: (() => void) | null = null;
  #running: Promise<void> | null = null;

  constructor(runtime: Runtime, options: LoopOptions, body: () => Promise<void>) {
    this.clock = runtime.clock;
    this.#runtime = runtime;
    this.options = options;
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

  /** Whether `stop` was called. */
  get isStopping(): boolean {
    return this.#isStopping;
  }

  /** No further run begins; resolves when the one under way has ended. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#endPause?.();
    await this.#running;
    if (this.options.intervalMs !== null) this.#emit('task-retired', {});
  }

  /** When the next run is due; null: only when woken. */
  protected dueAfter({ startedMs, hasFailed }: EndedRun, intervalMs: number | null): number | null {
    if (intervalMs !== null) this.#lastRunMs = nearestBoundary(startedMs, this.#lastRunMs, intervalMs, 0);
    const { retryMs } = this.options;
    if (hasFailed && retryMs !== undefined) return startedMs + retryMs;
    return intervalMs === null || this.#lastRunMs === null ? null : this.#lastRunMs + intervalMs;
  }

  /** One run, from its first report to its last; never rejects. Returns whether it failed. */
  protected async run(lateMs: number): Promise<boolean> {
    const { name, intervalMs } = this.options;
    if (intervalMs !== null) this.#emit('task-started', { lateMs, spacingMs: intervalMs });
    if (lateMs >= LATE_AFTER_MS) this.#log(`${name} is late by ${(lateMs / 1000).toFixed(3)} s`);
    let hasFailed = false;
    try {
      await this.#body();
    } catch (error) {
      this.#log(`${name}: ${describeError(error)}`);
      hasFailed = true;
    }
    if (intervalMs !== null) this.#emit('task-ended', { failed: hasFailed });
    return hasFailed;
  }

  async #repeat(): Promise<void> {
    const { intervalMs } = this.options;
    let dueMs = this.#begin();
    if (this.options.isFirstDelayed === true && dueMs !== null)
      await this.#pause(dueMs - this.clock.monotonicMs());
    while (!this.#isStopping) {
      const startedMs = this.clock.monotonicMs();
      const lateMs = this.#isWoken || dueMs === null ? 0 : Math.max(0, startedMs - dueMs);
      this.#isWoken = false;
      const hasFailed = await this.run(lateMs);
      dueMs = this.dueAfter({ startedMs, hasFailed }, intervalMs);
      if (this.#isWoken || this.#isStopping) continue;
      await this.#pause(dueMs === null ? null : dueMs - this.clock.monotonicMs());
    }
  }

  /** When the first run is due; null: now, and then only when woken. */
  #begin(): number | null {
    const { intervalMs, isFirstDelayed = false } = this.options;
    if (intervalMs === null) return null;
    this.#lastRunMs = this.clock.monotonicMs();
    return isFirstDelayed ? this.#lastRunMs + intervalMs : this.#lastRunMs;
  }

  #pause(delayMs: number | null): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        this.#endPause = null;
        timer?.cancel();
        resolve();
      };
      const timer = delayMs === null ? null : this.clock.setTimer(end, delayMs);
      this.#endPause = end;
    });
  }

  #log(text: string): void {
    this.#runtime.logger.log('warning', text);
  }

  /** A manager that has one task. */
  #emit(event: string, detail: Readonly<Record<string, number | boolean>>): void {
    const { name } = this.options;
    this.#runtime.probe.emit(event, { manager: name, task: name, ...detail });
  }
}
