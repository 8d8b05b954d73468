// What is SQLite's own, for whoever runs the portable SQL of this project on it: the schema's placeholders, settings for a
// database in memory, and the meaning of its errors.

import { DatabaseError, type DatabaseErrorCode } from '../driver.js';
import { SCHEMA } from '../schema.js';

/** For a database that one connection has to itself and that nothing outlives. */
export const IN_MEMORY_PRAGMAS =
  'PRAGMA journal_mode = memory; PRAGMA synchronous = off; PRAGMA locking_mode = exclusive;' +
  'PRAGMA temp_store = memory; PRAGMA cache_size = -200000; PRAGMA foreign_keys = on;';

/** `schema` as SQLite takes it, one statement an element. */
export function sqliteSchema(schema: readonly string[] = SCHEMA): readonly string[] {
  return schema.map((sql) => sql.replaceAll('{{commit_ordered_id}}', 'INTEGER PRIMARY KEY AUTOINCREMENT'));
}

/**
 * What an error of the engine means. SQLite words its messages itself, whatever the JavaScript engine: they may be shown
 * and traced.
 */
export function sqliteError(error: unknown, sql: string): DatabaseError {
  if (error instanceof DatabaseError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new DatabaseError(codeOf(message), `${message} (in ${sql})`);
}

function codeOf(message: string): DatabaseErrorCode {
  if (message.startsWith('UNIQUE constraint failed')) return 'unique-violation';
  return message.includes('constraint failed') ? 'constraint-violation' : 'bad-statement';
}
