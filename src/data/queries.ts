// What may be read, by path: `['masters']`, `['masters', 7]`, `['masters', 7, 'schedulers']`, `['masters', 7, 'schedulers',
// 24]`. Lists are filtered, sorted and paged by the database. What is read decides nothing, and where there is a replica it
// may be seconds old; but what one answer holds was true at one instant.
// @source buildbot master/buildbot/data/connector.py

import { present } from '../core/assert.js';
import { StandinError } from '../core/errors.js';
import { decodeJson, type JsonObject, type JsonValue } from '../core/json.js';
import { nearest } from '../core/nearest.js';
import type { Row, SqlValue, Statement } from '../db/driver.js';
import { LISTS, type List } from '../db/lists.js';
import type { ReplicaReads } from '../db/replica.js';
import { fieldOf, ResultSpecError, specClauses, type Fields, type ResultSpec } from '../db/result-spec.js';
import { integerOf } from '../db/row.js';

/** A list, or the thing of this id in it, or either as far as it is found in another thing. */
export type DataPath =
  | readonly [list: string]
  | readonly [list: string, id: number]
  | readonly [within: string, id: number, list: string]
  | readonly [within: string, id: number, list: string, id: number];

/** What is asked of a list; of a single thing only fields can be. */
export interface DataSpec extends ResultSpec {
  /** The fields that are wanted; default all. They may be others than those that are filtered or sorted by. */
  readonly fields?: readonly string[];
}

/** A part of a list. */
export interface ListResult {
  readonly data: readonly JsonObject[];
  readonly offset: number;
  /** Null = all. */
  readonly limit: number | null;
  /** How many there are that match, on all pages; as of the same instant as `data`. Of a part they are counted to 10,000. */
  readonly total: number;
  /** False when there are more than `total`. */
  readonly isTotalExact: boolean;
}

/** Nobody leafs through more, and counting them all would cost more than the page. */
const MOST_COUNTED = 10_000;

export class DataQueries {
  readonly #reads: ReplicaReads;

  constructor(reads: ReplicaReads) {
    this.#reads = reads;
  }

  /** The part of a list that `spec` asks for. @throws StandinError `bad-path`; ResultSpecError */
  async getList(
    path: readonly [string] | readonly [string, number, string],
    spec: DataSpec = {},
  ): Promise<ListResult> {
    const { list, condition, values } = resolve(path);
    const { where, order, page } = specClauses(spec, list.fields, list.key.column);
    const columns = columnsOf(list.fields, spec.fields);
    const matching = {
      sql: `FROM ${list.from} WHERE ${condition}${where.sql}`,
      values: [...values, ...where.values],
    };
    const select: Statement = {
      sql: `SELECT ${columns} ${matching.sql}${order}${page.sql}`,
      values: [...matching.values, ...page.values],
    };
    const some = `SELECT 1 AS one ${matching.sql} LIMIT ${MOST_COUNTED + 1}`;
    const count = { sql: `SELECT COUNT(*) AS total FROM (${some}) counted`, values: matching.values };
    const isWhole = page.sql === '';
    const [found, counted] = await this.#reads.readTogether(isWhole ? [select] : [select, count]);
    const data = present(found, 'rows').rows.map((row) => entityOf(row, list.fields));
    const bounds = { offset: spec.offset ?? 0, limit: spec.limit ?? null };
    if (isWhole) return { data, ...bounds, total: data.length, isTotalExact: true };
    const total = integerOf(present(counted?.rows[0], 'a count'), 'total');
    return { data, ...bounds, total: Math.min(total, MOST_COUNTED), isTotalExact: total <= MOST_COUNTED };
  }

  /** The thing at `path`, or null. @throws StandinError `bad-path`; ResultSpecError */
  async get(
    path: readonly [string, number] | readonly [string, number, string, number],
    spec: Pick<DataSpec, 'fields'> = {},
  ): Promise<JsonObject | null> {
    for (const key of Object.keys(spec)) {
      if (key !== 'fields')
        throw new ResultSpecError(`'${key}' is asked of ${path.join('/')}, which is no list`);
    }
    const { list, condition, values } = resolve(path);
    const sql = `SELECT ${columnsOf(list.fields, spec.fields)} FROM ${list.from} WHERE ${condition}`;
    const row = (await this.#reads.readTogether([{ sql, values }]))[0]?.rows[0];
    return row === undefined ? null : entityOf(row, list.fields);
  }
}

function resolve(path: DataPath): {
  readonly list: List;
  readonly condition: string;
  readonly values: readonly SqlValue[];
} {
  const isWithin = path.length > 2;
  const list = listOf(path[isWithin ? 2 : 0], path);
  const conditions = ['1 = 1'];
  const values: SqlValue[] = [];
  if (isWithin) {
    const [within, id] = path;
    const condition = Object.hasOwn(list.within, within) ? list.within[within] : undefined;
    if (condition === undefined) throw badPath(path, Object.keys(list.within).join(', '));
    conditions.push(condition);
    values.push(idOf(id, path));
  }
  const id = path[isWithin ? 3 : 1];
  if (id !== undefined) {
    conditions.push(`${list.key.column} = ?`);
    values.push(idOf(id, path));
  }
  return { list, condition: conditions.join(' AND '), values };
}

function listOf(name: string | undefined, path: DataPath): List {
  const list = name !== undefined && Object.hasOwn(LISTS, name) ? LISTS[name] : undefined;
  if (list === undefined)
    throw badPath(path, `${Object.keys(LISTS).join(', ')}${nearest(String(name), Object.keys(LISTS))}`);
  return list;
}

function idOf(id: unknown, path: DataPath): number {
  if (!Number.isSafeInteger(id)) throw badPath(path, 'a whole number as id');
  return id as number;
}

function badPath(path: DataPath, expected: string): StandinError {
  return new StandinError('bad-path', `nothing is at ${path.join('/')}, expected ${expected}`);
}

function columnsOf(fields: Fields, wanted: readonly string[] = Object.keys(fields)): string {
  if (wanted.length === 0) throw new ResultSpecError('no field is asked for, expected one at least');
  return [...new Set(wanted)]
    .map((name) => `${fieldOf(fields, name, 'select').column} AS ${name}`)
    .join(', ');
}

function entityOf(row: Row, fields: Fields): JsonObject {
  const entity: Record<string, JsonValue> = {};
  for (const [name, value] of Object.entries(row))
    entity[name] = valueOf(value, present(fields[name], name).kind, name);
  return entity;
}

function valueOf(value: SqlValue, kind: Fields[string]['kind'], name: string): JsonValue {
  if (value === null) return null;
  if (kind === 'boolean') return value !== 0;
  return kind === 'json' ? decodeJson(String(value), name) : value;
}
