// The promise forms of the timers: `timers/promises`, and through it `util.promisify(setTimeout)`.

import type { EventHandle } from '../event-queue.js';
import type { NodeProcess } from '../process.js';
import { ambientProcess } from './ambient.js';
import { delayMs } from './guest-timers.js';
import { builtin, replace, type Holder } from './patch.js';

interface Options {
  readonly signal?: AbortSignal;
}

class AbortError extends Error {
  override readonly name = 'AbortError';
  readonly code = 'ABORT_ERR';

  constructor(signal: AbortSignal) {
    super('The operation was aborted', { cause: signal.reason });
  }
}

export function guardTimerPromises(): void {
  const promises = builtin('timers/promises');
  replace(promises, 'setTimeout', (original) => (delay, value, options) => {
    const current = ambientProcess('timers/promises.setTimeout');
    if (current === null) return original(delay, value, options);
    return wait((done) => current.setTimer(done, delayMs(delay)), options).then(() => value);
  });
  replace(promises, 'setImmediate', (original) => (value, options) => {
    const current = ambientProcess('timers/promises.setImmediate');
    return current === null ? original(value, options) : turn(current, options).then(() => value);
  });
  replace(promises, 'setInterval', (original) => (delay, value, options) => {
    const current = ambientProcess('timers/promises.setInterval');
    return current === null
      ? original(delay, value, options)
      : beats(current, delayMs(delay), value, options as Options);
  });
  guardScheduler(promises['scheduler'] as Holder | undefined);
}

function guardScheduler(scheduler: Holder | undefined): void {
  if (scheduler === undefined) return;
  replace(scheduler, 'wait', (original) => (delay, options) => {
    const current = ambientProcess('scheduler.wait');
    if (current === null) return original.call(scheduler, delay, options);
    return wait((done) => current.setTimer(done, delayMs(delay)), options);
  });
  replace(scheduler, 'yield', (original) => () => {
    const current = ambientProcess('scheduler.yield');
    return current === null ? original.call(scheduler) : turn(current, undefined);
  });
}

function turn(process: NodeProcess, options: unknown): Promise<void> {
  return wait((done) => process.host.atProcess(process.host.nowUs, process, done), options);
}

/** Resolves when `start` calls back; rejects when the signal of `options` aborts first. */
function wait(start: (done: () => void) => EventHandle, options: unknown): Promise<void> {
  const signal = (options as Options | null | undefined)?.signal;
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(new AbortError(signal));
      return;
    }
    const onAbort = (): void => {
      handle.cancel();
      if (signal !== undefined) reject(new AbortError(signal));
    };
    const handle = start(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** One value a beat; beats that nobody waited for are handed out at once. */
async function* beats(
  process: NodeProcess,
  everyMs: number,
  value: unknown,
  options: Options | undefined,
): AsyncGenerator<unknown> {
  let waiting = 0;
  let wake = (): void => undefined;
  const beat = (): void => {
    waiting += 1;
    wake();
    handle = process.setTimer(beat, everyMs);
  };
  let handle = process.setTimer(beat, everyMs);
  const signal = options?.signal;
  const onAbort = (): void => wake();
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    for (;;) {
      if (signal?.aborted === true) throw new AbortError(signal);
      if (waiting === 0) await new Promise<void>((resolve) => (wake = resolve));
      if (waiting === 0) continue;
      waiting -= 1;
      yield value;
    }
  } finally {
    handle.cancel();
    signal?.removeEventListener('abort', onAbort);
  }
}
