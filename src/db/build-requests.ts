// The build requests connector: what is to be built, and who has taken it on.
//
// A claim is of one incarnation of a master, and ends with it. It is taken by a transaction that sees that incarnation
// active: one that others have ended claims nothing, however late its statement arrives.
// @source buildbot master/buildbot/db/buildrequests.py

import { assert, present } from '../core/assert.js';
import { StandinError } from '../core/errors.js';
import { RETRY } from '../core/results.js';
import { ClaimLostError, type Owner } from './claims.js';
import type { Database } from './database.js';
import type { Row, SqlValue, Statement } from './driver.js';
import { booleanOf, integerOf, integerOrNull, placeholders, textOf } from './row.js';
import type { Transaction } from './transaction.js';

export interface BuildRequest {
  readonly buildrequestid: number;
  readonly buildsetid: number;
  readonly builderid: number;
  readonly buildername: string;
  readonly priority: number;
  readonly complete: boolean;
  /** -1 until it is complete. */
  readonly results: number;
  /** Seconds since the epoch, as all times here. */
  readonly submittedAt: number;
  readonly completeAt: number | null;
  readonly waitedFor: boolean;
  readonly claimed: boolean;
  readonly claimedAt: number | null;
  readonly claimedByMasterid: number | null;
}

/** Which requests: all conditions that are given must hold. */
export interface BuildRequestFilter {
  readonly builderid?: number;
  readonly bsid?: number;
  readonly complete?: boolean;
  /** True = by anybody, false = by nobody and incomplete, a number = by that master. */
  readonly claimed?: boolean | number;
  /** Of a stamp of the buildset; null = without one. */
  readonly branch?: string | null;
  readonly repository?: string;
}

/** How requests end. */
export interface RequestCompletion {
  readonly results: number;
  /** Seconds since the epoch. */
  readonly completeAt: number;
  /** Who must hold the claim; without one nobody need (a request that is cancelled). */
  readonly owner?: Owner;
}

/** A request is claimed already, by whomever, or complete, or does not exist; none of those named was claimed. */
export class AlreadyClaimedError extends StandinError {
  constructor(brids: readonly number[]) {
    super('already-claimed', `of the build requests ${summary(brids)} not all could be claimed`);
  }
}

/** A request is complete already, or does not exist, or its claim is not the caller's; none of those named was changed. */
export class NotClaimedError extends StandinError {
  constructor(brids: readonly number[]) {
    super('not-claimed', `of the build requests ${summary(brids)} not all were there to be completed`);
  }
}

/** Ids in one statement. */
const CHUNK = 500;

const SELECT = `SELECT r.id, r.buildsetid, r.builderid, b.name AS buildername, r.priority, r.complete, r.results,
    r.submitted_at, r.complete_at, r.waited_for, c.claimed_at, c.masterid
  FROM buildrequests r JOIN builders b ON b.id = r.builderid LEFT JOIN buildrequest_claims c ON c.brid = r.id`;

