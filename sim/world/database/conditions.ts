// What goes wrong inside the database server while a fault lasts: commits that fail, stall, or lose their connection, and
// sessions that it refuses. Several may be in force at once; of one kind the highest probability counts.
//
// Each choice is a decision named by the client's node, and drawn only while its condition is in force. Conditions belong
// to the server's process and end with it.

import type { DatabaseErrorCode } from '../../../src/db/driver.js';
import type { Decisions } from '../../kernel/decisions.js';
import { undoOnce } from '../undo.js';

/** What a server answers to a commit that it could have done. */
export type CommitError = Extract<DatabaseErrorCode, 'serialization-failure' | 'deadlock'>;

/** What becomes of a commit: an error instead, or the end of its session before or after it. */
export type CommitFate = 'done' | CommitError | 'cut-before' | 'cut-after';

interface Likely {
  readonly ppm: number;
}

interface Stall extends Likely {
  readonly maxMs: number;
}

/** How often each struck, since the server was started. */
export interface ConditionStats {
  failedCommits: number;
  commitsCutBefore: number;
  commitsCutAfter: number;
  stalledCommits: number;
}

export class Conditions {
  readonly stats: ConditionStats = {
    failedCommits: 0,
    commitsCutBefore: 0,
    commitsCutAfter: 0,
    stalledCommits: 0,
  };
  readonly #decisions: Decisions;
  readonly #failures = new Map<CommitError, Set<Likely>>();
  readonly #cuts = new Map<'cut-before' | 'cut-after', Set<Likely>>();
  readonly #stalls = new Set<Stall>();
  readonly #slow = new Set<{ readonly extraUs: number }>();
  readonly #limits = new Set<{ readonly most: number }>();
  readonly #traps = new Map<string, Set<() => void>>();

  constructor(decisions: Decisions) {
    this.#decisions = decisions;
  }

  /** Every statement takes `extraUs` longer. All of these return their undo. */
  slow(extraUs: number): () => void {
    return impose(this.#slow, { extraUs });
  }

  /** No session beyond so many is let in; 0 = none at all. */
  limitSessions(most: number): () => void {
    return impose(this.#limits, { most });
  }

  /** Commits fail with this probability. */
  failCommits(error: CommitError, ppm: number): () => void {
    return impose(entry(this.#failures, error), { ppm });
  }

  /** Commits lose their connection with this probability: before they are done, or after. */
  cutCommits(when: 'cut-before' | 'cut-after', ppm: number): () => void {
    return impose(entry(this.#cuts, when), { ppm });
  }

  /** Commits are late by 1 to `maxMs` with this probability, and others overtake them. */
  stallCommits(ppm: number, maxMs: number): () => void {
    return impose(this.#stalls, { ppm, maxMs });
  }

  /** Calls `spring` once, when a transaction of `node` has been answered and is open. */
  trapTransaction(node: string, spring: () => void): () => void {
    return impose(entry(this.#traps, node), spring);
  }

  /** What every statement costs besides, microseconds. */
  get slowUs(): number {
    let us = 0;
    for (const { extraUs } of this.#slow) us += extraUs;
    return us;
  }

  /** Whether a session may be opened when so many are open. */
  admits(open: number): boolean {
    for (const { most } of this.#limits) if (open >= most) return false;
    return true;
  }

  /** How late the next commit of `node` is, microseconds. */
  commitStallUs(node: string): number {
    if (!this.#strikes('sql.commit-stall', node, this.#stalls)) return 0;
    this.stats.stalledCommits += 1;
    const longestMs = Math.max(1, ...[...this.#stalls].map(({ maxMs }) => maxMs));
    return (1 + this.#decisions.stream('sql.commit-stall-time', node).choose(longestMs)) * 1_000;
  }

  /** What becomes of the next commit of `node`. */
  commitFate(node: string): CommitFate {
    for (const [error, conditions] of this.#failures) {
      if (!this.#strikes(`sql.${error}`, node, conditions)) continue;
      this.stats.failedCommits += 1;
      return error;
    }
    for (const [when, conditions] of this.#cuts) {
      if (!this.#strikes(`sql.${when}`, node, conditions)) continue;
      if (when === 'cut-before') this.stats.commitsCutBefore += 1;
      else this.stats.commitsCutAfter += 1;
      return when;
    }
    return 'done';
  }

  /** A transaction of `node` is open, and its client has been answered. */
  isOpen(node: string): void {
    const springs = this.#traps.get(node);
    if (springs === undefined) return;
    this.#traps.delete(node);
    for (const spring of springs) spring();
  }

  #strikes(site: string, node: string, conditions: ReadonlySet<Likely>): boolean {
    if (conditions.size === 0) return false;
    const ppm = Math.max(...[...conditions].map((condition) => condition.ppm));
    return this.#decisions.stream(site, node).chance(ppm);
  }
}

function impose<T>(conditions: Set<T>, condition: T): () => void {
  conditions.add(condition);
  return undoOnce(() => void conditions.delete(condition));
}

function entry<K, T>(map: Map<K, Set<T>>, key: K): Set<T> {
  let set = map.get(key);
  if (set === undefined) map.set(key, (set = new Set()));
  return set;
}
