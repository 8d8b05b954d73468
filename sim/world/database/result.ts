// The result of a statement as the simulated server holds it and sends it: columns once, and the values of each row.
//
// It never changes once it is made, so a log, a reply and whoever compares them may hold the same one. What a caller of
// the driver gets is made of it anew, for that caller alone.

import type { Row, SqlValue, StatementResult } from '../../../src/db/driver.js';
import { hashText, mixNumber } from '../fingerprint.js';

export interface SqlResult {
  readonly columns: readonly string[];
  /** Each row's values, in the order of `columns`. */
  readonly tuples: readonly (readonly SqlValue[])[];
  /** Rows inserted, updated or deleted. */
  readonly changes: number;
}

const NO_COLUMNS: readonly string[] = [];
const NO_TUPLES: readonly (readonly SqlValue[])[] = [];
const NO_ROWS: readonly Row[] = Object.freeze([]);
const FEW = 8;
const WITHOUT_ROWS: readonly SqlResult[] = Array.from({ length: FEW }, (_, changes) => ({
  columns: NO_COLUMNS,
  tuples: NO_TUPLES,
  changes,
}));

/** The result of what returned no row. */
export function resultWithoutRows(changes: number): SqlResult {
  return WITHOUT_ROWS[changes] ?? { columns: NO_COLUMNS, tuples: NO_TUPLES, changes };
}

export function isSameResult(a: SqlResult, b: SqlResult): boolean {
  if (a === b) return true;
  if (a.changes !== b.changes || a.tuples.length !== b.tuples.length) return false;
  return a.tuples.every((tuple, i) => tuple.every((value, j) => value === b.tuples[i]?.[j]));
}

/** As the driver's port has it: fresh rows. */
export function statementResult({ columns, tuples, changes }: SqlResult): StatementResult {
  if (tuples.length === 0) return { rows: NO_ROWS, changes };
  return { rows: tuples.map((tuple) => rowOf(columns, tuple)), changes };
}

export function rowOf(columns: readonly string[], tuple: readonly SqlValue[]): Row {
  const row: Record<string, SqlValue> = {};
  for (let i = 0; i < columns.length; i++) row[columns[i] as string] = tuple[i] as SqlValue;
  return row;
}

/** `hash` mixed with every value of `values`. */
export function mixValues(hash: number, values: readonly SqlValue[]): number {
  let mixed = hash;
  for (const value of values) {
    if (typeof value === 'number') mixed = mixNumber(mixed, value);
    else mixed = Math.imul(mixed ^ (value === null ? 0x51ed270b : hashText(value)), 0x9e3779b1);
  }
  return mixed;
}

/** `hash` mixed with all of `result` but the names of its columns, which its statement decides. */
export function mixResult(hash: number, { tuples, changes }: SqlResult): number {
  let mixed = mixNumber(hash, changes);
  for (const tuple of tuples) mixed = mixNumber(mixValues(mixed, tuple), tuple.length);
  return mixed;
}
