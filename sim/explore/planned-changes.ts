// The changes of a plan: a stretch of a commit history, in the chaos phase.
//
// One arbitrary draws all of them: where in the history the stretch begins, when it begins in the run, and through which
// master each change comes. It shrinks by leaving changes out; those that stay keep their time and their content, so that
// a smaller plan is a part of the larger one.

import fc from 'fast-check';
import type { LoggedChange } from '../workload/logged-change.js';
import { scheduleChanges, type ScheduledChange, type ScheduleRequest } from '../workload/schedule-changes.js';

/** One change that a plan brings in. */
export interface PlannedChange extends ScheduledChange {
  readonly repository?: string;
  readonly comments?: string;
}

/** `request.count` consecutive commits of `history`, and generated ones where it ends, ordered by `atMs`. */
export function plannedChanges(
  history: readonly LoggedChange[],
  request: ScheduleRequest,
): fc.Arbitrary<readonly PlannedChange[]> {
  return new StretchOfHistory(history, request);
}

class StretchOfHistory extends fc.Arbitrary<readonly PlannedChange[]> {
  readonly #history: readonly LoggedChange[];
  readonly #request: ScheduleRequest;

  constructor(history: readonly LoggedChange[], request: ScheduleRequest) {
    super();
    this.#history = history;
    this.#request = request;
  }

  /** The stretch takes nine tenths of the chaos phase and begins somewhere in the first. */
  override generate(random: fc.Random): fc.Value<readonly PlannedChange[]> {
    const tenthMs = Math.floor(this.#request.chaosMs / 10);
    const startMs = random.nextInt(0, tenthMs);
    const request = { ...this.#request, chaosMs: this.#request.chaosMs - tenthMs };
    const choices = { choose: (bound: number) => random.nextInt(0, bound - 1) };
    const changes = scheduleChanges(this.#history, request, choices);
    return new fc.Value(
      changes.map((change) => ({ ...change, atMs: startMs + change.atMs })),
      undefined,
    );
  }

  override canShrinkWithoutContext(value: unknown): value is readonly PlannedChange[] {
    return Array.isArray(value);
  }

  override shrink(value: readonly PlannedChange[]): fc.Stream<fc.Value<readonly PlannedChange[]>> {
    return fc.stream(shorter(value)).map((list) => new fc.Value(list, undefined));
  }
}

/** Nothing; each half; then all but one. */
function* shorter<T>(list: readonly T[]): IterableIterator<readonly T[]> {
  if (list.length === 0) return;
  yield [];
  if (list.length === 1) return;
  const half = list.length >> 1;
  yield list.slice(0, half);
  yield list.slice(half);
  for (let i = 0; i < list.length; i++) yield [...list.slice(0, i), ...list.slice(i + 1)];
}
