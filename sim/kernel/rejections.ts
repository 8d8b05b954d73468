// Unhandled rejections during a run: taken from the host's listeners, given back afterwards.
//
// Node reports them inside the drain, while the event that caused them is still the current one. With the host's
// listeners in place, a rejection in a simulated process would end the test runner or the campaign.

import { executing } from './executing.js';

type Listener = (reason: unknown, promise: Promise<unknown>) => void;

const EVENT = 'unhandledRejection';

/** Takes the rejections of the run that is executing to `Execution.threw`; returns what restores the host's listeners. */
export function captureRejections(): () => void {
  const saved = process.rawListeners(EVENT) as Listener[];
  const capture: Listener = (reason, promise) => {
    if (executing !== null) executing.threw(executing.currentProcess, reason);
    else forward(saved, reason, promise);
  };
  process.removeAllListeners(EVENT);
  process.on(EVENT, capture);
  return () => {
    process.removeAllListeners(EVENT);
    for (const listener of saved) process.on(EVENT, listener);
  };
}

/** One of the host's own, between two events of the `setImmediate` drain. */
function forward(listeners: readonly Listener[], reason: unknown, promise: Promise<unknown>): void {
  if (listeners.length === 0) throw reason;
  for (const listener of listeners) listener.call(process, reason, promise);
}
