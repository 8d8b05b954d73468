// G5 no-lost-change: every accepted change that a scheduler wants ends in one of its buildsets in time.
//
// A scheduler is owed the changes that are committed after its own row (then its durable queue is registered). A change is
// due one bound (failover + tree-stable timer + two claim polls) after the last of: its acceptance, with a tree-stable
// timer the acceptance of the latest change of all (each may restart the timer), the last start or end of a fault, the
// start of convergence, the scheduler's last enabling. Lateness is judged in convergence and at the end; during chaos
// nothing is due. What is open at the end and not due is pending.
//
// The same holds for whatever else a scheduler builds for (owed-triggers.ts): a call, a job file, a buildset upstream; what
// waits for a slot is due with the first slot after that.

import { formatUs } from '../report/virtual-time.js';
import { CronReference } from './cron-reference.js';
import {
  NO_VIOLATIONS,
  type CommitHistoryEvent,
  type HistoryEvent,
  type ObservedScheduler,
  type Oracle,
  type OracleContext,
  type OracleRun,
  type Row,
  type Violation,
} from './history.js';
import { OwedTriggers, type Debt } from './owed-triggers.js';
import { BuildsetOwners, integer, SchedulerRows, textOrNull } from './rows.js';
import { nameChange, type AcceptedChange } from './sentences.js';

const NAME = 'no-lost-change';
/** How long after its instant a slot may be built. */
const LATE_SLOT_MS = 15_000;

export const noLostChange: Oracle = {
  name: NAME,
  needs: 'work',
  start: (context) => new NoLostChangeRun(context),
};

/** A scheduler and the changes that it still owes a buildset. */
interface Debtor {
  readonly scheduler: ObservedScheduler;
  readonly boundUs: number;
  readonly owed: Map<number, AcceptedChange>;
  /** null while it is disabled. */
  enabledSinceUs: number | null;
}

class NoLostChangeRun implements OracleRun {
  pending: readonly string[] = [];
  readonly #context: OracleContext;
  readonly #debtors: readonly Debtor[];
  readonly #triggers: OwedTriggers;
  readonly #slots = new Map<string, CronReference>();
  readonly #schedulers = new SchedulerRows();
  readonly #buildsets = new BuildsetOwners();
  #accepted = 0;
  #lastChangeUs = 0;
  #lastFaultUs = 0;
  #isConverging = false;

