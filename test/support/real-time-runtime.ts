// The ports of a process that talks to a real server: its timers take their time, and its wall clock stands still, so that
// what a test writes in one second it does not read in the next.

import type { Clock, Timer } from '../../src/runtime/clock.js';
import type { Logger, Probe, Random, Runtime } from '../../src/runtime/runtime.js';
import { START_WALL_MS } from './manual-clock.js';

export class RealTimeRuntime implements Runtime {
  readonly clock: Clock = new RealTimeClock();
  readonly random: Random = { integer: (bound) => Math.floor(Math.random() * bound) };
  readonly logger: Logger = { log: () => undefined };
  readonly probe: Probe = { emit: () => undefined };
}

class RealTimeClock implements Clock {
  wallMs(): number {
    return START_WALL_MS;
  }

  monotonicMs(): number {
    return Math.floor(performance.now());
  }

  setTimer(callback: () => void, delayMs: number): Timer {
    const timeout = setTimeout(callback, delayMs);
    return { cancel: () => clearTimeout(timeout) };
  }
}
