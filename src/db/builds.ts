// The builds connector: attempts to do what a request asks for, each by one incarnation of a master.
//
// A build is written by the incarnation that began it, as long as that has not been ended: after that it is complete, or
// about to be, with RETRY.
// @source buildbot master/buildbot/db/builds.py

import { present } from '../core/assert.js';
import { ClaimLostError, type Owner } from './claims.js';
import type { Database } from './database.js';
import type { Row, SqlValue, Statement } from './driver.js';
import { integerOf, integerOrNull, textOf } from './row.js';
import type { Transaction } from './transaction.js';

export interface Build {
  readonly buildid: number;
  /** Counts the builds of its builder, from 1. */
  readonly number: number;
  readonly builderid: number;
  readonly buildrequestid: number;
  readonly workerid: number | null;
  readonly masterid: number;
  readonly incarnation: number;
  /** Seconds since the epoch, as all times here. */
  readonly startedAt: number;
  readonly complete: boolean;
  readonly completeAt: number | null;
  readonly stateString: string;
  /** Null until it is complete. */
  readonly results: number | null;
}

/** A build that begins; its id has been handed out. */
export interface NewBuild extends Owner {
  readonly buildid: number;
  readonly builderid: number;
  readonly buildrequestid: number;
  readonly workerid: number | null;
  readonly stateString: string;
  readonly startedAt: number;
}

/** Which builds: all conditions that are given must hold. */
export interface BuildFilter {
  readonly builderid?: number;
  readonly buildrequestid?: number;
  readonly masterid?: number;
  readonly complete?: boolean;
}

const SELECT = `SELECT id, number, builderid, buildrequestid, workerid, masterid, incarnation, started_at, complete_at,
    state_string, results FROM builds`;

export class BuildsConnector {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** The build, or null. */
  async getBuild(buildid: number): Promise<Build | null> {
    return (await this.#read({ sql: `${SELECT} WHERE id = ?`, values: [buildid] }))[0] ?? null;
  }

  /** The builds that match, by id. */
  getBuilds(filter: BuildFilter = {}): Promise<readonly Build[]> {
    const conditions = ['1 = 1'];
    const values: SqlValue[] = [];
    for (const column of ['builderid', 'buildrequestid', 'masterid'] as const) {
      const wanted = filter[column];
      if (wanted === undefined) continue;
      conditions.push(`${column} = ?`);
      values.push(wanted);
    }
    if (filter.complete !== undefined)
      conditions.push(`complete_at IS ${filter.complete ? 'NOT NULL' : 'NULL'}`);
    return this.#read({ sql: `${SELECT} WHERE ${conditions.join(' AND ')} ORDER BY id`, values });
  }

  /**
   * Begins a build, with the next number of its builder. A caller retries unique violations.
   * @throws ClaimLostError unless this incarnation is active and holds the claim of an incomplete request.
   */
  async addBuildIn(tx: Transaction, build: NewBuild): Promise<Build> {
    const { masterid, incarnation, buildid, builderid, buildrequestid, workerid } = build;
    const sql = `INSERT INTO builds
        (id, number, builderid, buildrequestid, workerid, masterid, incarnation, started_at, state_string)
      SELECT ?, (SELECT COALESCE(MAX(number), 0) + 1 FROM builds WHERE builderid = ?), ?, c.brid, ?, c.masterid,
        c.incarnation, ?, ?
      FROM buildrequest_claims c JOIN masters m ON m.id = c.masterid JOIN buildrequests r ON r.id = c.brid
      WHERE c.brid = ? AND c.masterid = ? AND c.incarnation = ? AND m.active = 1 AND m.incarnation = c.incarnation
        AND r.complete = 0
      RETURNING number`;
    const row = await tx.one(sql, [
      buildid, builderid, builderid, workerid, build.startedAt, build.stateString, buildrequestid, masterid, incarnation,
    ]); // prettier-ignore
    if (row === null) throw new ClaimLostError(`a build of request ${buildrequestid}`);
    return { ...build, number: integerOf(row, 'number'), complete: false, completeAt: null, results: null };
  }

  /**
   * Takes the lock of a build's row for its owner. @throws ClaimLostError unless this incarnation is active, the build is
   * its own and runs.
   */
  async lockOwnedIn(tx: Transaction, buildid: number, owner: Owner): Promise<void> {
    const sql = `SELECT b.id FROM builds b JOIN masters m ON m.id = b.masterid AND m.incarnation = b.incarnation
                 WHERE b.id = ? AND b.masterid = ? AND b.incarnation = ? AND b.complete_at IS NULL AND m.active = 1`;
    const found = await tx.one(sql, [buildid, owner.masterid, owner.incarnation], `row:builds:${buildid}`);
    if (found === null) throw new ClaimLostError(`the end of build ${buildid}`);
  }

  /** Says what a build is doing. @throws ClaimLostError when it is complete, or of another incarnation. */
  async setBuildStateStringIn(
    tx: Transaction,
    buildid: number,
    owner: Owner,
    stateString: string,
  ): Promise<Build> {
    const { sql, values } = ownedUpdate('state_string = ?', [stateString], buildid, owner);
    return written(await tx.one(sql, values), buildid);
  }

  /** Ends a build. @throws ClaimLostError when it is complete, or of another incarnation. */
  async finishBuildIn(
    tx: Transaction,
    buildid: number,
    owner: Owner,
    end: { readonly results: number; readonly completeAt: number },
  ): Promise<Build> {
    const set = 'complete_at = ?, results = ?';
    const { sql, values } = ownedUpdate(set, [end.completeAt, end.results], buildid, owner);
    return written(await tx.one(sql, values), buildid);
  }

  async #read(statement: Statement): Promise<readonly Build[]> {
    return present((await this.#database.read([statement]))[0], 'builds').rows.map(buildOf);
  }
}

const RETURNING = `RETURNING id, number, builderid, buildrequestid, workerid, masterid, incarnation, started_at,
  complete_at, state_string, results`;

function ownedUpdate(set: string, values: readonly SqlValue[], buildid: number, owner: Owner): Statement {
  return {
    sql: `UPDATE builds SET ${set} WHERE id = ? AND masterid = ? AND incarnation = ? AND complete_at IS NULL ${RETURNING}`,
    values: [...values, buildid, owner.masterid, owner.incarnation],
  };
}

function written(row: Row | null, buildid: number): Build {
  if (row === null) throw new ClaimLostError(`a write to build ${buildid}`);
  return buildOf(row);
}

/** The build in a row of `builds`. */
export function buildOf(row: Row): Build {
  const completeAt = integerOrNull(row, 'complete_at');
  return {
    buildid: integerOf(row, 'id'),
    number: integerOf(row, 'number'),
    builderid: integerOf(row, 'builderid'),
    buildrequestid: integerOf(row, 'buildrequestid'),
    workerid: integerOrNull(row, 'workerid'),
    masterid: integerOf(row, 'masterid'),
    incarnation: integerOf(row, 'incarnation'),
    startedAt: integerOf(row, 'started_at'),
    complete: completeAt !== null,
    completeAt,
    stateString: textOf(row, 'state_string'),
    results: integerOrNull(row, 'results'),
  };
}
