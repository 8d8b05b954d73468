// What is SQLite's own, for whoever runs the portable SQL of this project on it: the schema's placeholders, settings for a
// database in memory and for one in a file, and the meaning of its errors.

import { DatabaseError, type DatabaseErrorCode, type SqlValue } from '../driver.js';
import { SCHEMA } from '../schema.js';

/** For a database that one connection has to itself and that nothing outlives. */
export const IN_MEMORY_PRAGMAS =
  'PRAGMA journal_mode = memory; PRAGMA synchronous = off; PRAGMA locking_mode = exclusive;' +
  'PRAGMA temp_store = memory; PRAGMA cache_size = -200000; PRAGMA foreign_keys = on;';

/** For a database in a file that several processes use. Nothing waits inside the engine: that would stop the process. */
export const FILE_PRAGMAS: readonly string[] = [
  'PRAGMA journal_mode = wal',
  'PRAGMA synchronous = full',
  'PRAGMA foreign_keys = on',
  'PRAGMA busy_timeout = 0',
];

/** `schema` as SQLite takes it, one statement an element. */
export function sqliteSchema(schema: readonly string[] = SCHEMA): readonly string[] {
  return schema.map((sql) => sql.replaceAll('{{commit_ordered_id}}', 'INTEGER PRIMARY KEY AUTOINCREMENT'));
}

/** sql.js reads a text without the mark of its byte order, if it begins with one. @throws DatabaseError `bad-statement` */
export function refuseByteOrderMarks(values: readonly SqlValue[], sql: string): void {
  for (const value of values) {
    if (typeof value !== 'string' || !value.startsWith('\ufeff')) continue;
    throw new DatabaseError(
      'bad-statement',
      `a database in memory cannot hold ${JSON.stringify(value)} (in ${sql})`,
    );
  }
}

/**
 * What an error of the engine means. SQLite words its messages itself, whatever the JavaScript engine: they may be shown
 * and traced.
 */
export function sqliteError(error: unknown, sql: string): DatabaseError {
  if (error instanceof DatabaseError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const code = codeOf(message);
  const isUnknown = code === 'connection-lost' && sql === 'COMMIT'; // the disk failed half-way
  return new DatabaseError(code, `${message} (in ${sql})`, !isUnknown);
}

const CODES: readonly (readonly [RegExp, DatabaseErrorCode])[] = [
  [/UNIQUE constraint failed/, 'unique-violation'],
  [/constraint failed/, 'constraint-violation'],
  [/^database (table )?is locked/, 'lock-timeout'],
  [/^disk I\/O error|is full$|^unable to open|^attempt to write a readonly/, 'connection-lost'],
];

function codeOf(message: string): DatabaseErrorCode {
  return CODES.find(([pattern]) => pattern.test(message))?.[1] ?? 'bad-statement';
}
