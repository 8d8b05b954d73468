// A promise with its settling functions outside, and waiting for a promise with a deadline.

import type { Clock } from '../runtime/clock.js';

export interface Deferred<T> {
  readonly promise: Promise<T>;
  /** The first call of either settles the promise, later ones do nothing. */
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
}

/** A new one; its rejection counts as handled, since those who wait for it may have left. */
export function deferred<T>(): Deferred<T> {
  let resolve: (value: T) => void = () => undefined;
  let reject: (error: Error) => void = () => undefined;
  const promise = new Promise<T>((onValue, onError) => {
    resolve = onValue;
    reject = onError;
  });
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}

/** Settles as `promise` does, or rejects with `makeError()` after `timeoutMs`. No timer is left behind. */
export function withDeadline<T>(
  clock: Clock,
  promise: Promise<T>,
  timeoutMs: number,
  makeError: () => Error,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const timer = clock.setTimer(() => reject(makeError()), timeoutMs);
    promise.then(resolve, reject).finally(() => timer.cancel());
  });
}
