// G9 dead-released: what a dead master leaves behind is released, within a bound, and completely: the mark of being active,
// its links, its claims on build requests, and its builds, which end with RETRY.
//
// An incarnation of a master is dead when its process has ended, or as soon as its row says so: it is inactive, or a later
// incarnation has begun. Links go with the commit that sets a master inactive. The rest has until the bound, counted from
// the death, or from when a master has been healthy since, whichever is later. Each is reported once. A build that has
// ended may not end again. From phase `end` on nothing is judged.

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
import { integer, integerOrNull } from './rows.js';
import { nameProcess } from './sentences.js';

const NAME = 'dead-released';
const RETRY = 5;

export const deadReleased: Oracle = {
  name: NAME,
  needs: 'faults',
  start: (context) => new DeadReleasedRun(context),
};

/** Something that an incarnation holds and that has to go when it dies. */
interface Holding {
  /** `build 3`, `the claim on request 7`, `the mark of being active`. */
  readonly what: string;
  readonly masterid: number;
  readonly incarnation: number;
  /** `master-a#1`. */
  readonly process: string;
  /** Since when its incarnation is dead; null while it lives. */
  deadSinceUs: number | null;
}

/** Tables of links to masters, each with what identifies a link. */
const LINKS: ReadonlyMap<string, readonly string[]> = new Map([
  ['scheduler_masters', ['schedulerid']],
  ['changesource_masters', ['changesourceid']],
  ['builder_masters', ['builderid', 'masterid']],
]);

class DeadReleasedRun implements OracleRun {
  checks = 0;
  readonly #boundUs: number;
  readonly #holdings = new Map<string, Holding>();
  /** The master of each link. */
  readonly #links = new Map<string, number>();
  /** Masters: the incarnation of each, and whether it is active. */
  readonly #masters = new Map<number, { readonly incarnation: number; readonly isActive: boolean }>();
  readonly #ended = new Set<string>();
  readonly #healthySinceUs = new Map<string, number>();
  /** Before this instant nothing is overdue. */
  #dueUs = Number.POSITIVE_INFINITY;
  #isOver = false;

  constructor({ leaseMs, claimPollMs }: OracleContext) {
    this.#boundUs = Math.ceil((leaseMs + 2 * claimPollMs) * 1.01 + 15_000) * 1000;
  }

  get pending(): readonly string[] {
    const dead = [...this.#holdings.values()].filter(({ deadSinceUs }) => deadSinceUs !== null);
    return dead.map(({ what, process }) => `${what} of ${process}`);
  }

  observe(event: HistoryEvent): readonly Violation[] {
    if (this.#isOver) return NO_VIOLATIONS;
    if (event.kind === 'phase' && event.phase === 'end') return this.finish(event.atUs);
    const overdue = event.atUs > this.#dueUs ? this.#judge(event.atUs) : NO_VIOLATIONS;
    switch (event.kind) {
      case 'commit': {
        const found = this.#commit(event);
        return found.length === 0 ? overdue : [...overdue, ...found];
      }
      case 'life':
        if (event.what === 'crash' || event.what === 'exit')
          this.#processEnded(nameProcess(event), event.atUs);
        break;
      case 'health':
        if (event.isHealthy) this.#healthySinceUs.set(event.node, event.atUs);
        else this.#healthySinceUs.delete(event.node);
        this.#schedule();
        break;
      default:
        break;
    }
    return overdue;
  }

  finish(atUs: number): readonly Violation[] {
    if (this.#isOver) return NO_VIOLATIONS;
    this.#isOver = true;
    return this.#judge(atUs);
  }

  #commit(commit: CommitHistoryEvent): readonly Violation[] {
    const violations: Violation[] = [];
    const deactivated: number[] = [];
    for (const change of commit.rows) {
      if (change.table === 'masters') this.#master(commit, change, deactivated);
      else if (change.table === 'builds') this.#build(commit, change, violations);
      else if (change.table === 'buildrequest_claims') this.#claim(commit, change);
      else if (LINKS.has(change.table)) this.#link(change);
    }
    for (const masterid of deactivated) this.#checkLinks(masterid, commit, violations);
    return violations;
  }

  #master(commit: CommitHistoryEvent, { old, row }: RowChange, deactivated: number[]): void {
    if (row === null) return;
    const id = integer(row, 'id');
    const incarnation = integer(row, 'incarnation');
    const isActive = integer(row, 'active') !== 0;
    const before = this.#masters.get(id);
    if (before?.incarnation === incarnation && before.isActive === isActive) return;
    this.#masters.set(id, { incarnation, isActive });
    if (old !== null && before?.isActive === true && !isActive) deactivated.push(id);
    const key = `master ${id}`;
    const mark = this.#holdings.get(key);
    if (mark !== undefined && (!isActive || mark.incarnation !== incarnation)) this.#released(key);
    if (isActive && !this.#holdings.has(key))
      this.#hold(key, 'the mark of being active', { masterid: id, incarnation }, commit);
    for (const holding of this.#holdings.values()) {
      if (holding.masterid === id && this.#isDead(holding)) holding.deadSinceUs ??= commit.atUs;
    }
    this.#schedule();
  }

  #build(commit: CommitHistoryEvent, { old, row }: RowChange, violations: Violation[]): void {
    if (row === null) return;
    const key = `build ${integer(row, 'id')}`;
    const hasEnded = integerOrNull(row, 'complete_at') !== null;
    if (old !== null && integerOrNull(old, 'complete_at') !== null) {
      const message = `${key}, which had ended, was changed by ${nameProcess(commit)} at ${formatUs(commit.atUs)}`;
      violations.push({ guarantee: NAME, atUs: commit.atUs, message, subject: key });
    } else if (!hasEnded) {
      if (old === null) this.#hold(key, key, ownerOf(row), commit);
    } else {
      const holding = this.#holdings.get(key);
      const wasDead = holding !== undefined && holding.deadSinceUs !== null;
      this.#released(key);
      if (!wasDead || integerOrNull(row, 'results') === RETRY) return;
      const message =
        `${key} of ${holding.process}, which was dead since ${formatUs(holding.deadSinceUs ?? 0)}, ended with results ` +
        `${integerOrNull(row, 'results')} at ${formatUs(commit.atUs)}, expected ${RETRY} (RETRY)`;
      violations.push({ guarantee: NAME, atUs: commit.atUs, message, subject: key });
    }
  }

  #claim(commit: CommitHistoryEvent, { old, row }: RowChange): void {
    const brid = integer(row ?? old ?? {}, 'brid');
    const key = `request ${brid}`;
    if (row === null || integer(row, 'is_open') === 0) this.#released(key);
    else if (old === null) this.#hold(key, `the claim on request ${brid}`, ownerOf(row), commit);
  }

  #link({ table, old, row }: RowChange): void {
    const columns = LINKS.get(table) ?? [];
    const key = [table, ...columns.map((column) => integer(row ?? old ?? {}, column))].join('/');
    if (row === null) this.#links.delete(key);
    else this.#links.set(key, integer(row, 'masterid'));
  }

