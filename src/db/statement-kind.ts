// What a statement is, read from its text: which of its kinds, and how many values it takes. SQLite's own answers come
// too late: a statement must be judged before it is run.

/** What the database port distinguishes; `refused` is what portable SQL does not have (PRAGMA, SAVEPOINT …). */
export type StatementKind = 'begin' | 'commit' | 'rollback' | 'read' | 'write' | 'schema' | 'refused';

const KIND_OF_VERB: ReadonlyMap<string, StatementKind> = new Map([
  ['BEGIN', 'begin'],
  ['COMMIT', 'commit'],
  ['ROLLBACK', 'rollback'],
  ['SELECT', 'read'],
  ['VALUES', 'read'],
  ['INSERT', 'write'],
  ['UPDATE', 'write'],
  ['DELETE', 'write'],
  ['CREATE', 'schema'],
  ['ALTER', 'schema'],
  ['DROP', 'schema'],
]);

/** The kind of `sql`, by its first word. */
export function statementKind(sql: string): StatementKind {
  const verb = /^\s*([A-Za-z]+)/.exec(sql)?.[1]?.toUpperCase() ?? '';
  if (verb === 'WITH') return /\b(INSERT|UPDATE|DELETE)\b/i.test(sql) ? 'write' : 'read';
  if (verb === 'ROLLBACK' && /^\s*ROLLBACK\s+TO\b/i.test(sql)) return 'refused';
  return KIND_OF_VERB.get(verb) ?? 'refused';
}

/** How many `?` stand outside quotes. */
export function parameterCount(sql: string): number {
  return withoutLiterals(sql).split('?').length - 1;
}

/** `sql` with every text in quotes emptied. */
export function withoutLiterals(sql: string): string {
  return sql.includes("'") ? sql.replace(/'(?:[^']|'')*'/g, "''") : sql;
}
