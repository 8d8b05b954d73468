// Result specs: filters, order and paging of lists, done by the database, and equal on every one.
//
// Field names are checked against those that a list has, values are bound. What SQL leaves to the database, or does
// otherwise than a program would, is settled here (docs/decisions/0011): a null is a value like any other, equal to itself
// and to nothing else; it comes first in ascending order and last in descending order, and is neither less nor greater
// than anything. Texts are compared by their bytes. Ties are broken by id.
// @source buildbot master/buildbot/data/resultspec.py

import { StandinError } from '../core/errors.js';
import { nearest } from '../core/nearest.js';
import type { SqlValue } from './driver.js';
import { placeholders } from './row.js';

export type FilterOperator = 'eq' | 'ne' | 'lt' | 'le' | 'gt' | 'ge' | 'contains' | 'in' | 'notin';

export type FilterValue = string | number | boolean | null;

/**
 * Which rows. `eq` and `in`: the field is one of the values; `ne` and `notin`: it is none of them; `contains`: one of the
 * values is part of the text, case and all; `lt`, `le`, `gt`, `ge`: compared with one value.
 */
export interface Filter {
  readonly field: string;
  readonly op: FilterOperator;
  readonly values: readonly FilterValue[];
}

/** Which part of a list, in which order, and how much of each row. */
export interface ResultSpec {
  /** All must hold. */
  readonly filters?: readonly Filter[];
  /** Field names; a leading '-' means descending. Default: by id. */
  readonly order?: readonly string[];
  /** At most so many rows. */
  readonly limit?: number;
  /** Skip so many rows first. */
  readonly offset?: number;
}

/** A field of a list, as the database has it. */
export interface Field {
  /** A column or an expression. */
  readonly column: string;
  readonly kind: 'integer' | 'text' | 'boolean' | 'json';
  readonly isNullable?: boolean;
}

export type Fields = Readonly<Record<string, Field>>;

/** The clauses of a result spec; each begins with a blank unless it is empty. */
export interface SpecClauses {
  readonly where: { readonly sql: string; readonly values: readonly SqlValue[] };
  readonly order: string;
  readonly page: { readonly sql: string; readonly values: readonly SqlValue[] };
}

/** A field, operator, value, limit or offset that a list does not know; nothing was read. */
export class ResultSpecError extends StandinError {
  constructor(message: string) {
    super('bad-spec', message);
  }
}

/** The clauses of `spec` over a list with these fields; `key` is a unique column. @throws ResultSpecError */
export function specClauses(spec: ResultSpec, fields: Fields, key: string): SpecClauses {
  const conditions = (spec.filters ?? []).map((filter) => condition(filter, fields));
  const terms = (spec.order ?? []).flatMap((name) => orderTerms(name, fields));
  const limit = wholeNumber('limit', spec.limit);
  const offset = wholeNumber('offset', spec.offset);
  return {
    where: {
      sql: conditions.map(({ sql }) => ` AND ${sql}`).join(''),
      values: conditions.flatMap(({ values }) => values),
    },
    order: ` ORDER BY ${[...terms, key].join(', ')}`,
    page:
      limit === null && offset === null
        ? { sql: '', values: [] }
        : { sql: ' LIMIT ? OFFSET ?', values: [limit ?? Number.MAX_SAFE_INTEGER, offset ?? 0] },
  };
}

/** The field of this name. @throws ResultSpecError */
export function fieldOf(fields: Fields, name: string, what: string): Field {
  const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
  if (field !== undefined) return field;
  const known = Object.keys(fields);
  throw new ResultSpecError(
    `cannot ${what} '${name}', expected one of ${known.join(', ')}${nearest(name, known)}`,
  );
}

interface Condition {
  readonly sql: string;
  readonly values: readonly SqlValue[];
}

const COMPARISONS: ReadonlyMap<string, string> = new Map([
  ['lt', '<'],
  ['le', '<='],
  ['gt', '>'],
  ['ge', '>='],
]);

