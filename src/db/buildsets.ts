// The buildsets connector: a buildset, its properties, stamps, the changes that it consumed, and one request a builder.
// @source buildbot master/buildbot/db/buildsets.py

import { present } from '../core/assert.js';
import { StandinError } from '../core/errors.js';
import { decodeJson, encodeJson, type JsonValue } from '../core/json.js';
import { SUCCESS, worstResult } from '../core/results.js';
import type { Database } from './database.js';
import type { Row, SqlValue, Statement } from './driver.js';
import { booleanOf, integerOf, integerOrNull, textOf, textOrNull } from './row.js';
import { stampOf, type SourceStamp } from './sourcestamps.js';
import type { Transaction } from './transaction.js';

/** Name to [value, source]. */
export type Properties = Readonly<Record<string, readonly [JsonValue, string]>>;

/** A buildset whose ids have been handed out and whose stamps exist. */
export interface NewBuildset {
  readonly bsid: number;
  readonly schedulerid: number | null;
  readonly sourcestampids: readonly number[];
  readonly changeids: readonly number[];
  readonly reason: string;
  readonly externalIdstring: string | null;
  readonly properties: Properties;
  readonly requests: readonly { readonly brid: number; readonly builderid: number }[];
  readonly priority: number;
  readonly waitedFor: boolean;
  /** Identifies what triggered it: at most one buildset of a scheduler has this key. Null = none. */
  readonly triggerKey: string | null;
  /** Seconds since the epoch. */
  readonly submittedAt: number;
  /** The build that waits for this buildset, and how they are related. Default none. */
  readonly parentBuildid?: number | null;
  readonly parentRelationship?: string | null;
  /** The build that this buildset does again. Default none. */
  readonly rebuiltBuildid?: number | null;
}

export interface Buildset {
  readonly bsid: number;
  readonly schedulerid: number | null;
  readonly externalIdstring: string | null;
  readonly reason: string;
  readonly submittedAt: number;
  readonly complete: boolean;
  readonly completeAt: number | null;
  /** -1 until it is complete. */
  readonly results: number;
  readonly parentBuildid: number | null;
  readonly parentRelationship: string | null;
  readonly rebuiltBuildid: number | null;
}

/** A buildset, and what else a message says of it. */
export interface AnnouncedBuildset extends Buildset {
  /** The name of its scheduler, if it has one. */
  readonly scheduler: string | null;
  readonly sourcestampids: readonly number[];
  readonly changeids: readonly number[];
}

/** The buildset is complete already, or does not exist; nothing was changed. */
export class AlreadyCompleteError extends StandinError {
  constructor(bsid: number) {
    super('already-complete', `buildset ${bsid} is complete already, or does not exist`);
  }
}

const SELECT = `SELECT b.id, b.schedulerid, b.external_idstring, b.reason, b.submitted_at, b.complete, b.complete_at,
    b.results, b.parent_buildid, b.parent_relationship, b.rebuilt_buildid FROM buildsets b`;

