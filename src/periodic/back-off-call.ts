// A looping call that backs off while its function fails, which it says by a falsy result. The pauses grow by half on
// average (2 x 0.75), with a spread that keeps processes apart; a truthy result starts them anew.

import type { Random, Runtime } from '../runtime/runtime.js';
import { requireMs } from './intervals.js';
import { LoopingCall, LoopingCallTimeOutError, type Pacing, type Pause } from './looping-call.js';

/** Seconds each. */
export interface BackOffOptions {
  readonly initialDelayS?: number;
  /** Default 1. */
  readonly startingIntervalS?: number;
  /** Pauses since the last success must not add up to more; 0: they may. Default 300. */
  readonly timeOutS?: number;
  /** Default 300. */
  readonly maxIntervalS?: number;
  /** Default 0.001. */
  readonly minIntervalS?: number;
  /** The mean factor of a pause; twice it is by how much pauses grow. Default 0.75. */
  readonly jitter?: number;
}

/** Draws around `mean`. */
export type Spread = (mean: number, deviation: number) => number;

const DEVIATION = 0.1;

/** `wait` rejects with LoopingCallTimeOutError when the pauses have used up the time, and with the function's error. */
export class BackOffLoopingCall extends LoopingCall {
  readonly #spread: Spread;

  /** `spread` is by default nearly normal. */
  constructor(
    runtime: Runtime,
    name: string,
    body: () => unknown,
    spread: Spread = nearlyNormal(runtime.random),
  ) {
    super(runtime, name, body);
    this.#spread = spread;
  }

  /** @throws LoopingCallRunningError, ConfigError */
  start(options: BackOffOptions = {}): this {
    this.begin(this.#pacing(options), options);
    return this;
  }

  #pacing(options: BackOffOptions): Pacing {
    const { jitter = 0.75 } = options;
    const ms = (what: keyof BackOffOptions, otherwise: number, least: number): number =>
      requireMs(`${this.name}: ${what}`, options[what] ?? otherwise, least);
    const startMs = ms('startingIntervalS', 1, 0.001);
    const timeOutMs = ms('timeOutS', 300, 0);
    const maxMs = ms('maxIntervalS', 300, 0.001);
    const minMs = ms('minIntervalS', 0.001, 0.001);
    let intervalMs = startMs;
    let pausedMs = 0;

    const grow = (factor: number): Pause => {
      const delayMs = Math.min(Math.max(intervalMs * 2 * factor, minMs), maxMs);
      intervalMs = Math.max(intervalMs * 2 * jitter, minMs);
      if (timeOutMs > 0 && pausedMs + delayMs > timeOutMs) {
        throw new LoopingCallTimeOutError(this.name, pausedMs + delayMs);
      }
      pausedMs += delayMs;
      return { delayMs };
    };
    const reset = (factor: number): Pause => {
      intervalMs = startMs;
      pausedMs = 0;
      return { delayMs: Math.max(1, intervalMs * factor) };
    };
    const factor = (): number => Math.abs(this.#spread(jitter, DEVIATION));
    return {
      afterCall: (isSuccess) => (isSuccess ? reset(factor()) : grow(factor())),
      afterError: () => grow(factor()),
    };
  }
}

const STEPS = 1_000_000;

/**
 * Twelve uniform draws, six up and six down: mean, deviation and shape are close to a normal distribution's, without a
 * logarithm, in which engines differ. All decisions 0 give the mean.
 */
function nearlyNormal(random: Random): Spread {
  const sum = (): number => Array.from({ length: 6 }, () => random.integer(STEPS)).reduce((a, b) => a + b, 0);
  return (mean, deviation) => mean + (deviation * (sum() - sum())) / STEPS;
}