  #checkLinks(masterid: number, commit: CommitHistoryEvent, violations: Violation[]): void {
    this.checks++;
    for (const [link, of] of this.#links) {
      if (of !== masterid) continue;
      const message = `link ${link} is left to master ${masterid}, which ${nameProcess(commit)} set inactive at ${formatUs(commit.atUs)}`;
      violations.push({ guarantee: NAME, atUs: commit.atUs, message, subject: link });
    }
  }

  #hold(
    key: string,
    what: string,
    owner: { masterid: number; incarnation: number },
    by: CommitHistoryEvent,
  ): void {
    const process = nameProcess(by);
    const holding: Holding = { what, ...owner, process, deadSinceUs: null };
    if (this.#isDead(holding) || this.#ended.has(process)) holding.deadSinceUs = by.atUs;
    this.#holdings.set(key, holding);
    this.#schedule();
  }

  #released(key: string): void {
    const holding = this.#holdings.get(key);
    if (holding === undefined) return;
    if (holding.deadSinceUs !== null) this.checks++;
    this.#holdings.delete(key);
    this.#schedule();
  }

  #isDead({ masterid, incarnation }: Holding): boolean {
    const master = this.#masters.get(masterid);
    return master !== undefined && (!master.isActive || master.incarnation > incarnation);
  }

  #processEnded(process: string, atUs: number): void {
    this.#ended.add(process);
    for (const holding of this.#holdings.values()) {
      if (holding.process === process) holding.deadSinceUs ??= atUs;
    }
    this.#schedule();
  }

  #judge(atUs: number): readonly Violation[] {
    const violations: Violation[] = [];
    const healthiest = this.#healthiest();
    if (healthiest === null) return NO_VIOLATIONS;
    for (const [key, { what, process, deadSinceUs }] of this.#holdings) {
      if (deadSinceUs === null) continue;
      const sinceUs = Math.max(deadSinceUs, healthiest.sinceUs);
      if (atUs <= sinceUs + this.#boundUs) continue;
      this.#released(key);
      const message =
        `${what} of ${process}, which was dead since ${formatUs(deadSinceUs)}, was not released from ${formatUs(sinceUs)} ` +
        `to ${formatUs(atUs)}, although ${healthiest.node} was healthy throughout; the bound is ${formatUs(this.#boundUs)}`;
      violations.push({ guarantee: NAME, atUs, message, subject: key });
    }
    this.#schedule();
    return violations;
  }

  #healthiest(): { readonly node: string; readonly sinceUs: number } | null {
    let healthiest: { readonly node: string; readonly sinceUs: number } | null = null;
    for (const [node, sinceUs] of this.#healthySinceUs) {
      if (healthiest === null || sinceUs < healthiest.sinceUs) healthiest = { node, sinceUs };
    }
    return healthiest;
  }

  #schedule(): void {
    this.#dueUs = Number.POSITIVE_INFINITY;
    const healthiest = this.#healthiest();
    if (healthiest === null) return;
    for (const { deadSinceUs } of this.#holdings.values()) {
      if (deadSinceUs === null) continue;
      this.#dueUs = Math.min(this.#dueUs, Math.max(deadSinceUs, healthiest.sinceUs) + this.#boundUs);
    }
  }
}

function ownerOf(row: NonNullable<RowChange['row']>): { masterid: number; incarnation: number } {
  return { masterid: integer(row, 'masterid'), incarnation: integer(row, 'incarnation') };
}
