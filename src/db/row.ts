// Typed access to the columns of a row. A column of another type than the schema says is a bug, hence an assertion.

import { assert } from '../core/assert.js';
import type { Row } from './driver.js';

export function integerOf(row: Row, column: string): number {
  const value = row[column];
  assert(typeof value === 'number', `column ${column} is not a number`);
  return value;
}

export function textOf(row: Row, column: string): string {
  const value = row[column];
  assert(typeof value === 'string', `column ${column} is not a text`);
  return value;
}

export function booleanOf(row: Row, column: string): boolean {
  return integerOf(row, column) !== 0;
}

export function integerOrNull(row: Row, column: string): number | null {
  return row[column] === null || row[column] === undefined ? null : integerOf(row, column);
}

export function textOrNull(row: Row, column: string): string | null {
  return row[column] === null || row[column] === undefined ? null : textOf(row, column);
}

const FEW_PLACEHOLDERS: readonly string[] = Array.from({ length: 33 }, (_, count) => marks(count));

/** `(?, ?, ?)` for `count` values. */
export function placeholders(count: number): string {
  return FEW_PLACEHOLDERS[count] ?? marks(count);
}

function marks(count: number): string {
  return `(${Array.from({ length: count }, () => '?').join(', ')})`;
}
