// Looping calls at a fixed rate: the interval counts from start to start. A call that outlasts it is followed by the next at
// once, and the rate counts from there: what was missed is not made up for.

import type { Clock } from '../runtime/clock.js';
import { requireMs } from './intervals.js';
import { LoopingCall, LoopingCallTimeOutError, type Pause, type StartOptions } from './looping-call.js';

export interface FixedIntervalOptions extends StartOptions {
  /** Seconds from start to start, at least 0.001. */
  readonly intervalS: number;
}

/** Calls every `intervalS`. */
export class FixedIntervalLoopingCall extends LoopingCall {
  /** @throws LoopingCallRunningError, ConfigError */
  start(options: FixedIntervalOptions): this {
    const pause = fixedPause(requireMs(`${this.name}: intervalS`, options.intervalS, 0.001));
    this.begin({ afterCall: (_, tookMs) => pause(tookMs), afterError: pause }, options);
    return this;
  }
}

export interface FixedIntervalWithTimeOutOptions extends FixedIntervalOptions {
  /** Seconds from `start` after which the loop ends with an error, seen after a call only. Default 0: never. */
  readonly timeOutS?: number;
}

/** Calls every `intervalS` until its time is used up; `wait` then rejects with LoopingCallTimeOutError. */
export class FixedIntervalWithTimeOutLoopingCall extends LoopingCall {
  /** @throws LoopingCallRunningError, ConfigError */
  start(options: FixedIntervalWithTimeOutOptions): this {
    const pause = fixedPause(requireMs(`${this.name}: intervalS`, options.intervalS, 0.001));
    const timeOutMs = requireMs(`${this.name}: timeOutS`, options.timeOutS ?? 0, 0);
    const check = timeOutCheck(this.name, this.runtime.clock, timeOutMs);
    const afterCall = (_: unknown, tookMs: number): Pause => {
      check();
      return pause(tookMs);
    };
    this.begin({ afterCall, afterError: (tookMs) => afterCall(undefined, tookMs) }, options);
    return this;
  }
}

function fixedPause(intervalMs: number): (tookMs: number) => Pause {
  return (tookMs) => {
    const delayMs = Math.max(0, intervalMs - tookMs);
    return { delayMs, behindMs: Math.max(0, tookMs - intervalMs) };
  };
}

function timeOutCheck(name: string, clock: Clock, timeOutMs: number): () => void {
  const fromMs = clock.monotonicMs();
  return () => {
    const passedMs = clock.monotonicMs() - fromMs;
    if (timeOutMs > 0 && passedMs > timeOutMs) throw new LoopingCallTimeOutError(name, passedMs);
  };
}
