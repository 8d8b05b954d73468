// G6 no-duplicate: a change is in at most one buildset of a scheduler, and a trigger makes at most one buildset. One that
// builds a slot only for calls takes those that wait in the commit of its buildset: if none waits, it builds some twice.
//
// What was built can always be built again, so it remembers one number for each change of each scheduler and for each
// trigger, and nothing else of a buildset.

import { formatUs } from '../report/virtual-time.js';
import {
  NO_VIOLATIONS,
  type CommitHistoryEvent,
  type HistoryEvent,
  type Oracle,
  type OracleContext,
  type OracleRun,
  type Row,
  type Violation,
} from './history.js';
import { BuildsetOwners, integer, SchedulerRows, textOrNull } from './rows.js';
import { nameChange, type AcceptedChange } from './sentences.js';

const NAME = 'no-duplicate';

export const noDuplicate: Oracle = {
  name: NAME,
  start: (context) => new NoDuplicateRun(context),
};

class NoDuplicateRun implements OracleRun {
  checks = 0;
  readonly #schedulers = new SchedulerRows();
  readonly #owners = new BuildsetOwners();
  readonly #changes = new Map<number, AcceptedChange>();
  /** Buildset by scheduler and change. */
  readonly #built = new Map<number, Map<number, number>>();
  /** Buildset by scheduler and trigger key. */
  readonly #triggered = new Map<number, Map<string, number>>();

  /** Those that build a slot only for calls. */
  readonly #calledBySlot: ReadonlySet<string>;

  constructor({ schedulers }: OracleContext) {
    const called = schedulers.filter(({ triggers }) => triggers.kind === 'calls-by-slot');
    this.#calledBySlot = new Set(called.map(({ name }) => name));
  }

  observe(event: HistoryEvent): readonly Violation[] {
    if (event.kind !== 'commit') return NO_VIOLATIONS;
    this.#schedulers.learn(event);
    this.#owners.learn(event);
    const violations: Violation[] = [];
    for (const { table, op, row } of event.rows) {
      if (row === null || op !== 'insert') continue;
      if (table === 'changes') this.#accept(row, event.atUs);
      if (table === 'buildsets') this.#trigger(row, event, violations);
      if (table === 'buildset_changes') this.#build(row, event, violations);
    }
    return violations;
  }

  finish(): readonly Violation[] {
    return NO_VIOLATIONS;
  }

  #accept(row: Row, atUs: number): void {
    const changeid = integer(row, 'changeid');
    this.#changes.set(changeid, { changeid, branch: textOrNull(row, 'branch'), acceptedUs: atUs });
  }

  #trigger(row: Row, commit: CommitHistoryEvent, violations: Violation[]): void {
    const { atUs } = commit;
    const buildsetId = integer(row, 'id');
    const schedulerId = this.#owners.schedulerIdOf(buildsetId);
    const key = textOrNull(row, 'trigger_key');
    if (schedulerId === undefined || key === null) return;
    this.checks++;
    this.#checkCall(commit, schedulerId, buildsetId, violations);
    const first = firstOf(this.#triggered, schedulerId, key, buildsetId);
    if (first === buildsetId) return;
    const scheduler = this.#schedulers.nameOf(schedulerId);
    const message =
      `trigger ${key} of scheduler ${scheduler} made buildset ${buildsetId} at ${formatUs(atUs)}, ` +
      `after buildset ${first}`;
    violations.push({ guarantee: NAME, atUs, message, subject: scheduler });
  }

  #checkCall(
    { rows, atUs }: CommitHistoryEvent,
    schedulerId: number,
    buildsetId: number,
    violations: Violation[],
  ): void {
    const scheduler = this.#schedulers.nameOf(schedulerId);
    if (!this.#calledBySlot.has(scheduler)) return;
    const key = JSON.stringify(['triggers', scheduler, 'new']);
    if (
      rows.some(
        ({ table, op, old }) => table === 'queue_messages' && op === 'delete' && old?.['routing_key'] === key,
      )
    )
      return;
    const message = `buildset ${buildsetId} of scheduler ${scheduler} at ${formatUs(atUs)} takes no trigger that waited`;
    violations.push({ guarantee: NAME, atUs, message, subject: scheduler });
  }

  #build(row: Row, { atUs }: CommitHistoryEvent, violations: Violation[]): void {
    const buildsetId = integer(row, 'buildsetid');
    const changeid = integer(row, 'changeid');
    const schedulerId = this.#owners.schedulerIdOf(buildsetId);
    if (schedulerId === undefined) return;
    this.checks++;
    const first = firstOf(this.#built, schedulerId, changeid, buildsetId);
    if (first === buildsetId) return;
    const scheduler = this.#schedulers.nameOf(schedulerId);
    const known = this.#changes.get(changeid);
    const change = known === undefined ? `change ${changeid}` : nameChange(known);
    const message = `${change} is in buildsets ${first} and ${buildsetId} of scheduler ${scheduler}`;
    violations.push({ guarantee: NAME, atUs, message, subject: scheduler });
  }
}

/** The first buildset that was recorded for this scheduler and key: `buildsetId` itself when there was none. */
function firstOf<K>(
  byScheduler: Map<number, Map<K, number>>,
  schedulerId: number,
  key: K,
  buildsetId: number,
): number {
  const byKey = byScheduler.get(schedulerId) ?? new Map<K, number>();
  byScheduler.set(schedulerId, byKey);
  const first = byKey.get(key);
  if (first === undefined) byKey.set(key, buildsetId);
  return first ?? buildsetId;
}
