// The state connector: values by name, kept for an object of one identity, (name, class). Values are JSON.
// @source buildbot master/buildbot/db/state.py

import { present } from '../core/assert.js';
import { sha1 } from '../core/digest.js';
import { StandinError } from '../core/errors.js';
import { decodeJson, encodeJson, type JsonValue } from '../core/json.js';
import { checkText } from '../core/texts.js';
import type { Database } from './database.js';
import type { Row, Statement } from './driver.js';
import { findOrInsert } from './find-or-insert.js';
import type { IdAllocator } from './ids.js';
import { textOf } from './row.js';

const LONGEST_OBJECT_NAME = 128;
const LONGEST_KEY = 255;

/** There is no such value, and no default was given. */
export class NoSuchStateError extends StandinError {
  constructor(objectid: number, key: string) {
    super('no-such-state', `object ${objectid} has no state '${key}'`);
  }
}

export class StateConnector {
  readonly #database: Database;
  readonly #ids: IdAllocator;

  constructor(database: Database, ids: IdAllocator) {
    this.#database = database;
    this.#ids = ids;
  }

  /** The id of the object (name, className), inserted when it is new. */
  async getObjectId(name: string, className: string): Promise<number> {
    const values = [shorten(name, LONGEST_OBJECT_NAME), className];
    return findOrInsert(this.#database, this.#ids, {
      table: 'objects',
      find: { sql: 'SELECT id FROM objects WHERE name = ? AND class_name = ?', values },
      insert: { name: values[0] ?? '', class_name: className },
    });
  }

  /**
   * A value, or the default when there is none; a stored null is a value.
   * @throws NoSuchStateError without a default; StandinError `bad-json` when what is stored is not JSON
   */
  async getState(objectid: number, key: string, ...fallback: readonly [JsonValue?]): Promise<JsonValue> {
    const row = (await this.#database.read([this.getStatement(objectid, key)]))[0]?.rows[0];
    if (row !== undefined) return valueOf(row, key);
    const [value] = fallback;
    if (value === undefined) throw new NoSuchStateError(objectid, key);
    return value;
  }

  /** Writes a value; the later commit wins. @throws NotJsonError for what JSON cannot hold. */
  async setState(objectid: number, key: string, value: unknown): Promise<void> {
    await this.#database.batch([this.setStatement(objectid, key, encodeJson(value, `state '${key}'`))]);
  }

  /**
   * The value, or that of `create` when there is none (a stored null is one): of several who create it at once, all get
   * the value that is stored. @throws NotJsonError for what JSON cannot hold.
   */
  async atomicCreateState(objectid: number, key: string, create: () => unknown): Promise<JsonValue> {
    const found = (await this.#database.read([this.getStatement(objectid, key)]))[0]?.rows[0];
    if (found !== undefined) return valueOf(found, key);
    const json = encodeJson(create(), `state '${key}'`);
    const insert = insertStatement(objectid, key, json, 'DO NOTHING');
    const [, stored] = await this.#database.batch([insert, this.getStatement(objectid, key)]);
    return valueOf(present(stored?.rows[0], 'state'), key);
  }

  /** Reads a value: a row with `value_json`, or none. */
  getStatement(objectid: number, key: string): Statement {
    return {
      sql: 'SELECT value_json FROM object_state WHERE objectid = ? AND name = ?',
      values: [objectid, shorten(key, LONGEST_KEY)],
    };
  }

  /** Writes a value; `json` is its text. */
  setStatement(objectid: number, key: string, json: string): Statement {
    return insertStatement(objectid, key, json, 'DO UPDATE SET value_json = excluded.value_json');
  }
}

function insertStatement(objectid: number, key: string, json: string, onConflict: string): Statement {
  return {
    sql: `INSERT INTO object_state (objectid, name, value_json) VALUES (?, ?, ?) ON CONFLICT (objectid, name) ${onConflict}`,
    values: [objectid, shorten(key, LONGEST_KEY), json],
  };
}

function valueOf(row: Row, key: string): JsonValue {
  return decodeJson(textOf(row, 'value_json'), `state '${key}'`);
}

/** Names that are too long keep their head and end in a digest; the same on reading and on writing. @throws NotTextError */
function shorten(name: string, longest: number): string {
  checkText('a name', name);
  return name.length <= longest ? name : name.slice(0, longest - 40) + sha1(name);
}
