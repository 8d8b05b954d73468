// Whether a database, or a replica of one, has the schema that this program needs.

import { DatabaseError } from './driver.js';
import { checkVersion } from './migrate.js';
import type { ReplicaReads } from './replica.js';
import { integerOf } from './row.js';

/** @throws SchemaVersionError when it is of another version than this code. */
export async function checkSchema(reads: ReplicaReads): Promise<void> {
  checkVersion(await readVersion(reads));
}

/** 0 when the database is empty. */
async function readVersion(reads: ReplicaReads): Promise<number> {
  try {
    const [found] = await reads.readTogether([{ sql: 'SELECT version FROM schema_version', values: [] }]);
    const row = found?.rows[0];
    return row === undefined ? 0 : integerOf(row, 'version');
  } catch (error) {
    if (error instanceof DatabaseError && error.code === 'bad-statement') return 0; // there is no such table
    throw error;
  }
}
