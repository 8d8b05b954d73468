// The timers of one process, on a clock of @sinonjs/fake-timers: what is due first, and firing exactly that one.
//
// The fake clock is never advanced: its `now` is the due time of the last timer that fired, and a new timer's delay is
// lengthened by what the process is ahead of that. So a backlog after a pause fires one timer at a time, each still
// cancellable by those before it, and new timers count from the present. Delays are integers of 1 to 2^31 - 1 ms here,
// the only ones that fake-timers treats as Node does.

import { withGlobal } from '@sinonjs/fake-timers';
import { assert } from '../../src/core/assert.js';

/** The longest delay of a Node timer, in milliseconds; a longer one is taken as 1 ms by Node's globals. */
export const MAX_DELAY_MS = 2_147_483_647;

/** The part of a fake clock that is used; `timerHeap` is internal to fake-timers, hence the check at load. */
interface FakeClock {
  readonly now: number;
  readonly timerHeap?: { peek(): { readonly callAt: number } | undefined };
  setTimeout(callback: (timer: Firable) => void, delayMs: number, timer: Firable): number;
  clearTimeout(id: number): void;
  next(): number;
}

/** What fires: one object per timer, so that setting one makes no closure. */
export interface Firable {
  fire(): void;
}

// A global scope of its own: timer ids are then plain numbers, and nothing of the host's is captured.
const fakeTimers = withGlobal({
  Date,
  setTimeout: () => 0,
  clearTimeout: () => undefined,
} as unknown as typeof globalThis);

export class ProcessTimers {
  readonly #clock: FakeClock;

  /** `startMs`: the process's monotonic time at its start, in milliseconds. */
  constructor(startMs: number) {
    this.#clock = fakeTimers.createClock(startMs) as unknown as FakeClock;
  }

  /** Fires `timer` once, `delayMs` (an integer, 1…2^31 - 1) after `nowMs`; returns an id, which may enter no trace. */
  add(timer: Firable, nowMs: number, delayMs: number): number {
    return this.#clock.setTimeout(fire, Math.min(delayMs + nowMs - this.#clock.now, MAX_DELAY_MS), timer);
  }

  /** Harmless when the timer has fired. */
  remove(id: number): void {
    this.#clock.clearTimeout(id);
  }

  /** When the first timer is due, in the process's monotonic milliseconds; -1 when there is none. */
  get firstDueMs(): number {
    return this.#clock.timerHeap?.peek()?.callAt ?? -1;
  }

  /** Fires the timer that is due first, and only that one. */
  fireFirst(): void {
    this.#clock.next();
  }
}

function fire(timer: Firable): void {
  timer.fire();
}

checkFakeTimers();

/** A version of fake-timers that keeps its heap elsewhere would leave every timer unfired: refuse it at load. */
function checkFakeTimers(): void {
  const timers = new ProcessTimers(5);
  const seen: number[] = [];
  for (const delayMs of [20, 10]) timers.add({ fire: () => void seen.push(delayMs) }, 7, delayMs);
  for (let i = 0; i < 2; i++) {
    seen.push(timers.firstDueMs);
    timers.fireFirst();
  }
  assert(
    seen.join() === '17,10,27,20',
    `fake-timers fires its first timer and no other, seen ${seen.join()}`,
  );
}
