// Brings the schema of a database to the version that this program needs.
//
// All that is missing is done in one transaction under the lock `migration`: of several masters that begin at once one
// migrates, the others wait and then find nothing to do. Whoever waited may look at a snapshot from before; the upsert of
// the version row fails then (serialization failure or unique violation), and the next attempt sees what was done.

import { present } from '../core/assert.js';
import { StandinError } from '../core/errors.js';
import type { Runtime } from '../runtime/runtime.js';
import { Database } from './database.js';
import type { Driver, Statement } from './driver.js';
import { integerOf } from './row.js';
import { MIGRATIONS, SCHEMA_VERSION, VERSION_TABLE, type Migration } from './schema.js';
import type { Transaction } from './transaction.js';

/** A driver on a real database, which takes the portable schema in words of its own. */
export interface MigratableDriver extends Driver {
  /** `schema` as this database takes it, one statement an element. */
  translate(schema: readonly string[]): readonly string[];
}

/** The database is of another version than this program; nothing was changed. */
export class SchemaVersionError extends StandinError {
  constructor(found: number, needed: number) {
    const versions = `the database has schema version ${found}, this program needs ${needed}`;
    const advice =
      found > needed
        ? 'a newer program has upgraded it: use that version, or a newer one'
        : found === 0
          ? 'it is empty: start a master on it, or run `standin master upgrade`'
          : 'stop all masters and run `standin master upgrade`';
    super('schema-version', `${versions}; ${advice}`);
  }
}

/** @throws SchemaVersionError unless `found` is the version that this program needs. */
export function checkVersion(found: number, needed = SCHEMA_VERSION): void {
  if (found !== needed) throw new SchemaVersionError(found, needed);
}

/** Which versions a migration begins at: an `empty` database only, or `any` that is older. */
export type MigrateFrom = 'empty' | 'any';

/**
 * Migrates and returns the version before: 0 when the database was empty.
 * @throws SchemaVersionError when it is newer, or older and not empty although `from` is `empty`
 */
export async function migrate(
  driver: MigratableDriver,
  runtime: Runtime,
  from: MigrateFrom,
  migrations: readonly Migration[] = MIGRATIONS,
): Promise<number> {
  const database = new Database(driver, runtime);
  try {
    return await database.transaction((tx) => migrateIn(tx, driver, from, migrations), {
      isIdempotent: true,
      retriesUniqueViolation: true,
    });
  } finally {
    database.stop();
  }
}

async function migrateIn(
  tx: Transaction,
  driver: MigratableDriver,
  from: MigrateFrom,
  migrations: readonly Migration[],
): Promise<number> {
  const translated = (schema: readonly string[]): Statement[] =>
    driver.translate(schema).map((sql) => ({ sql, values: [] }));
  const before = await readVersion(tx, translated([VERSION_TABLE]));
  const needed = migrations.length;
  if (before === needed) return before;
  if (before > needed || (before > 0 && from === 'empty')) throw new SchemaVersionError(before, needed);
  const missing = migrations.slice(before).flatMap(({ statements }) => statements);
  const setVersion = { sql: 'UPDATE schema_version SET version = ? WHERE id = 1', values: [needed] };
  await tx.run([...translated(missing), setVersion]);
  return before;
}

/** The version, under the lock, from a table that is made when it is not there. */
async function readVersion(tx: Transaction, makeTable: readonly Statement[]): Promise<number> {
  const [first, ...rest] = makeTable.map((statement) => ({ ...statement, lock: 'migration' }));
  const upsert = `INSERT INTO schema_version (id, version) VALUES (1, 0)
                  ON CONFLICT (id) DO UPDATE SET version = schema_version.version RETURNING version`;
  const results = await tx.run([present(first, 'a statement'), ...rest, { sql: upsert, values: [] }]);
  return integerOf(present(results.at(-1)?.rows[0], 'the version'), 'version');
}
