// The buildsets connector: a buildset, its properties, stamps, the changes that it consumed, and one request a builder.
// @source buildbot master/buildbot/db/buildsets.py

import { present } from '../core/assert.js';
import { encodeJson, type JsonValue } from '../core/json.js';
import type { Database } from './database.js';
import type { Row, Statement } from './driver.js';
import { booleanOf, integerOf, integerOrNull, textOf, textOrNull } from './row.js';

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
}

/** All statements that insert a buildset. */
export function insertBuildsetStatements(buildset: NewBuildset): readonly Statement[] {
  const { bsid, submittedAt } = buildset;
  return [
    {
      sql: `INSERT INTO buildsets (id, schedulerid, external_idstring, reason, submitted_at, trigger_key) VALUES (?, ?, ?, ?, ?, ?)`,
      values: [
        bsid,
        buildset.schedulerid,
        buildset.externalIdstring,
        buildset.reason,
        submittedAt,
        buildset.triggerKey,
      ],
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
    const sql = `SELECT id, schedulerid, external_idstring, reason, submitted_at, complete, complete_at, results
                 FROM buildsets WHERE id = ?`;
    const row = (await this.#database.read([{ sql, values: [bsid] }]))[0]?.rows[0];
    return row === undefined ? null : buildsetOf(row);
  }

  /** Builder id to build request id. */
  async getRequests(bsid: number): Promise<ReadonlyMap<number, number>> {
    const sql = 'SELECT id, builderid FROM buildrequests WHERE buildsetid = ? ORDER BY id';
    const rows = present((await this.#database.read([{ sql, values: [bsid] }]))[0], 'requests').rows;
    return new Map(rows.map((row) => [integerOf(row, 'builderid'), integerOf(row, 'id')]));
  }
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
  };
}
