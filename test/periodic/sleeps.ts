// A test runtime that keeps a record of the pauses that were asked of its clock.

import type { Timer } from '../../src/runtime/clock.js';
import { ManualClock } from '../support/manual-clock.js';
import { TestRuntime } from '../support/test-runtime.js';

class RecordingClock extends ManualClock {
  readonly sleepsMs: number[] = [];

  override setTimer(callback: () => void, delayMs: number): Timer {
    this.sleepsMs.push(delayMs);
    return super.setTimer(callback, delayMs);
  }
}

export class SleepRecorder extends TestRuntime {
  readonly #clock: RecordingClock;

  constructor() {
    const clock = new RecordingClock();
    super(clock);
    this.#clock = clock;
  }

  /** All pauses so far, seconds. */
  get sleepsS(): readonly number[] {
    return this.#clock.sleepsMs.map((ms) => ms / 1000);
  }
}
