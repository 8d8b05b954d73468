// Which values a statement may bind: those that every database stores exactly and gives back unchanged. A text with NUL or half
// a surrogate pair is none of them, nor is a fraction or a number beyond 2^53 where an integer is meant. So they are refused before any database sees them.

import { isStorable } from '../core/texts.js';
import { DatabaseError, type SqlValue } from './driver.js';

/** @throws DatabaseError `bad-statement` that shows the first value that would not be stored exactly. */
export function checkValues(values: readonly SqlValue[], sql: string): void {
  for (const value of values) {
    if (isExact(value)) continue;
    const expected = 'expected a whole number, a well-formed text without NUL, or null';
    throw new DatabaseError('bad-statement', `cannot bind ${shown(value)}, ${expected} (in ${sql})`);
  }
}

/** The types say what a value is; what a caller of JavaScript or a row of JSON really held may be anything. */
function isExact(value: unknown): boolean {
  if (typeof value === 'string') return isStorable(value);
  return value === null || Number.isSafeInteger(value);
}

function shown(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value) : `${String(value)} (${typeof value})`;
}
