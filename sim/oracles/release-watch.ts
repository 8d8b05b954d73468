// The second rule of failover-bound: a scheduler that its owner released in a clean stop is claimed again within the
// release bound, if a settled candidate was there throughout.
//
// A candidate is another master that had been ready and healthy for a whole failover bound when the release was
// committed: by then it has certainly noticed dead sessions and rejoined. One that loses its health, stops or restarts
// is none any more; a release without candidates is not judged.

import { formatUs } from '../report/virtual-time.js';
import {
  NO_VIOLATIONS,
  type CommitHistoryEvent,
  type HistoryEvent,
  type LifeHistoryEvent,
  type OracleContext,
  type RowChange,
  type Violation,
} from './history.js';
import { SchedulerRows, Tenures, type SchedulerRow } from './rows.js';
import { list, nameProcess } from './sentences.js';

interface Release {
  readonly scheduler: string;
  readonly byProcess: string;
  readonly releasedUs: number;
  readonly candidates: Set<string>;
}

export class ReleaseWatch {
  /** Releases that were judged. */
  checks = 0;
  /** The longest time from a release to its claim, of those judged. */
  longestUs = 0;
  readonly #guarantee: string;
  readonly #boundUs: number;
  readonly #settledUs: number;
  readonly #schedulers = new SchedulerRows();
  readonly #tenures = new Tenures(this.#schedulers);
  readonly #open = new Map<number, Release>();
  readonly #healthySinceUs = new Map<string, number>();
  readonly #ready = new Set<string>();
  readonly #stopping = new Set<string>();

  constructor(guarantee: string, context: OracleContext) {
    this.#guarantee = guarantee;
    this.#boundUs = context.releaseBoundMs * 1000;
    this.#settledUs = context.failoverBoundMs * 1000;
  }

  observe(event: HistoryEvent): readonly Violation[] {
    const violations = this.#open.size === 0 ? NO_VIOLATIONS : this.finish(event.atUs);
    switch (event.kind) {
      case 'life':
        this.#live(event);
        break;
      case 'health':
        this.#health(event.node, event.isHealthy, event.atUs);
        break;
      case 'commit':
        this.#commit(event);
        break;
      default:
        break;
    }
    return violations;
  }

  /** Judges the releases that are open at `atUs`. */
  finish(atUs: number): readonly Violation[] {
    const violations: Violation[] = [];
    for (const [id, release] of this.#open) {
      if (atUs <= release.releasedUs + this.#boundUs) continue;
      this.#open.delete(id);
      this.checks++;
      this.longestUs = Math.max(this.longestUs, atUs - release.releasedUs);
      const message =
        `scheduler ${release.scheduler}, released by ${release.byProcess} at ${formatUs(release.releasedUs)}, was still ` +
        `unclaimed at ${formatUs(atUs)}, although ${list([...release.candidates])} was healthy throughout; ` +
        `the bound is ${formatUs(this.#boundUs)}`;
      violations.push({ guarantee: this.#guarantee, atUs, message, subject: release.scheduler });
    }
    return violations;
  }

  #live({ node, what, ...process }: LifeHistoryEvent): void {
    if (what === 'clock') return;
    const name = nameProcess({ node, incarnation: process.incarnation });
    if (what === 'ready') this.#ready.add(node);
    else this.#disqualify(node);
    if (what === 'start' || what === 'crash' || what === 'exit' || what === 'stop') this.#ready.delete(node);
    if (what === 'stop') this.#stopping.add(name);
    if (what === 'crash' || what === 'exit') this.#stopping.delete(name);
  }

  #health(node: string, isHealthy: boolean, atUs: number): void {
    if (isHealthy && !this.#healthySinceUs.has(node)) this.#healthySinceUs.set(node, atUs);
    if (isHealthy) return;
    this.#healthySinceUs.delete(node);
    this.#disqualify(node);
  }

  #disqualify(node: string): void {
    for (const [id, release] of this.#open) {
      if (release.candidates.delete(node) && release.candidates.size === 0) this.#open.delete(id);
    }
  }

  #commit(commit: CommitHistoryEvent): void {
    this.#tenures.learn(commit);
    for (const change of commit.rows) if (change.table === 'schedulers') this.#commitRow(commit, change);
  }

  #commitRow(commit: CommitHistoryEvent, change: RowChange): void {
    const before = change.row === null ? undefined : this.#schedulers.byId(Number(change.row['id']));
    const after = this.#schedulers.learnRow(change);
    if (before === undefined || after === null) return;
    const open = this.#open.get(after.id);
    if (open !== undefined && (!after.isFree || !after.isEnabled)) {
      this.#open.delete(after.id);
      if (!after.isFree) this.#claimed(open, commit.atUs);
    }
    if (!before.isFree && after.isFree && after.isEnabled && this.#isCleanRelease(commit, before)) {
      this.#released(commit, after);
    }
  }

  #isCleanRelease(commit: CommitHistoryEvent, before: SchedulerRow): boolean {
    return this.#stopping.has(nameProcess(commit)) && this.#tenures.isOwnedBy(before, commit);
  }

  #released(commit: CommitHistoryEvent, row: SchedulerRow): void {
    const candidates = new Set<string>();
    for (const [node, sinceUs] of this.#healthySinceUs) {
      const isSettled = this.#ready.has(node) && sinceUs + this.#settledUs <= commit.atUs;
      if (isSettled && node !== commit.node) candidates.add(node);
    }
    if (candidates.size === 0) return;
    const byProcess = nameProcess(commit);
    this.#open.set(row.id, { scheduler: row.name, byProcess, releasedUs: commit.atUs, candidates });
  }

  #claimed(release: Release, atUs: number): void {
    this.checks++;
    this.longestUs = Math.max(this.longestUs, atUs - release.releasedUs);
  }
}
