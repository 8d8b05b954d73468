// A call that is made again and again, one at a time, with pauses that a pacing decides. The kinds of looping calls
// (fixed-interval-call.ts, dynamic-call.ts, back-off-call.ts) are pacings.
//
// A pause ends early by `stop` or `wake`. No loop is hot: only the fixed kind, after a call that took up its interval, goes
// on without a pause; every other pause is at least 1 ms, after an error too. A call that begins later than planned is
// reported, with by how much.

import { describeError, StandinError } from '../core/errors.js';
import type { Runtime } from '../runtime/runtime.js';

/** Thrown by the function to end its loop; `value` is what `wait` resolves with. */
export class LoopingCallDone extends Error {
  override readonly name = 'LoopingCallDone';
  readonly value: unknown;

  constructor(value: unknown = true) {
    super('the looping call is done');
    this.value = value;
  }
}

/** The loop has used up its time. */
export class LoopingCallTimeOutError extends StandinError {
  constructor(call: string, afterMs: number) {
    super('looping-call-time-out', `${call} timed out after ${(afterMs / 1000).toFixed(2)} s`);
  }
}

/** `start` of a loop that runs. */
export class LoopingCallRunningError extends StandinError {
  constructor(call: string) {
    super('looping-call-running', `${call} runs already, expected one start until it has ended`);
  }
}

/** What all kinds of looping calls can be told at `start`. */
export interface StartOptions {
  /** Seconds before the first call. Default 0. */
  readonly initialDelayS?: number;
  /** An error of the function ends the loop and is what `wait` rejects with. Default true; otherwise it is logged. */
  readonly stopOnError?: boolean;
  /** Whether a late call is reported. Default true; false where the function reports what is late itself. */
  readonly reportsLate?: boolean;
}

/** Decides when the next call is due. Milliseconds, not necessarily whole. */
export interface Pacing {
  /** Pause after a call that returned `result` after `tookMs`. Its errors end the loop. */
  afterCall(result: unknown, tookMs: number): Pause;
  /** Pause after a call that threw. */
  afterError(tookMs: number): Pause;
}

export interface Pause {
  /** From the end of the call; never negative. */
  readonly delayMs: number;
  /** By how much the next call is behind its plan already. Default 0. */
  readonly behindMs?: number;
}

/** A call that begins so much after its plan is logged as late. */
const LATE_AFTER_MS = 1_000;

export class LoopingCall {
  readonly #runtime: Runtime;
  readonly #name: string;
  readonly #body: () => unknown;
  /** Of the loop that runs, or null. */
  #stopping: AbortController | null = null;
  #done: Promise<unknown> = Promise.resolve(true);
  /** Ends the pause between two calls; null while there is none. */
  #endPause: (() => void) | null = null;
  #isWoken = false;

  /** `name` is for logs and errors. */
  constructor(runtime: Runtime, name: string, body: () => unknown) {
    this.#runtime = runtime;
    this.#name = name;
    this.#body = body;
  }

  /** No further call begins; harmless when none would. The one under way goes on. */
  stop(): void {
    this.#stopping?.abort('stopped');
    this.#endPause?.();
  }

  /** The next call begins at once, or right after the one under way. */
  wake(): void {
    this.#isWoken = true;
    this.#endPause?.();
  }

  /**
   * Resolves when the loop has ended: with the value of LoopingCallDone, or true when it was stopped.
   * @throws what ended it otherwise.
   */
  wait(): Promise<unknown> {
    return this.#done;
  }

  protected get runtime(): Runtime {
    return this.#runtime;
  }

  protected get name(): string {
    return this.#name;
  }

  /** @throws LoopingCallRunningError */
  protected begin(pacing: Pacing, options: StartOptions): void {
    if (this.#stopping !== null) throw new LoopingCallRunningError(this.#name);
    this.#stopping = new AbortController();
    this.#isWoken = false;
    const done = this.#untilDone(pacing, options, this.#stopping.signal).finally(() => {
      this.#stopping = null;
    });
    this.#done = done;
    done.catch(() => undefined); // it is logged, and kept for who waits
  }

  async #untilDone(pacing: Pacing, options: StartOptions, stopping: AbortSignal): Promise<unknown> {
    // `start` returns before the first call, whose function may refer to what it returned.
    await Promise.resolve();
    try {
      await this.#repeat(pacing, options, stopping);
      return true;
    } catch (error) {
      if (error instanceof LoopingCallDone) return error.value;
      this.#log('error', `failed: ${describeError(error)}`);
      throw error;
    }
  }

  async #repeat(pacing: Pacing, options: StartOptions, stopping: AbortSignal): Promise<void> {
    const { initialDelayS = 0, stopOnError = true, reportsLate = true } = options;
    let plannedMs = this.#nowMs();
    if (initialDelayS > 0) plannedMs = await this.#rest({ delayMs: initialDelayS * 1000 }, stopping);
    while (!stopping.aborted) {
      const startedMs = this.#nowMs();
      if (reportsLate) this.#reportLate(startedMs - plannedMs);
      this.#isWoken = false;
      const pause = await this.#callOnce(pacing, stopOnError, startedMs);
      if (stopping.aborted) return;
      plannedMs = await this.#rest(pause, stopping);
    }
  }

  async #callOnce(pacing: Pacing, stopOnError: boolean, startedMs: number): Promise<Pause> {
    let result: unknown;
    try {
      result = await this.#body();
    } catch (error) {
      if (stopOnError || error instanceof LoopingCallDone) throw error;
      this.#log('error', `failed, and goes on: ${describeError(error)}`);
      return pacing.afterError(this.#nowMs() - startedMs);
    }
    return pacing.afterCall(result, this.#nowMs() - startedMs);
  }

  /** Returns the instant for which the next call was planned. */
  async #rest({ delayMs, behindMs = 0 }: Pause, stopping: AbortSignal): Promise<number> {
    const plannedMs = this.#nowMs() + delayMs - behindMs;
    // Rounded up: a call must not begin before its time.
    if (!this.#isWoken && !stopping.aborted)
      await this.#pause(Math.min(Math.ceil(delayMs), LONGEST_PAUSE_MS));
    return plannedMs;
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        this.#endPause = null;
        timer.cancel();
        resolve();
      };
      const timer = this.#runtime.clock.setTimer(end, delayMs);
      this.#endPause = end;
    });
  }

  #reportLate(lateMs: number): void {
    if (lateMs < LATE_AFTER_MS) return;
    this.#runtime.probe.emit('loop-late', { loop: this.#name, lateMs: Math.round(lateMs) });
    this.#log('warning', `is late by ${(lateMs / 1000).toFixed(3)} s`);
  }

  #log(level: 'warning' | 'error', text: string): void {
    this.#runtime.logger.log(level, `${this.#name} ${text}`);
  }

  #nowMs(): number {
    return this.#runtime.clock.monotonicMs();
  }
}

/** The longest that a timer can be set to; 24 days. */
const LONGEST_PAUSE_MS = 2 ** 31 - 1;