/** All statements that insert a buildset. One without requests is complete at once, and a success. */
export function insertBuildsetStatements(buildset: NewBuildset): readonly Statement[] {
  const { bsid, submittedAt } = buildset;
  const isEmpty = buildset.requests.length === 0;
  return [
    {
      sql: `INSERT INTO buildsets (id, schedulerid, external_idstring, reason, submitted_at, complete, complete_at, results,
              trigger_key, parent_buildid, parent_relationship, rebuilt_buildid)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      values: [
        bsid, buildset.schedulerid, buildset.externalIdstring, buildset.reason, submittedAt,
        Number(isEmpty), isEmpty ? submittedAt : null, isEmpty ? SUCCESS : -1, buildset.triggerKey,
        buildset.parentBuildid ?? null, buildset.parentRelationship ?? null, buildset.rebuiltBuildid ?? null,
      ], // prettier-ignore
    },
    ...Object.entries(buildset.properties).map(([name, value]) => ({
      sql: 'INSERT INTO buildset_properties (buildsetid, property_name, property_value) VALUES (?, ?, ?)',
      values: [bsid, name, encodeJson(value, `property ${name}`)],
    })),
    ...buildset.sourcestampids.map((id) => ({
      sql: 'INSERT INTO buildset_sourcestamps (buildsetid, sourcestampid) VALUES (?, ?)',
      values: [bsid, id],
    })),
    ...buildset.changeids.map((id) => ({
      sql: 'INSERT INTO buildset_changes (buildsetid, changeid) VALUES (?, ?)',
      values: [bsid, id],
    })),
    ...buildset.requests.map(({ brid, builderid }) => ({
      sql: `INSERT INTO buildrequests (id, buildsetid, builderid, priority, submitted_at, waited_for) VALUES (?, ?, ?, ?, ?, ?)`,
      values: [brid, bsid, builderid, buildset.priority, submittedAt, Number(buildset.waitedFor)],
    })),
  ];
}

export class BuildsetsConnector {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** The buildset, or null. */
  async getBuildset(bsid: number): Promise<Buildset | null> {
    return (await this.#read(`${SELECT} WHERE b.id = ?`, [bsid]))[0] ?? null;
  }

  /** All buildsets by id, or those that are complete, or those that are not. */
  getBuildsets(wanted: { readonly complete?: boolean } = {}): Promise<readonly Buildset[]> {
    if (wanted.complete === undefined) return this.#read(`${SELECT} ORDER BY b.id`, []);
    return this.#read(`${SELECT} WHERE b.complete = ? ORDER BY b.id`, [Number(wanted.complete)]);
  }

  /** The newest `count` buildsets with a stamp of this branch and repository, the oldest of them first. */
  async getRecentBuildsets(
    count: number,
    origin: { readonly branch: string | null; readonly repository: string },
  ): Promise<readonly Buildset[]> {
    const sql = `${SELECT} WHERE EXISTS (
        SELECT 1 FROM buildset_sourcestamps l JOIN sourcestamps s ON s.id = l.sourcestampid
        WHERE l.buildsetid = b.id AND s.repository = ? AND ${origin.branch === null ? 's.branch IS NULL' : 's.branch = ?'})
      ORDER BY b.id DESC LIMIT ?`;
    const branch = origin.branch === null ? [] : [origin.branch];
    return (await this.#read(sql, [origin.repository, ...branch, count])).toReversed();
  }

  /** The properties of a buildset, by name; none of one that does not exist. */
  async getBuildsetProperties(bsid: number): Promise<Properties> {
    const sql = `SELECT property_name, property_value FROM buildset_properties WHERE buildsetid = ? ORDER BY property_name`;
    const rows = present((await this.#database.read([{ sql, values: [bsid] }]))[0], 'properties').rows;
    return Object.fromEntries(rows.map((row) => [textOf(row, 'property_name'), propertyOf(row)]));
  }

  /** The source stamps of a buildset, by id. */
  async getBuildsetStamps(bsid: number): Promise<readonly SourceStamp[]> {
    const sql = `SELECT s.branch, s.revision, s.repository, s.project, s.codebase
                 FROM buildset_sourcestamps l JOIN sourcestamps s ON s.id = l.sourcestampid
                 WHERE l.buildsetid = ? ORDER BY s.id`;
    const rows = present((await this.#database.read([{ sql, values: [bsid] }]))[0], 'stamps').rows;
    return rows.map(stampOf);
  }

  /** Completes a buildset. @throws AlreadyCompleteError. */
  async completeBuildsetIn(
    tx: Transaction,
    bsid: number,
    end: { readonly results: number; readonly completeAt: number },
  ): Promise<void> {
    const sql =
      'UPDATE buildsets SET complete = 1, results = ?, complete_at = ? WHERE id = ? AND complete = 0';
    if ((await tx.change(sql, [end.results, end.completeAt, bsid])) === 0)
      throw new AlreadyCompleteError(bsid);
  }

  /**
   * Completes a buildset if all its requests are complete and it is not yet: as it is then, or null. Its results are the
   * worst of those of its requests. It takes the row's lock: of two whose requests were the last, one completes it.
   */
  async maybeBuildsetCompleteIn(
    tx: Transaction,
    bsid: number,
    completeAt: number,
  ): Promise<AnnouncedBuildset | null> {
    const [found, requests] = await tx.run([
      { sql: `${SELECT} WHERE b.id = ?`, values: [bsid], lock: `row:buildsets:${bsid}` },
      { sql: 'SELECT complete, results FROM buildrequests WHERE buildsetid = ? ORDER BY id', values: [bsid] },
    ]);
    const row = found?.rows[0];
    const parts = present(requests, 'requests').rows;
    if (row === undefined || booleanOf(row, 'complete')) return null;
    if (!parts.every((part) => booleanOf(part, 'complete'))) return null;
    const results = worstResult(parts.map((part) => integerOf(part, 'results')));
    await this.completeBuildsetIn(tx, bsid, { results, completeAt });
    return { ...(await this.#announcedIn(tx, buildsetOf(row))), complete: true, completeAt, results };
  }

  /** Builder id to build request id. */
  async getRequests(bsid: number): Promise<ReadonlyMap<number, number>> {
    const sql = 'SELECT id, builderid FROM buildrequests WHERE buildsetid = ? ORDER BY id';
    const rows = present((await this.#database.read([{ sql, values: [bsid] }]))[0], 'requests').rows;
    return new Map(rows.map((row) => [integerOf(row, 'builderid'), integerOf(row, 'id')]));
  }

  async #announcedIn(tx: Transaction, buildset: Buildset): Promise<AnnouncedBuildset> {
    const { bsid, schedulerid } = buildset;
    const selects = [
      'SELECT sourcestampid AS id FROM buildset_sourcestamps WHERE buildsetid = ? ORDER BY sourcestampid',
      'SELECT changeid AS id FROM buildset_changes WHERE buildsetid = ? ORDER BY changeid',
    ].map((sql) => ({ sql, values: [bsid] }));
    const scheduler = { sql: 'SELECT name FROM schedulers WHERE id = ?', values: [schedulerid] };
    const [stamps, changes, names] = await tx.run([...selects, scheduler]);
    const name = names?.rows[0];
    return {
      ...buildset,
      scheduler: name === undefined ? null : textOf(name, 'name'),
      sourcestampids: present(stamps, 'stamps').rows.map((row) => integerOf(row, 'id')),
      changeids: present(changes, 'changes').rows.map((row) => integerOf(row, 'id')),
    };
  }

  async #read(sql: string, values: readonly SqlValue[]): Promise<readonly Buildset[]> {
    return present((await this.#database.read([{ sql, values }]))[0], 'buildsets').rows.map(buildsetOf);
  }
}

function propertyOf(row: Row): readonly [JsonValue, string] {
  return decodeJson(textOf(row, 'property_value'), 'a property of a buildset') as unknown as readonly [
    JsonValue,
    string,
  ];
}

function buildsetOf(row: Row): Buildset {
  return {
    bsid: integerOf(row, 'id'),
    schedulerid: integerOrNull(row, 'schedulerid'),
    externalIdstring: textOrNull(row, 'external_idstring'),
    reason: textOf(row, 'reason'),
    submittedAt: integerOf(row, 'submitted_at'),
    complete: booleanOf(row, 'complete'),
    completeAt: integerOrNull(row, 'complete_at'),
    results: integerOf(row, 'results'),
    parentBuildid: integerOrNull(row, 'parent_buildid'),
    parentRelationship: textOrNull(row, 'parent_relationship'),
    rebuiltBuildid: integerOrNull(row, 'rebuilt_buildid'),
  };
}
