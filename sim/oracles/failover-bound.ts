// G3 failover-bound: an enabled scheduler is active within the failover bound while one master is healthy, and claimed
// again within the release bound after its owner released it in a clean stop (see release-watch.ts).
//
// A gap of a scheduler begins when no running master reports it active any more, when it is enabled, when a master has been
// healthy since, and when its last claimant failed: the last of these four. An event is judged before it is applied, since
// what it changes was as before until now. Each gap is reported once. From phase `end` on nothing is judged.
//
// Why the claimant counts: A fails at 0, C ends it and claims at 67, and is killed at once, before it was active; its claim
// may even commit after its death. B has to wait a whole lease for C, and is in time when it is active at 160. A claimant
// that lives, is healthy and is not active has no such excuse.

import { formatUs } from '../report/virtual-time.js';
import {
  NO_VIOLATIONS,
  type CommitHistoryEvent,
  type HistoryEvent,
  type LifeHistoryEvent,
  type Oracle,
  type OracleContext,
  type OracleRun,
  type Row,
  type RowChange,
  type Violation,
} from './history.js';
import { ReleaseWatch } from './release-watch.js';

const NAME = 'failover-bound';

export const failoverBound: Oracle = {
  name: NAME,
  start: (context) => new FailoverBoundRun(context),
};

/** A scheduler as this oracle follows it. */
interface Watched {
  readonly name: string;
  /** Since when no running master reports it active; null while one does. */
  inactiveSinceUs: number | null;
  /** Since when it is enabled, 0 until its row says otherwise; null while it is disabled. */
  enabledSinceUs: number | null;
  /** The node that claimed it last, and when that was seen to be down, paused or hindered; null: never. */
  claimant: string | null;
  claimantFailedUs: number;
  /** The present gap has been reported. */
  isReported: boolean;
}

class FailoverBoundRun implements OracleRun {
  readonly pending: string[] = [];
  readonly #boundUs: number;
  readonly #watched: readonly Watched[];
  readonly #healthySinceUs = new Map<string, number>();
  readonly #releases: ReleaseWatch;
  #healthiest: { readonly node: string; readonly sinceUs: number } | null = null;
  /** When the first gap now open is overdue. */
  #dueUs = Number.POSITIVE_INFINITY;
  #isOver = false;
  #gaps = 0;
  #longestUs = 0;

