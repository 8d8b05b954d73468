// The builders connector: names of what builds are requested from, and on which masters each is configured.
// @source buildbot master/buildbot/db/builders.py

import { present } from '../core/assert.js';
import { sha1 } from '../core/digest.js';
import type { Database } from './database.js';
import { findOrInsert } from './find-or-insert.js';
import type { IdAllocator } from './ids.js';
import type { Row, Statement } from './driver.js';
import { integerOf, placeholders, textOf, textOrNull } from './row.js';
import type { Transaction } from './transaction.js';

export interface Builder {
  readonly builderid: number;
  readonly name: string;
  readonly description: string | null;
  /** The masters on which it is configured, ascending. */
  readonly masterids: readonly number[];
}

/** What a message says of a builder. */
export type NamedBuilder = Pick<Builder, 'builderid' | 'name'>;

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
  async findBuilderId(name: string): Promise<number> {
    const hash = sha1(name);
    const id = await findOrInsert(this.#database, this.#ids, {
      table: 'builders',
      find: { sql: 'SELECT id FROM builders WHERE name_hash = ?', values: [hash] },
      insert: { name, name_hash: hash },
    });
    this.#known.set(name, id);
    return id;
  }

  /** The builder, or null. */
  async getBuilder(builderid: number): Promise<Builder | null> {
    return (await this.#read('WHERE b.id = ?', [builderid]))[0] ?? null;
  }

  /** All builders, by id, or those that are configured on this master. */
  getBuilders(wanted: { readonly masterid?: number } = {}): Promise<readonly Builder[]> {
    if (wanted.masterid === undefined) return this.#read('', []);
    const isThere =
      'WHERE EXISTS (SELECT 1 FROM builder_masters o WHERE o.builderid = b.id AND o.masterid = ?)';
    return this.#read(isThere, [wanted.masterid]);
  }

  /** Describes a builder; an unknown one is left alone. */
  async updateBuilderInfo(builderid: number, description: string | null): Promise<void> {
    await this.#database.batch([
      { sql: 'UPDATE builders SET description = ? WHERE id = ?', values: [description, builderid] },
    ]);
  }

  /** A builder is configured on a master; harmless when it is already. */
  addBuilderMasterStatement(builderid: number, masterid: number): Statement {
    return {
      sql: 'INSERT INTO builder_masters (builderid, masterid) VALUES (?, ?) ON CONFLICT (builderid, masterid) DO NOTHING',
      values: [builderid, masterid],
    };
  }

  /** It is not any more; its `changes` says whether it was. */
  removeBuilderMasterStatement(builderid: number, masterid: number): Statement {
    return {
      sql: 'DELETE FROM builder_masters WHERE builderid = ? AND masterid = ?',
      values: [builderid, masterid],
    };
  }

  /** The builders that are configured on a master, by id, as part of a transaction. */
  async getMasterBuildersIn(tx: Transaction, masterid: number): Promise<readonly NamedBuilder[]> {
    const { sql, values } = masterBuildersStatement(masterid);
    return (await tx.all(sql, values)).map(namedBuilderOf);
  }

  /** The statement that counts as `linked` the builders that are configured on a master. */
  countOfMasterStatement(masterid: number): Statement {
    return { sql: 'SELECT COUNT(*) AS linked FROM builder_masters WHERE masterid = ?', values: [masterid] };
  }

  async #read(where: string, values: readonly number[]): Promise<readonly Builder[]> {
    const sql = `SELECT b.id, b.name, b.description, o.masterid
                 FROM builders b LEFT JOIN builder_masters o ON o.builderid = b.id ${where} ORDER BY b.id, o.masterid`;
    const builders = new Map<number, Builder & { readonly masterids: number[] }>();
    for (const row of present((await this.#database.read([{ sql, values }]))[0], 'builders').rows) {
      const builderid = integerOf(row, 'id');
      const known = builders.get(builderid);
      const builder = known ?? {
        builderid,
        name: textOf(row, 'name'),
        description: textOrNull(row, 'description'),
        masterids: [],
      };
      if (row['masterid'] !== null) builder.masterids.push(integerOf(row, 'masterid'));
      builders.set(builderid, builder);
    }
    return [...builders.values()];
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

/** Selects the builders that are configured on a master, by id; `namedBuilderOf` reads its rows. */
export function masterBuildersStatement(masterid: number): Statement {
  return {
    sql: `SELECT b.id, b.name FROM builder_masters o JOIN builders b ON b.id = o.builderid
          WHERE o.masterid = ? ORDER BY b.id`,
    values: [masterid],
  };
}

/** The builder in a row of `masterBuildersStatement`. */
export function namedBuilderOf(row: Row): NamedBuilder {
  return { builderid: integerOf(row, 'id'), name: textOf(row, 'name') };
}
