// G1 single-effect: what a scheduler starts by itself is committed only by the process that owns it.
//
// Effects are buildsets without a call from outside (trigger keys `call:...` are such calls), rows of a scheduler's
// state, and classifications (`scheduler_changes`). The owner is the one that the schedulers row named before the
// commit; a commit that itself claims the scheduler is judged by the row that it leaves.

import { formatUs } from '../report/virtual-time.js';
import {
  NO_VIOLATIONS,
  type CommitHistoryEvent,
  type HistoryEvent,
  type Oracle,
  type OracleContext,
  type OracleRun,
  type RowChange,
  type Violation,
} from './history.js';
import {
  integer,
  integerOrNull,
  processOf,
  SchedulerObjects,
  SchedulerRows,
  Tenures,
  textOrNull,
} from './rows.js';
import { list, nameProcess } from './sentences.js';

const NAME = 'single-effect';

export const singleEffect: Oracle = {
  name: NAME,
  start: (context) => new SingleEffectRun(context),
};

/** What one commit did in the name of one scheduler. */
interface Effects {
  readonly scheduler: string;
  readonly what: string[];
}

class SingleEffectRun implements OracleRun {
  checks = 0;
  readonly #schedulers = new SchedulerRows();
  readonly #tenures = new Tenures(this.#schedulers);
  readonly #objects: SchedulerObjects;

  constructor(context: OracleContext) {
    this.#objects = new SchedulerObjects(context.schedulers.map((scheduler) => scheduler.name));
  }

  observe(event: HistoryEvent): readonly Violation[] {
    if (event.kind !== 'commit') return NO_VIOLATIONS;
    this.#tenures.learn(event);
    this.#objects.learn(event);
    const effects = this.#effectsOf(event);
    const violations = effects.length === 0 ? NO_VIOLATIONS : this.#judge(event, effects);
    this.#schedulers.learn(event);
    return violations;
  }

  finish(): readonly Violation[] {
    return NO_VIOLATIONS;
  }

  #judge(commit: CommitHistoryEvent, effects: readonly Effects[]): readonly Violation[] {
    const violations: Violation[] = [];
    for (const { scheduler, what } of effects) {
      this.checks++;
      const row = this.#schedulers.byName(scheduler);
      if (row !== undefined && !row.isFree && this.#tenures.isOwnedBy(row, commit)) continue;
      if (this.#claims(commit, scheduler)) continue;
      const message =
        `${nameProcess(commit)} committed ${list([...new Set(what)])} of scheduler ${scheduler} ` +
        `at ${formatUs(commit.atUs)}, ${this.#describeOwner(scheduler)}`;
      violations.push({ guarantee: NAME, atUs: commit.atUs, message, subject: scheduler });
    }
    return violations;
  }

  /** True when this commit leaves the scheduler claimed by its own process. */
  #claims(commit: CommitHistoryEvent, scheduler: string): boolean {
    const after = new SchedulerRows();
    after.learn(commit);
    const row = after.byName(scheduler);
    return row !== undefined && !row.isFree && this.#tenures.isOwnedBy(row, processOf(commit));
  }

  #describeOwner(scheduler: string): string {
    const row = this.#schedulers.byName(scheduler);
    if (row === undefined) return 'which had not been registered';
    if (row.isFree) return 'which nobody owned';
    const owner = this.#tenures.ownerOf(row);
    if (owner !== undefined) return `whose owner was ${nameProcess(owner.process)}`;
    return `whose owner was incarnation ${row.ownerIncarnation} of master ${row.ownerMasterId}`;
  }

  #effectsOf(commit: CommitHistoryEvent): readonly Effects[] {
    const effects: Effects[] = [];
    for (const change of commit.rows) {
      const effect = this.#effectOf(change);
      if (effect === null) continue;
      const known = effects.find(({ scheduler }) => scheduler === effect.scheduler);
      if (known === undefined) effects.push({ scheduler: effect.scheduler, what: [effect.what] });
      else known.what.push(effect.what);
    }
    return effects;
  }

  #effectOf(change: RowChange): { scheduler: string; what: string } | null {
    const row = change.row ?? change.old ?? {};
    switch (change.table) {
      case 'buildsets': {
        const schedulerId = integerOrNull(row, 'schedulerid');
        const isCall = textOrNull(row, 'trigger_key')?.startsWith('call:') === true;
        if (change.op !== 'insert' || schedulerId === null || isCall) return null;
        return { scheduler: this.#schedulers.nameOf(schedulerId), what: `buildset ${integer(row, 'id')}` };
      }
      case 'object_state': {
        const scheduler = this.#objects.schedulerOf(integer(row, 'objectid'));
        return scheduler === undefined ? null : { scheduler, what: `state ${textOrNull(row, 'name')}` };
      }
      case 'scheduler_changes': {
        const scheduler = this.#schedulers.nameOf(integer(row, 'schedulerid'));
        return { scheduler, what: `the classification of change ${integer(row, 'changeid')}` };
      }
      default:
        return null;
    }
  }
}
