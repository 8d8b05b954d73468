// The state connector: values by name, kept for an object of one identity, (name, class). Values are JSON.
// @source buildbot master/buildbot/db/state.py

import { sha1 } from '../core/digest.js';
import type { Database } from './database.js';
import type { Statement } from './driver.js';
import { findOrInsert } from './find-or-insert.js';
import type { IdAllocator } from './ids.js';

const LONGEST_OBJECT_NAME = 128;
const LONGEST_KEY = 255;

export class StateConnector {
  readonly #database: Database;
  readonly #ids: IdAllocator;

  constructor(database: Database, ids: IdAllocator) {
    this.#database = database;
    this.#ids = ids;
  }

  /** The id of the object (name, className), inserted when it is new. */
  getObjectId(name: string, className: string): Promise<number> {
    const values = [shorten(name, LONGEST_OBJECT_NAME), className];
    return findOrInsert(this.#database, this.#ids, {
      table: 'objects',
      find: { sql: 'SELECT id FROM objects WHERE name = ? AND class_name = ?', values },
      insert: { name: values[0] ?? '', class_name: className },
    });
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
    return {
      sql: `INSERT INTO object_state (objectid, name, value_json) VALUES (?, ?, ?)
            ON CONFLICT (objectid, name) DO UPDATE SET value_json = excluded.value_json`,
      values: [objectid, shorten(key, LONGEST_KEY), json],
    };
  }
}

/** Names that are too long keep their head and end in a digest; the same on reading and on writing. */
function shorten(name: string, longest: number): string {
  return name.length <= longest ? name : name.slice(0, longest - 40) + sha1(name);
}
