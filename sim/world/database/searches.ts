// Which rows an UPDATE or DELETE looks for, so that it can be asked of a row that is not there any more.
//
// As on PostgreSQL a transaction may not change a row that a commit has changed or deleted since it began to look. Where the
// row still fits, the write finds and is refused for it; where it does not, nothing is found, and only its former contents
// tell that it was looked for.

import type { Row, SqlValue } from '../../../src/db/driver.js';
import { parameterCount } from '../../../src/db/statement-kind.js';

/** The condition of a write, as a question about one row. */
export interface Search {
  readonly table: string;
  /** Selects one row if the condition holds: the values of the row in the order of `columns`, then `from` to `to`. */
  question(columns: readonly string[]): string;
  /** Which of the statement's own values the condition takes. */
  readonly from: number;
  readonly to: number;
}

/** Null for a write that looks for no rows: an INSERT. */
export function searchOf(sql: string): Search | null {
  const target = /^\s*(?:UPDATE|DELETE\s+FROM)\s+(\w+)/i.exec(sql)?.[1];
  if (target === undefined) return null;
  const start = outermost(sql, /\bWHERE\b/gi);
  const end = outermost(sql, /\bRETURNING\b/gi) ?? sql.length;
  const condition = start === null ? '1 = 1' : sql.slice(start + 'WHERE'.length, end);
  const from = parameterCount(sql.slice(0, start ?? end));
  const question = (columns: readonly string[]): string => {
    const marks = columns.map(() => '?').join(', ');
    return `WITH ${target}(${columns.join(', ')}) AS (VALUES (${marks})) SELECT 1 AS found FROM ${target} WHERE ${condition}`;
  };
  return { table: target, question, from, to: from + parameterCount(condition) };
}

/** For an INSERT that does nothing where a key is there: the one that touches that row instead. Null for others. */
export function touchingInsert(sql: string): string | null {
  const [, table, column] = /^\s*INSERT\s+INTO\s+(\w+)\s*\(\s*(\w+)/i.exec(sql) ?? [];
  const isIgnoring = /\bON\s+CONFLICT\b[^']*\bDO\s+NOTHING\b/i.test(sql);
  if (table === undefined || column === undefined || !isIgnoring) return null;
  return sql.replace(/\bDO\s+NOTHING\b/i, `DO UPDATE SET ${column} = ${table}.${column}`);
}

/** What to bind for a question about `row`. */
export function questionValues(search: Search, row: Row, values: readonly SqlValue[]): readonly SqlValue[] {
  return [...Object.values(row), ...values.slice(search.from, search.to)];
}

/** Where `word` first stands outside quotes and parentheses; null when it does not. */
function outermost(sql: string, word: RegExp): number | null {
  const masked = sql.replace(/'(?:[^']|'')*'/g, (text) => ' '.repeat(text.length));
  for (const { index } of masked.matchAll(word)) {
    const before = masked.slice(0, index);
    if (before.split('(').length === before.split(')').length) return index;
  }
  return null;
}
