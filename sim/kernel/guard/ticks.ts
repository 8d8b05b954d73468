// process.nextTick and queueMicrotask: still Node's own queues, drained with the event, but no throw leaves a callback
// (one would abort Node during a synchronous drain), and the callbacks of a process that has died do not run.

import { executing, type Execution } from '../executing.js';
import type { NodeProcess } from '../process.js';
import { ambientProcess } from './ambient.js';
import { replace, replaceForGood, type AnyFunction, type Holder } from './patch.js';

export function guardTicks(): void {
  replaceForGood(process as unknown as Holder, 'nextTick', (original) => (callback, ...values) => {
    const run = executing;
    // Node's own complaint about a callback that is none.
    if (run === null || typeof callback !== 'function') return original.call(process, callback, ...values);
    const owner = ambientProcess('process.nextTick');
    return original.call(process, contained, run, owner, callback, values);
  });
  replace(globalThis as unknown as Holder, 'queueMicrotask', (original) => (callback) => {
    const run = executing;
    if (run === null || typeof callback !== 'function') return original.call(globalThis, callback);
    const owner = ambientProcess('queueMicrotask');
    return original.call(globalThis, () => contained(run, owner, callback as AnyFunction, []));
  });
}

/** `owner` null: queued by host code, so it is host code too. */
function contained(
  run: Execution,
  owner: NodeProcess | null,
  callback: AnyFunction,
  values: readonly unknown[],
): void {
  try {
    if (owner === null) run.host(() => callback(...values));
    else if (owner.isAlive) callback(...values);
  } catch (error) {
    run.threw(owner, error);
  }
}