  constructor(context: OracleContext) {
    this.#boundUs = context.failoverBoundMs * 1000;
    this.#releases = new ReleaseWatch(NAME, context);
    this.#watched = context.schedulers.map(({ name }) => {
      const nobody = { claimant: null, claimantFailedUs: 0 };
      return { name, inactiveSinceUs: 0, enabledSinceUs: 0, ...nobody, isReported: false };
    });
  }

  get checks(): number {
    return this.#gaps + this.#releases.checks;
  }

  get figures(): Readonly<Record<string, number>> {
    return {
      failoverMaxMs: Math.ceil(this.#longestUs / 1000),
      releaseMaxMs: Math.ceil(this.#releases.longestUs / 1000),
    };
  }

  observe(event: HistoryEvent): readonly Violation[] {
    if (this.#isOver) return NO_VIOLATIONS;
    if (event.kind === 'phase' && event.phase === 'end') return this.finish(event.atUs);
    const overdue = event.atUs > this.#dueUs ? this.#judge(event.atUs) : NO_VIOLATIONS;
    const unclaimed = this.#releases.observe(event);
    this.#apply(event);
    return unclaimed.length === 0 ? overdue : [...overdue, ...unclaimed];
  }

  finish(atUs: number): readonly Violation[] {
    if (this.#isOver) return NO_VIOLATIONS;
    this.#isOver = true;
    const violations = [...this.#judge(atUs), ...this.#releases.finish(atUs)];
    for (const watched of this.#watched) {
      const sinceUs = this.#gapStart(watched);
      if (sinceUs === null) continue;
      if (watched.isReported) this.#measure(watched, atUs);
      else this.pending.push(`scheduler ${watched.name}, inactive since ${formatUs(sinceUs)}`);
    }
    return violations;
  }

  #judge(atUs: number): readonly Violation[] {
    const violations: Violation[] = [];
    for (const watched of this.#watched) {
      const sinceUs = this.#gapStart(watched);
      if (
        sinceUs === null ||
        this.#healthiest === null ||
        watched.isReported ||
        atUs <= sinceUs + this.#boundUs
      )
        continue;
      watched.isReported = true;
      this.#gaps++;
      this.#measure(watched, atUs);
      const message =
        `scheduler ${watched.name} was active on no running master from ${formatUs(sinceUs)} to ${formatUs(atUs)}, ` +
        `although ${this.#healthiest.node} was healthy throughout; the bound is ${formatUs(this.#boundUs)}`;
      violations.push({ guarantee: NAME, atUs, message, subject: watched.name });
    }
    this.#schedule();
    return violations;
  }

  #apply(event: HistoryEvent): void {
    switch (event.kind) {
      case 'active':
        this.#sample(event.scheduler, event.running.length > 0, event.atUs);
        break;
      case 'health':
        this.#health(event.node, event.isHealthy, event.atUs);
        break;
      case 'commit':
        for (const change of event.rows) if (change.table === 'schedulers') this.#commit(event, change);
        break;
      case 'life':
        if (ENDINGS.has(event.what)) this.#failed(event.node, event.atUs);
        break;
      default:
        break;
    }
  }

  #commit({ node, atUs }: CommitHistoryEvent, { old, row }: RowChange): void {
    if (row === null) return;
    this.#enable(row['name'], row['enabled'] !== 0, atUs);
    const watched = this.#watched.find(({ name }) => name === row['name']);
    if (watched === undefined || !isClaim(old, row)) return;
    watched.claimant = node;
    if (!this.#healthySinceUs.has(node)) watched.claimantFailedUs = atUs;
    this.#schedule();
  }

  #failed(node: string, atUs: number): void {
    for (const watched of this.#watched) if (watched.claimant === node) watched.claimantFailedUs = atUs;
    this.#schedule();
  }

  #sample(scheduler: string, isActive: boolean, atUs: number): void {
    const watched = this.#watched.find(({ name }) => name === scheduler);
    if (watched === undefined || isActive === (watched.inactiveSinceUs === null)) return;
    if (isActive && this.#gapStart(watched) !== null) {
      if (!watched.isReported) this.#gaps++;
      this.#measure(watched, atUs);
    }
    watched.inactiveSinceUs = isActive ? null : atUs;
    watched.isReported = false;
    this.#schedule();
  }

  #health(node: string, isHealthy: boolean, atUs: number): void {
    if (isHealthy === this.#healthySinceUs.has(node)) return;
    if (isHealthy) this.#healthySinceUs.set(node, atUs);
    else {
      this.#healthySinceUs.delete(node);
      this.#failed(node, atUs);
    }
    this.#healthiest = null;
    for (const [candidate, sinceUs] of this.#healthySinceUs) {
      if (this.#healthiest === null || sinceUs < this.#healthiest.sinceUs)
        this.#healthiest = { node: candidate, sinceUs };
    }
    this.#schedule();
  }

  #enable(name: unknown, isEnabled: boolean, atUs: number): void {
    const watched = this.#watched.find((candidate) => candidate.name === name);
    if (watched === undefined || isEnabled === (watched.enabledSinceUs !== null)) return;
    watched.enabledSinceUs = isEnabled ? atUs : null;
    this.#schedule();
  }

  /** When the scheduler's present gap began; null without one, or with no healthy master to end it. */
  #gapStart({ inactiveSinceUs, enabledSinceUs, claimantFailedUs }: Watched): number | null {
    if (inactiveSinceUs === null || enabledSinceUs === null || this.#healthiest === null) return null;
    return Math.max(inactiveSinceUs, enabledSinceUs, claimantFailedUs, this.#healthiest.sinceUs);
  }

  #measure(watched: Watched, atUs: number): void {
    const sinceUs = this.#gapStart(watched);
    if (sinceUs !== null) this.#longestUs = Math.max(this.#longestUs, atUs - sinceUs);
  }

  #schedule(): void {
    this.#dueUs = Number.POSITIVE_INFINITY;
    for (const watched of this.#watched) {
      const sinceUs = watched.isReported ? null : this.#gapStart(watched);
      if (sinceUs !== null) this.#dueUs = Math.min(this.#dueUs, sinceUs + this.#boundUs);
    }
  }
}

const ENDINGS: ReadonlySet<LifeHistoryEvent['what']> = new Set(['crash', 'exit', 'pause', 'stop']);

/** Whether this change of a scheduler's row is a claim: it is somebody's afterwards, by a new right. */
function isClaim(old: Row | null, row: Row): boolean {
  if (row['is_free'] !== 0 || row['owner_masterid'] === null) return false;
  return old === null || old['is_free'] !== 0 || old['epoch'] !== row['epoch'];
}