export class BuildRequestsConnector {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** The request, or null. */
  async getBuildRequest(brid: number): Promise<BuildRequest | null> {
    return (await this.#read({ sql: `${SELECT} WHERE r.id = ?`, values: [brid] }))[0] ?? null;
  }

  /** The requests that match, by id. */
  getBuildRequests(filter: BuildRequestFilter = {}): Promise<readonly BuildRequest[]> {
    const { conditions, values } = conditionsOf(filter);
    return this.#read({ sql: `${SELECT} WHERE ${conditions.join(' AND ')} ORDER BY r.id`, values });
  }

  /** At most `limit` requests of these builders that nobody has claimed: those of higher priority first, then the oldest. */
  getClaimable(builderids: readonly number[], limit: number): Promise<readonly BuildRequest[]> {
    const sql = `${SELECT} WHERE r.builderid IN ${placeholders(builderids.length)} AND r.complete = 0 AND c.brid IS NULL
                 ORDER BY r.priority DESC, r.submitted_at, r.id LIMIT ?`;
    return this.#read({ sql, values: [...builderids, limit] });
  }

  /** Those of these requests that exist, by id, as part of a transaction. */
  async getBuildRequestsIn(tx: Transaction, brids: readonly number[]): Promise<readonly BuildRequest[]> {
    const results = await tx.run(
      chunks(brids).map((ids) => ({
        sql: `${SELECT} WHERE r.id IN ${placeholders(ids.length)} ORDER BY r.id`,
        values: ids,
      })),
    );
    return results.flatMap(({ rows }) => rows.map(requestOf));
  }

  /**
   * Claims all of these requests, or none. One round trip when it succeeds.
   * @throws AlreadyClaimedError, also when they are the caller's; ClaimLostError when its incarnation is not active.
   */
  async claimBuildRequestsIn(
    tx: Transaction,
    brids: readonly number[],
    owner: Owner,
    claimedAt: number,
  ): Promise<void> {
    const { masterid, incarnation } = owner;
    const results = await tx.run(
      chunks(brids).map((ids) => ({
        sql: `INSERT INTO buildrequest_claims (brid, masterid, incarnation, claimed_at)
              SELECT r.id, m.id, m.incarnation, ? FROM buildrequests r, masters m
              WHERE m.id = ? AND m.incarnation = ? AND m.active = 1 AND r.complete = 0
                AND NOT EXISTS (SELECT 1 FROM buildrequest_claims c WHERE c.brid = r.id)
                AND r.id IN ${placeholders(ids.length)}`,
        values: [claimedAt, masterid, incarnation, ...ids],
      })),
    );
    if (sum(results) === brids.length) return;
    await assertActiveIn(tx, owner, `claiming ${brids.length} build requests`);
    throw new AlreadyClaimedError(brids);
  }

  /** Gives back those of these requests that the owner has claimed and not completed; returns their ids. */
  async unclaimBuildRequestsIn(
    tx: Transaction,
    brids: readonly number[],
    { masterid, incarnation }: Owner,
  ): Promise<readonly number[]> {
    const results = await tx.run(
      chunks(brids).map((ids) => ({
        sql: `DELETE FROM buildrequest_claims WHERE masterid = ? AND incarnation = ? AND is_open = 1
                AND brid IN ${placeholders(ids.length)} RETURNING brid`,
        values: [masterid, incarnation, ...ids],
      })),
    );
    const unclaimed = results.flatMap(({ rows }) => rows.map((row) => integerOf(row, 'brid')));
    return unclaimed.toSorted((a, b) => a - b);
  }

  /** Completes all of these requests, or none. @throws NotClaimedError. */
  async completeBuildRequestsIn(
    tx: Transaction,
    brids: readonly number[],
    { results, completeAt, owner }: RequestCompletion,
  ): Promise<void> {
    assert(results !== RETRY, 'a request whose build is to be tried again is not complete');
    const isOwned = `AND EXISTS (SELECT 1 FROM buildrequest_claims c WHERE c.brid = buildrequests.id
                       AND c.masterid = ? AND c.incarnation = ?)`;
    const parts = chunks(brids);
    const changed = await tx.run([
      ...parts.map((ids) => ({
        sql: `UPDATE buildrequests SET complete = 1, results = ?, complete_at = ?
              WHERE complete = 0 AND id IN ${placeholders(ids.length)} ${owner === undefined ? '' : isOwned}`,
        values: [
          results,
          completeAt,
          ...ids,
          ...(owner === undefined ? [] : [owner.masterid, owner.incarnation]),
        ],
      })),
      ...parts.map((ids) => ({
        sql: `UPDATE buildrequest_claims SET is_open = 0 WHERE brid IN ${placeholders(ids.length)}`,
        values: ids,
      })),
    ]);
    if (sum(changed.slice(0, parts.length)) !== brids.length) throw new NotClaimedError(brids);
  }

  async #read(statement: Statement): Promise<readonly BuildRequest[]> {
    return present((await this.#database.read([statement]))[0], 'build requests').rows.map(requestOf);
  }
}

/** @throws ClaimLostError unless this incarnation is the active one of its master. */
export async function assertActiveIn(tx: Transaction, owner: Owner, what: string): Promise<void> {
  const sql = 'SELECT id FROM masters WHERE id = ? AND incarnation = ? AND active = 1';
  if ((await tx.one(sql, [owner.masterid, owner.incarnation])) === null) throw new ClaimLostError(what);
}

function conditionsOf(filter: BuildRequestFilter): {
  readonly conditions: readonly string[];
  readonly values: readonly SqlValue[];
} {
  const conditions = ['1 = 1'];
  const values: SqlValue[] = [];
  const add = (condition: string, ...bound: readonly SqlValue[]): void => {
    conditions.push(condition);
    values.push(...bound);
  };
  if (filter.builderid !== undefined) add('r.builderid = ?', filter.builderid);
  if (filter.bsid !== undefined) add('r.buildsetid = ?', filter.bsid);
  if (filter.complete !== undefined) add('r.complete = ?', Number(filter.complete));
  if (filter.claimed === true) add('c.brid IS NOT NULL');
  if (filter.claimed === false) add('c.brid IS NULL AND r.complete = 0');
  if (typeof filter.claimed === 'number') add('c.masterid = ?', filter.claimed);
  if (filter.branch === null) add(ofStamp('s.branch IS NULL'));
  else if (filter.branch !== undefined) add(ofStamp('s.branch = ?'), filter.branch);
  if (filter.repository !== undefined) add(ofStamp('s.repository = ?'), filter.repository);
  return { conditions, values };
}

function ofStamp(condition: string): string {
  return `EXISTS (SELECT 1 FROM buildset_sourcestamps l JOIN sourcestamps s ON s.id = l.sourcestampid
            WHERE l.buildsetid = r.buildsetid AND ${condition})`;
}

function chunks(brids: readonly number[]): readonly (readonly number[])[] {
  const parts: (readonly number[])[] = [];
  for (let i = 0; i < brids.length; i += CHUNK) parts.push(brids.slice(i, i + CHUNK));
  return parts;
}

function sum(results: readonly { readonly changes: number }[]): number {
  return results.reduce((total, { changes }) => total + changes, 0);
}

function summary(brids: readonly number[]): string {
  return brids.length <= 5 ? brids.join(', ') : `${brids.slice(0, 5).join(', ')} … (${brids.length})`;
}

function requestOf(row: Row): BuildRequest {
  const claimedByMasterid = integerOrNull(row, 'masterid');
  return {
    buildrequestid: integerOf(row, 'id'),
    buildsetid: integerOf(row, 'buildsetid'),
    builderid: integerOf(row, 'builderid'),
    buildername: textOf(row, 'buildername'),
    priority: integerOf(row, 'priority'),
    complete: booleanOf(row, 'complete'),
    results: integerOf(row, 'results'),
    submittedAt: integerOf(row, 'submitted_at'),
    completeAt: integerOrNull(row, 'complete_at'),
    waitedFor: booleanOf(row, 'waited_for'),
    claimed: claimedByMasterid !== null,
    claimedAt: integerOrNull(row, 'claimed_at'),
    claimedByMasterid,
  };
}
