// Sorting and paging of lists, done by the database. Column names are checked against a list of those allowed; values are
// bound. Nulls come first in ascending order and last in descending order, on every database.

import { StandinError } from '../core/errors.js';
import { nearest } from '../core/nearest.js';
import type { SqlValue } from './driver.js';

/** Which part of a list, and in which order. */
export interface Page {
  /** Field names; a leading '-' means descending. Ties are broken by id, ascending. */
  readonly order?: readonly string[];
  /** At most so many rows. */
  readonly limit?: number;
  /** Skip so many rows first. */
  readonly offset?: number;
}

/**
 * The ORDER BY and LIMIT clauses of `page` over the columns by field name in `columns`; `tieBreaker` is a unique column.
 * @throws StandinError `bad-page` for an unknown field or a limit or offset that is no whole number >= 0.
 */
export function pageClauses(
  page: Page,
  columns: Readonly<Record<string, string>>,
  tieBreaker: string,
): { readonly sql: string; readonly values: readonly SqlValue[] } {
  const terms = (page.order ?? []).flatMap((field) => orderTerms(field, columns));
  const sql = ` ORDER BY ${[...terms, tieBreaker].join(', ')}`;
  const limit = wholeNumber('limit', page.limit);
  const offset = wholeNumber('offset', page.offset);
  if (limit === null && offset === null) return { sql, values: [] };
  return { sql: `${sql} LIMIT ? OFFSET ?`, values: [limit ?? Number.MAX_SAFE_INTEGER, offset ?? 0] };
}

function orderTerms(field: string, columns: Readonly<Record<string, string>>): readonly string[] {
  const isDescending = field.startsWith('-');
  const name = isDescending ? field.slice(1) : field;
  const column = Object.hasOwn(columns, name) ? columns[name] : undefined;
  if (column === undefined) {
    const known = Object.keys(columns);
    throw new StandinError(
      'bad-page',
      `cannot sort by '${name}', expected one of ${known.join(', ')}${nearest(name, known)}`,
    );
  }
  const direction = isDescending ? 'DESC' : 'ASC';
  return [`(${column} IS NOT NULL) ${direction}`, `${column} ${direction}`];
}

function wholeNumber(what: string, value: number | undefined): number | null {
  if (value === undefined) return null;
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new StandinError(
      'bad-page',
      `${what} is ${String(value)}, expected a whole number that is not negative`,
    );
  }
  return value;
}
