// A looping call whose function returns how long to pause, in seconds.

import { StandinError } from '../core/errors.js';
import { requireMs } from './intervals.js';
import { LoopingCall, type Pause, type StartOptions } from './looping-call.js';
import { DEFAULT_SPACING_S, inWords } from './task-definition.js';

export interface DynamicOptions extends StartOptions {
  /** The longest pause, seconds, and the pause when the function returns undefined or null. Default: none. */
  readonly periodicIntervalMaxS?: number;
  /** Pause after an error with `stopOnError: false`, seconds. Default: the longest pause, or 60. */
  readonly retryS?: number;
}

/** The function returned no number of seconds to pause, and there is no longest pause to fall back to. */
export class MissingPauseError extends StandinError {
  constructor(call: string, got: unknown) {
    super(
      'missing-pause',
      `${call} returned ${inWords(got)}, expected a number of seconds (or give periodicIntervalMaxS)`,
    );
  }
}

/** Pauses for what its function returns: at least 1 ms, at most `periodicIntervalMaxS`. */
export class DynamicLoopingCall extends LoopingCall {
  /** @throws LoopingCallRunningError, ConfigError */
  start(options: DynamicOptions = {}): this {
    const { periodicIntervalMaxS, retryS = periodicIntervalMaxS ?? DEFAULT_SPACING_S } = options;
    const longestMs =
      periodicIntervalMaxS === undefined
        ? null
        : requireMs(`${this.name}: periodicIntervalMaxS`, periodicIntervalMaxS, 0);
    const retryMs = requireMs(`${this.name}: retryS`, retryS, 0);
    const afterCall = (result: unknown): Pause => ({ delayMs: this.#pauseMs(result, longestMs) });
    this.begin({ afterCall, afterError: () => ({ delayMs: Math.max(1, retryMs) }) }, options);
    return this;
  }

  #pauseMs(result: unknown, longestMs: number | null): number {
    const suggestedMs = this.#suggestedMs(result, longestMs);
    return Math.max(1, longestMs === null ? suggestedMs : Math.min(suggestedMs, longestMs));
  }

  #suggestedMs(result: unknown, longestMs: number | null): number {
    if (typeof result === 'number' && !Number.isNaN(result)) return result * 1000;
    if ((result === undefined || result === null) && longestMs !== null) return longestMs;
    throw new MissingPauseError(this.name, result);
  }
}
