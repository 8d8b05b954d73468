// Rows that are identified by a name: found, or inserted by whoever comes first.
// @source buildbot master/buildbot/db/base.py findOrCreateSomethingId

import type { Database } from './database.js';
import type { SqlValue, Statement } from './driver.js';
import type { IdAllocator } from './ids.js';
import { integerOf } from './row.js';
import type { SequencedTable } from './schema.js';

export interface NamedRow {
  readonly table: SequencedTable;
  /** Selects the id, as column `id`. */
  readonly find: Statement;
  /** Columns and values of a new row, `id` excepted. */
  readonly insert: Readonly<Record<string, SqlValue>>;
  /** Statements that belong to the creation, run after the insert in the same transaction. */
  readonly alongside?: (id: number) => readonly Statement[];
}

/** The id of the row; two callers at once get the same one. */
export async function findOrInsert(database: Database, ids: IdAllocator, row: NamedRow): Promise<number> {
  const found = (await database.read([row.find]))[0]?.rows[0];
  if (found !== undefined) return integerOf(found, 'id');
  const id = await ids.takeOne(row.table);
  return database.transaction(
    async (tx) => {
      const existing = await tx.one(row.find.sql, row.find.values);
      if (existing !== null) return integerOf(existing, 'id');
      await tx.run([insertStatement(row, id), ...(row.alongside?.(id) ?? [])]);
      return id;
    },
    { retriesUniqueViolation: true, isIdempotent: true },
  );
}

function insertStatement(row: NamedRow, id: number): Statement {
  const columns = ['id', ...Object.keys(row.insert)];
  const sql = `INSERT INTO ${row.table} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`;
  return { sql, values: [id, ...Object.values(row.insert)] };
}
