// Retries a function when it fails with an error of an expected kind, with pauses that grow by a fixed step. Retries are
// counted for each call anew.

import type { Runtime } from '../runtime/runtime.js';
import { DynamicLoopingCall } from './dynamic-call.js';
import { LoopingCallDone } from './looping-call.js';
import { requireMs } from './intervals.js';

export interface RetryOptions {
  /** In logs. */
  readonly name: string;
  /** Default -1: without limit. */
  readonly maxRetryCount?: number;
  /** The first pause, and by how much each is longer than the one before, seconds. Default 10. */
  readonly incSleepS?: number;
  /** The longest pause, seconds. Default 60. */
  readonly maxSleepS?: number;
  /** Which errors are worth a retry. Default: none is. */
  isExpected?(error: unknown): boolean;
}

/**
 * `body`, as a function that retries. It resolves with the first result.
 * @throws ConfigError at once for a wrong option; when called, the error that was not expected, or the last one.
 */
export function retrying<Args extends readonly unknown[], Result>(
  runtime: Runtime,
  options: RetryOptions,
  body: (...args: Args) => Result | Promise<Result>,
): (...args: Args) => Promise<Result> {
  const { name, incSleepS = 10, maxSleepS = 60 } = options;
  requireMs(`${name}: incSleepS`, incSleepS, 0);
  requireMs(`${name}: maxSleepS`, maxSleepS, 0);
  return async (...args) => {
    const attempt = attempts(options, incSleepS, () => body(...args));
    const call = new DynamicLoopingCall(runtime, name, attempt);
    return (await call.start({ periodicIntervalMaxS: maxSleepS }).wait()) as Result;
  };
}

/** A function for DynamicLoopingCall: returns the pause in seconds, or is done. */
function attempts(options: RetryOptions, incSleepS: number, body: () => unknown): () => Promise<number> {
  const { maxRetryCount = -1 } = options;
  let retries = 0;
  return async () => {
    let result: unknown;
    try {
      result = await body();
    } catch (error) {
      const isExpected = options.isExpected?.(error) ?? false;
      if (!isExpected || retries === maxRetryCount) throw error;
      retries += 1;
      return retries * incSleepS;
    }
    throw new LoopingCallDone(result);
  };
}
