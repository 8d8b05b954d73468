// setTimeout, setInterval, setImmediate, what clears them, and AbortSignal.timeout.

import { executing } from '../executing.js';
import { ambientProcess } from './ambient.js';
import { delayMs, GuestImmediate, GuestTimer, timerTable } from './guest-timers.js';
import { builtin, define, replace, type AnyFunction, type Holder } from './patch.js';

const scope = globalThis as unknown as Holder;

export function guardTimers(): void {
  guardTimer('setTimeout', false);
  guardTimer('setInterval', true);
  both('setImmediate', (original) => (callback, ...values) => {
    const current = ambientProcess('setImmediate');
    // Node's own complaint about a callback that is none.
    if (current === null || typeof callback !== 'function') return original(callback, ...values);
    return new GuestImmediate(current, { callback: callback as AnyFunction, values });
  });
  for (const name of ['clearTimeout', 'clearInterval', 'clearImmediate']) {
    both(name, (original) => (timer) => (isCleared(timer) ? undefined : original(timer)));
  }
  replace(AbortSignal as unknown as Holder, 'timeout', (original) => (delay) => {
    const current = ambientProcess('AbortSignal.timeout');
    if (current === null) return original.call(AbortSignal, delay);
    const controller = new AbortController();
    const reason = (): DOMException =>
      new DOMException('The operation was aborted due to timeout', 'TimeoutError');
    current.setTimer(() => controller.abort(reason()), delayMs(delay));
    return controller.signal;
  });
}

function guardTimer(name: 'setTimeout' | 'setInterval', isRepeating: boolean): void {
  both(name, (original) => (callback, delay, ...values) => {
    const current = ambientProcess(name);
    if (current === null || typeof callback !== 'function') return original(callback, delay, ...values);
    return new GuestTimer(current, { callback: callback as AnyFunction, values }, delay, isRepeating);
  });
}

/** The global and the export of `timers` are one function, before and after. */
function both(name: string, wrap: (original: AnyFunction) => AnyFunction): void {
  replace(scope, name, wrap);
  define(builtin('timers'), name, scope[name]);
}

/** True when `timer` was one of a simulated process, which it no longer is. Clearing needs no clock: always allowed. */
function isCleared(timer: unknown): boolean {
  if (timer instanceof GuestTimer || timer instanceof GuestImmediate) {
    timer.close();
    return true;
  }
  const current = executing?.currentProcess ?? null;
  if (current === null || (typeof timer !== 'number' && typeof timer !== 'string')) return false;
  timerTable(current).find(Number(timer))?.close();
  return true;
}