  constructor(context: OracleContext) {
    this.#context = context;
    this.#triggers = new OwedTriggers(context);
    for (const { name, slots } of context.schedulers)
      if (slots?.kind === 'calendar') this.#slots.set(name, new CronReference(slots));
    this.#debtors = context.schedulers.map((scheduler) => {
      const boundMs = context.failoverBoundMs + scheduler.treeStableTimerMs + 2 * context.claimPollMs;
      return {
        scheduler,
        boundUs: boundMs * 1000,
        owed: new Map<number, AcceptedChange>(),
        enabledSinceUs: 0,
      };
    });
  }

  get checks(): number {
    return this.#accepted + this.#triggers.count;
  }

  observe(event: HistoryEvent): readonly Violation[] {
    switch (event.kind) {
      case 'fault':
        this.#lastFaultUs = event.atUs;
        return NO_VIOLATIONS;
      case 'phase':
        this.#isConverging = event.phase === 'convergence';
        if (this.#isConverging) this.#lastFaultUs = event.atUs;
        return NO_VIOLATIONS;
      case 'commit':
        return this.#commit(event);
      case 'call':
        this.#triggers.call(event);
        return NO_VIOLATIONS;
      case 'job':
        this.#triggers.job(event);
        return NO_VIOLATIONS;
      default:
        return NO_VIOLATIONS;
    }
  }

  finish(atUs: number): readonly Violation[] {
    const violations: Violation[] = [];
    const pending: string[] = [];
    for (const debtor of this.#debtors) {
      const { name } = debtor.scheduler;
      for (const change of debtor.owed.values()) {
        const dueUs = this.#dueUs(debtor, change);
        if (atUs <= dueUs) {
          pending.push(`change ${change.changeid} of scheduler ${name}`);
          continue;
        }
        const message =
          `${nameChange(change)} is in no buildset of scheduler ${name} at ${formatUs(atUs)}; ` +
          `it was due by ${formatUs(dueUs)}`;
        violations.push({ guarantee: NAME, atUs, message, subject: name });
      }
    }
    for (const debt of this.#triggers.open) {
      const dueUs = this.#triggerDueUs(debt);
      if (atUs > dueUs) violations.push(this.#overdue(debt, atUs, dueUs));
      else pending.push(`${debt.what} of scheduler ${debt.scheduler.name}`);
    }
    this.pending = pending;
    return violations;
  }

  #commit(commit: CommitHistoryEvent): readonly Violation[] {
    this.#buildsets.learn(commit);
    const violations: Violation[] = [];
    for (const { table, op, row } of commit.rows) {
      if (row === null) continue;
      if (table === 'changes' && op === 'insert') this.#accept(row, commit.atUs);
      if (table === 'buildset_changes') this.#build(row, commit.atUs, violations);
    }
    this.#schedulers.learn(commit);
    for (const debt of this.#triggers.commit(commit)) this.#settle(debt, commit.atUs, violations);
    this.#followEnabled(commit);
    return violations;
  }

  #settle(debt: Debt & { readonly isLost: boolean }, atUs: number, violations: Violation[]): void {
    const { scheduler, what } = debt;
    if (debt.isLost) {
      const message = `${what} of scheduler ${scheduler.name} was taken at ${formatUs(atUs)} without a buildset`;
      violations.push({ guarantee: NAME, atUs, message, subject: scheduler.name });
      return;
    }
    const dueUs = this.#triggerDueUs(debt);
    if (!this.#isConverging || atUs <= dueUs) return;
    const message =
      `${what} came into a buildset of scheduler ${scheduler.name} only at ${formatUs(atUs)}; ` +
      `it was due by ${formatUs(dueUs)}`;
    violations.push({ guarantee: NAME, atUs, message, subject: scheduler.name });
  }

  #overdue({ scheduler, what, lack }: Debt, atUs: number, dueUs: number): Violation {
    const message =
      `${what} of scheduler ${scheduler.name} ${lack} at ${formatUs(atUs)}; ` +
      `it was due by ${formatUs(dueUs)}`;
    return { guarantee: NAME, atUs, message, subject: scheduler.name };
  }

  #accept(row: Row, atUs: number): void {
    const changeid = integer(row, 'changeid');
    this.#lastChangeUs = atUs;
    for (const { scheduler, owed } of this.#debtors) {
      if (this.#schedulers.byName(scheduler.name) === undefined || scheduler.wants(row) !== true) continue;
      this.#accepted++;
      owed.set(changeid, { changeid, branch: textOrNull(row, 'branch'), acceptedUs: atUs });
    }
  }

  #build(row: Row, atUs: number, violations: Violation[]): void {
    const buildsetId = integer(row, 'buildsetid');
    const schedulerId = this.#buildsets.schedulerIdOf(buildsetId);
    const name = schedulerId === undefined ? undefined : this.#schedulers.byId(schedulerId)?.name;
    const debtor = this.#debtors.find(({ scheduler }) => scheduler.name === name);
    const change = debtor?.owed.get(integer(row, 'changeid'));
    if (debtor === undefined || change === undefined) return;
    debtor.owed.delete(change.changeid);
    const dueUs = this.#dueUs(debtor, change);
    if (!this.#isConverging || atUs <= dueUs) return;
    const message =
      `${nameChange(change)} came into buildset ${buildsetId} of scheduler ${debtor.scheduler.name} only at ` +
      `${formatUs(atUs)}; it was due by ${formatUs(dueUs)}`;
    violations.push({ guarantee: NAME, atUs, message, subject: debtor.scheduler.name });
  }

  #followEnabled(commit: CommitHistoryEvent): void {
    for (const { table, row } of commit.rows) {
      if (table !== 'schedulers' || row === null) continue;
      const debtor = this.#debtors.find(({ scheduler }) => scheduler.name === row['name']);
      const isEnabled = row['enabled'] !== 0;
      if (debtor === undefined || isEnabled === (debtor.enabledSinceUs !== null)) continue;
      debtor.enabledSinceUs = isEnabled ? commit.atUs : null;
    }
  }

  /** Infinity while the scheduler is disabled. */
  #dueUs({ scheduler, boundUs, enabledSinceUs }: Debtor, change: AcceptedChange): number {
    if (enabledSinceUs === null) return Number.POSITIVE_INFINITY;
    const acceptedUs = scheduler.treeStableTimerMs > 0 ? this.#lastChangeUs : change.acceptedUs;
    return Math.max(acceptedUs, this.#lastFaultUs, enabledSinceUs) + boundUs;
  }

  /** Infinity also while no clock can be trusted to tell when a slot comes. */
  #triggerDueUs({ scheduler, sinceUs, needsSlot }: Debt): number {
    const debtor = this.#debtors.find((one) => one.scheduler === scheduler);
    if (debtor === undefined || debtor.enabledSinceUs === null) return Number.POSITIVE_INFINITY;
    const readyUs = Math.max(sinceUs, this.#lastFaultUs, debtor.enabledSinceUs) + debtor.boundUs;
    if (!needsSlot) return readyUs;
    const { clockErrorMs, epochMs } = this.#context;
    const slotMs = this.#slots.get(scheduler.name)?.next(epochMs + readyUs / 1000) ?? null;
    if (clockErrorMs === null || slotMs === null) return Number.POSITIVE_INFINITY;
    return (slotMs - epochMs + 3 * clockErrorMs + LATE_SLOT_MS) * 1000;
  }
}
