// The clock of a real process.

import type { Clock, Timer } from '../clock.js';

const MAX_DELAY_MS = 2 ** 31 - 1;

export class NodeClock implements Clock {
  wallMs(): number {
    return Date.now();
  }

  /** Counts on while the process is stopped; on most systems not while the machine sleeps, which the wall clock shows. */
  monotonicMs(): number {
    return Math.floor(performance.now());
  }

  setTimer(callback: () => void, delayMs: number): Timer {
    const timeout = setTimeout(callback, Math.min(Math.max(Math.trunc(delayMs), 0), MAX_DELAY_MS));
    return { cancel: () => clearTimeout(timeout) };
  }
}
