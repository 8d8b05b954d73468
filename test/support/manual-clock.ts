// A clock that stands still until a test moves it. Timers fire in the order of their due times (then of their setting),
// and everything that one sets off has ended, as far as it can, before the next one fires.

import type { Clock, Timer } from '../../src/runtime/clock.js';

interface PendingTimer {
  readonly dueMs: number;
  readonly callback: () => void;
}

/** 2026-01-05T00:00:00Z. */
export const START_WALL_MS = 1_767_571_200_000;

/** Of a timer, as the port has it. */
const MAX_DELAY_MS = 2 ** 31 - 1;

export class ManualClock implements Clock {
  #nowMs = 0;
  #wallOffsetMs = START_WALL_MS;
  readonly #timers = new Set<PendingTimer>();

  wallMs(): number {
    return this.#nowMs + this.#wallOffsetMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  setTimer(callback: () => void, delayMs: number): Timer {
    const timer = { dueMs: this.#nowMs + Math.min(Math.max(0, Math.trunc(delayMs)), MAX_DELAY_MS), callback };
    this.#timers.add(timer);
    return { cancel: () => void this.#timers.delete(timer) };
  }

  /** How many timers are set. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Moves the wall clock only, as somebody who sets it does. */
  stepWall(deltaMs: number): void {
    this.#wallOffsetMs += deltaMs;
  }

  /** Lets `deltaMs` pass without firing anything: the process was paused. What is overdue fires at the next `advance`. */
  pause(deltaMs: number): void {
    this.#nowMs += deltaMs;
  }

  /** Lets `deltaMs` pass; resolves when everything that it set off rests. */
  async advance(deltaMs: number): Promise<void> {
    const untilMs = this.#nowMs + deltaMs;
    await settled();
    for (let timer = this.#due(untilMs); timer !== null; timer = this.#due(untilMs)) {
      this.#timers.delete(timer);
      this.#nowMs = Math.max(this.#nowMs, timer.dueMs);
      timer.callback();
      await settled();
    }
    this.#nowMs = untilMs;
  }

  #due(untilMs: number): PendingTimer | null {
    let first: PendingTimer | null = null;
    for (const timer of this.#timers) {
      if (timer.dueMs <= untilMs && (first === null || timer.dueMs < first.dueMs)) first = timer;
    }
    return first;
  }
}

/** Resolves when no promise has anything left to do: nothing under test waits for anything but timers of its clock. */
export async function settled(): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve));
}
