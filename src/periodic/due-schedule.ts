// Our own reckoning: whole milliseconds of the monotonic clock, and a heap ordered by the instant at which a task is due.
// A pass in which nothing is due looks at the head and ends, O(1); one in which k of n are due costs O(k log n).
//
// A pass runs the same tasks in the same order as a walk over all of them that reads the clock at each: a task that
// becomes due while an earlier one runs is taken in the same pass, if it stands behind; if not, in the next.

import { assert } from '../core/assert.js';
import { ConfigError } from '../core/errors.js';
import type { Clock } from '../runtime/clock.js';
import { jitterS, nearestBoundary } from './boundary.js';
import { Heap, type Placed, type Precedes } from './heap.js';
import type { DueTask, Pass, Schedule } from './schedule.js';
import { DEFAULT_SPACING_S, type TaskDefinition } from './task-definition.js';

/** A task and its times, milliseconds. */
export interface Entry extends Placed {
  readonly task: TaskDefinition;
  readonly spacingMs: number;
  /** Place in the order of adding. */
  readonly position: number;
  lastRunMs: number | null;
  dueMs: number;
}

/** Orders entries by the instant at which they are due. */
export const isSooner: Precedes<Entry> = (a, b) =>
  a.dueMs === b.dueMs ? a.position < b.position : a.dueMs < b.dueMs;

export class DueSchedule implements Schedule {
  readonly #clock: Clock;
  readonly #uniform: () => number;
  readonly #runsExternal: boolean;
  readonly #byName = new Map<string, Entry>();
  readonly #waiting: Heap<Entry>;
  readonly #pass: DuePass;

  /** `uniform` draws from [0, 1), once a run; without `runsExternal`, tasks that may run elsewhere are never due. */
  constructor(
    clock: Clock,
    uniform: () => number,
    runsExternal: boolean,
    precedes: Precedes<Entry> = isSooner,
  ) {
    this.#clock = clock;
    this.#uniform = uniform;
    this.#runsExternal = runsExternal;
    this.#waiting = new Heap(precedes);
    this.#pass = new DuePass(clock, this.#waiting, (entry, nowMs) => this.#run(entry, nowMs));
  }

  add(task: TaskDefinition): void {
    if (this.#byName.has(task.name))
      throw new ConfigError(`the name of the periodic task ${task.name} is taken`);
    const spacingMs = Math.max(1, Math.round(task.spacingS * 1000));
    const nowMs = this.#clock.monotonicMs();
    const times = task.runImmediately
      ? { lastRunMs: null, dueMs: nowMs }
      : { lastRunMs: nowMs, dueMs: nowMs + spacingMs };
    const entry: Entry = { task, spacingMs, position: this.#byName.size, place: -1, ...times };
    this.#byName.set(task.name, entry);
    if (this.#runsExternal || !task.isExternalOk) this.#waiting.push(entry);
  }

  beginPass(): Pass {
    return this.#pass.begin();
  }

  hurry(name: string, inS: number): void {
    const entry = this.#byName.get(name);
    const nowMs = this.#clock.monotonicMs();
    // What is due already need not be moved, and is, in the middle of a pass, not among those that wait.
    if (entry === undefined || entry.place < 0 || entry.dueMs <= nowMs) return;
    entry.dueMs = Math.min(entry.dueMs, nowMs + Math.ceil(inS * 1000));
    this.#waiting.moveUp(entry);
  }

  lastRuns(): ReadonlyMap<string, number | null> {
    const seconds = (ms: number | null): number | null => (ms === null ? null : ms / 1000);
    return new Map([...this.#byName].map(([name, { lastRunMs }]) => [name, seconds(lastRunMs)]));
  }

  /** Moves the last run to now, snapped to the boundary. */
  #run(entry: Entry, nowMs: number): void {
    const { lastRunMs, spacingMs, task } = entry;
    const isJittered = lastRunMs !== null && task.isJittered;
    const jitterMs = isJittered ? 1000 * jitterS(task.spacingS, this.#uniform()) : 0;
    entry.lastRunMs = nearestBoundary(nowMs, lastRunMs, spacingMs, jitterMs);
    entry.dueMs = entry.lastRunMs + spacingMs;
  }
}

/** The pass of a schedule, the same object each time: most find nothing, or one task. */
class DuePass implements Pass {
  readonly #clock: Clock;
  readonly #waiting: Heap<Entry>;
  readonly #run: (entry: Entry, nowMs: number) => void;
  /** Due, and behind the last that came: in the order of adding. */
  readonly #ready = new Heap<Entry>((a, b) => a.position < b.position);
  /** Due, and before it or itself: for the next pass. */
  readonly #passed: Entry[] = [];
  #lastPosition = -1;
  #isUnderWay = false;

  constructor(clock: Clock, waiting: Heap<Entry>, run: (entry: Entry, nowMs: number) => void) {
    this.#clock = clock;
    this.#waiting = waiting;
    this.#run = run;
  }

  begin(): this {
    assert(!this.#isUnderWay, 'one pass at a time');
    this.#isUnderWay = true;
    this.#lastPosition = -1;
    return this;
  }

  next(): DueTask | null {
    const nowMs = this.#clock.monotonicMs();
    this.#takeDue(nowMs);
    const entry = this.#ready.pop();
    if (entry === undefined) return null;
    this.#lastPosition = entry.position;
    const lateS = (nowMs - entry.dueMs) / 1000;
    this.#run(entry, nowMs);
    this.#waiting.push(entry);
    return { task: entry.task, lateS };
  }

  end(): number {
    assert(this.#isUnderWay, 'a pass ends once');
    this.#isUnderWay = false;
    for (const entry of this.#passed) this.#waiting.push(entry);
    this.#passed.length = 0;
    for (let entry = this.#ready.pop(); entry !== undefined; entry = this.#ready.pop()) {
      this.#waiting.push(entry);
    }
    const first = this.#waiting.first;
    if (first === undefined) return DEFAULT_SPACING_S;
    const idleMs = Math.max(0, first.dueMs - this.#clock.monotonicMs());
    return Math.min(DEFAULT_SPACING_S, idleMs / 1000);
  }

  #takeDue(nowMs: number): void {
    for (;;) {
      const first = this.#waiting.first;
      if (first === undefined || first.dueMs > nowMs) return;
      this.#waiting.pop();
      if (first.position > this.#lastPosition) this.#ready.push(first);
      else this.#passed.push(first);
    }
  }
}
