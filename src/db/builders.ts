// The builders connector: names of what builds are requested from.
// @source buildbot master/buildbot/db/builders.py

import { present } from '../core/assert.js';
import { sha1 } from '../core/digest.js';
import type { Database } from './database.js';
import { findOrInsert } from './find-or-insert.js';
import type { IdAllocator } from './ids.js';
import { integerOf, placeholders, textOf } from './row.js';

export class BuildersConnector {
  readonly #database: Database;
  readonly #ids: IdAllocator;
  /** A builder's id never changes. */
  readonly #known = new Map<string, number>();

  constructor(database: Database, ids: IdAllocator) {
    this.#database = database;
    this.#ids = ids;
  }

  /** The id of the builder of this name, inserted when it is new. */
  findBuilderId(name: string): Promise<number> {
    const hash = sha1(name);
    return findOrInsert(this.#database, this.#ids, {
      table: 'builders',
      find: { sql: 'SELECT id FROM builders WHERE name_hash = ?', values: [hash] },
      insert: { name, name_hash: hash },
    });
  }

  /** The ids of those of these builders that exist, by name. */
  async getBuilderIds(names: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const unknown = names.filter((name) => !this.#known.has(name));
    if (unknown.length > 0) {
      const sql = `SELECT id, name FROM builders WHERE name IN ${placeholders(unknown.length)} ORDER BY id`;
      const rows = present((await this.#database.read([{ sql, values: unknown }]))[0], 'builders').rows;
      for (const row of rows) this.#known.set(textOf(row, 'name'), integerOf(row, 'id'));
    }
    return this.#known;
  }
}
