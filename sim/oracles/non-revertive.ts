// G4 non-revertive: a claim moves to another owner only when the former owner released it itself, or after the former
// owner had been unable to renew for a whole lease.
//
// An owner is a (masterid, incarnation). The schedulers row tells a release (is_free from 0 to 1) and a claim (owner
// changed); a transaction that ends a claim and takes it shows only the latter. A release by another process is lawful when at least a lease, less 1 % of clock drift, had passed since the
// last renewal of that incarnation, in true time. (It cannot renew after it was made inactive or was superseded, so
// these need no clause of their own.) Judged is the claim that follows: a release that is taken back moves nothing.

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
import { integer, SchedulerRows, Tenures, type SchedulerRow } from './rows.js';
import { nameProcess } from './sentences.js';

const NAME = 'non-revertive';

/** Clocks of observers are cut to milliseconds at both ends of what they measure. */
const ROUNDING_US = 2000;

export const nonRevertive: Oracle = {
  name: NAME,
  needs: 'faults',
  start: (context) => new NonRevertiveRun(context),
};

/** The last holder of a scheduler, and what is wrong with the end of its claim. */
interface Holding {
  /** As it was claimed. */
  readonly row: SchedulerRow;
  readonly holder: string;
  /** A clause that completes the sentence; null while the claim lasts, and when it ended lawfully. */
  readonly fault: string | null;
}

class NonRevertiveRun implements OracleRun {
  checks = 0;
  readonly #leastUs: number;
  readonly #leaseMs: number;
  readonly #schedulers = new SchedulerRows();
  readonly #tenures = new Tenures(this.#schedulers);
  readonly #holdings = new Map<number, Holding>();

  constructor(context: OracleContext) {
    this.#leaseMs = context.leaseMs;
    this.#leastUs = Math.floor((context.leaseMs * 1000 * 99) / 100) - ROUNDING_US;
  }

  observe(event: HistoryEvent): readonly Violation[] {
    if (event.kind !== 'commit') return NO_VIOLATIONS;
    this.#tenures.learn(event);
    const violations: Violation[] = [];
    for (const change of event.rows) {
      if (change.table === 'schedulers') this.#follow(event, change, violations);
    }
    return violations;
  }

  finish(): readonly Violation[] {
    return NO_VIOLATIONS;
  }

  #follow(commit: CommitHistoryEvent, change: RowChange, violations: Violation[]): void {
    const before = change.row === null ? undefined : this.#schedulers.byId(integer(change.row, 'id'));
    const after = this.#schedulers.learnRow(change);
    if (after === null) return;
    const isEnded = after.isFree || (before !== undefined && !isSameOwner(before, after));
    if (before !== undefined && !before.isFree && isEnded) this.#released(commit, before);
    if (after.isFree || after.ownerMasterId === null) return;
    const former = this.#holdings.get(after.id);
    const next = this.#holdingOf(after);
    this.#holdings.set(after.id, next);
    if (former === undefined || isSameOwner(former.row, after)) return;
    this.checks++;
    if (former.fault === null) return;
    const message =
      `scheduler ${after.name} went from ${former.holder} to ${next.holder} at ${formatUs(commit.atUs)}, ` +
      `although ${former.fault}`;
    violations.push({ guarantee: NAME, atUs: commit.atUs, message, subject: after.name });
  }

  #released(commit: CommitHistoryEvent, before: SchedulerRow): void {
    const holding = this.#holdings.get(before.id);
    if (holding !== undefined)
      this.#holdings.set(before.id, { ...holding, fault: this.#faultOfRelease(commit, before) });
  }

  #faultOfRelease(commit: CommitHistoryEvent, before: SchedulerRow): string | null {
    const owner = this.#tenures.ownerOf(before);
    if (owner === undefined || this.#tenures.isOwnedBy(before, commit)) return null;
    const elapsedUs = commit.atUs - owner.lastRenewalUs;
    if (elapsedUs >= this.#leastUs) return null;
    return (
      `${nameProcess(commit)} ended that claim at ${formatUs(commit.atUs)}, ${formatUs(elapsedUs)} after its ` +
      `owner's last renewal (the lease is ${formatUs(this.#leaseMs * 1000)})`
    );
  }

  #holdingOf(row: SchedulerRow): Holding {
    const owner = this.#tenures.ownerOf(row)?.process;
    const holder = owner === undefined ? `master ${row.ownerMasterId}` : nameProcess(owner);
    return { row, holder: `${holder} (incarnation ${row.ownerIncarnation})`, fault: null };
  }
}

function isSameOwner(a: SchedulerRow, b: SchedulerRow): boolean {
  return a.ownerMasterId === b.ownerMasterId && a.ownerIncarnation === b.ownerIncarnation;
}