function condition(filter: Filter, fields: Fields): Condition {
  const { op, values } = filter;
  const field = fieldOf(fields, filter.field, 'filter by');
  const { column } = field;
  for (const value of values) checkValue(filter, field, value);
  switch (op) {
    case 'eq':
    case 'in':
      return isOneOf(column, values);
    case 'ne':
    case 'notin':
      return isNoneOf(column, values);
    case 'contains':
      return contains(filter, field);
    case 'lt':
    case 'le':
    case 'gt':
    case 'ge':
      return compares(filter, field);
    default:
      throw new ResultSpecError(`unknown operator '${String(op)}' in the filter by '${filter.field}'`);
  }
}

function isOneOf(column: string, values: readonly FilterValue[]): Condition {
  const bound = boundOf(values);
  const alternatives = [
    ...(bound.length > 0 ? [`${column} IN ${placeholders(bound.length)}`] : []),
    ...(values.includes(null) ? [`${column} IS NULL`] : []),
  ];
  return { sql: alternatives.length === 0 ? '1 = 0' : `(${alternatives.join(' OR ')})`, values: bound };
}

/** The exact contrary: a null is kept unless it is named. */
function isNoneOf(column: string, values: readonly FilterValue[]): Condition {
  const bound = boundOf(values);
  const isOther = bound.length > 0 ? `${column} NOT IN ${placeholders(bound.length)}` : '1 = 1';
  const nulls = values.includes(null) ? `${column} IS NOT NULL AND` : `${column} IS NULL OR`;
  return { sql: `(${nulls} ${isOther})`, values: bound };
}

/** REPLACE, since it looks at case, knows no wildcards, and is the same everywhere. */
function contains(filter: Filter, { column, kind }: Field): Condition {
  if (kind !== 'text' || filter.values.includes(null)) {
    throw new ResultSpecError(
      `'contains' asks for a text in a text, not in the ${kind} field '${filter.field}'`,
    );
  }
  const parts = filter.values.map((value) =>
    value === '' ? `${column} IS NOT NULL` : `REPLACE(${column}, ?, '') <> ${column}`,
  );
  return {
    sql: parts.length === 0 ? '1 = 0' : `(${parts.join(' OR ')})`,
    values: boundOf(filter.values.filter((value) => value !== '')),
  };
}

function compares({ field: name, op, values }: Filter, { column, kind }: Field): Condition {
  const [value] = values;
  if (
    values.length !== 1 ||
    value === null ||
    value === undefined ||
    (kind !== 'integer' && kind !== 'text')
  ) {
    throw new ResultSpecError(
      `'${op}' compares an integer or a text with one value, got ${JSON.stringify(values)} for the ${kind} field '${name}'`,
    );
  }
  return { sql: `${column} ${COMPARISONS.get(op)} ?`, values: boundOf(values) };
}

function checkValue(filter: Filter, { kind }: Field, value: FilterValue): void {
  const isFit =
    value === null ||
    (kind === 'integer' && Number.isSafeInteger(value)) ||
    (kind === 'text' && typeof value === 'string') ||
    (kind === 'boolean' && typeof value === 'boolean');
  if (isFit) return;
  throw new ResultSpecError(
    `the filter by '${filter.field}', a field of kind ${kind}, has the value ${JSON.stringify(value)}`,
  );
}

function boundOf(values: readonly FilterValue[]): readonly SqlValue[] {
  return values
    .filter((value) => value !== null)
    .map((value) => (typeof value === 'boolean' ? Number(value) : value));
}

function orderTerms(term: string, fields: Fields): readonly string[] {
  const isDescending = term.startsWith('-');
  const { column, isNullable } = fieldOf(fields, isDescending ? term.slice(1) : term, 'sort by');
  const direction = isDescending ? 'DESC' : 'ASC';
  // Where there is no null an index on the column gives the order.
  const nulls = isNullable === true ? [`CASE WHEN ${column} IS NULL THEN 0 ELSE 1 END ${direction}`] : [];
  return [...nulls, `${column} ${direction}`];
}

function wholeNumber(what: string, value: number | undefined): number | null {
  if (value === undefined) return null;
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new ResultSpecError(`${what} is ${String(value)}, expected a whole number that is not negative`);
  }
  return value;
}
