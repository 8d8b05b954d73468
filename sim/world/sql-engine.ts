// SQLite in memory (sql.js) as the storage of the simulated database server: one connection, no sessions, no time.
//
// It promises results that depend on the statements alone, and speed: the whole life of a run is one SQLite transaction,
// so that no statement pays for a commit and going back to the empty schema is one ROLLBACK. At most one savepoint lies
// inside it: the uncommitted work of one simulated transaction (see database/transactions.ts).
//
// To be opened while no run is on: sql.js draws the name of its file from Math.random.

import initSqlJs, { type Database, type Statement as SqlJsStatement } from 'sql.js';
import { assert } from '../../src/core/assert.js';
import { DatabaseError, type Row, type SqlValue } from '../../src/db/driver.js';
import { SCHEMA } from '../../src/db/schema.js';
import {
  IN_MEMORY_PRAGMAS,
  refuseByteOrderMarks,
  sqliteError,
  sqliteSchema,
} from '../../src/db/sqlite/dialect.js';
import { parameterCount, statementKind, type StatementKind } from '../../src/db/statement-kind.js';
import { checkValues } from '../../src/db/values.js';
import {
  OBSERVED_TABLES,
  RowChanges,
  type InitialRow,
  type RowChange,
  type Touch,
} from './database/row-changes.js';
import { resultWithoutRows, rowOf, type SqlResult } from './database/result.js';
import { questionValues, searchOf, touchingInsert, type Search } from './database/searches.js';
import { ALL_TABLES, TableIndex, type TableSet } from './database/table-index.js';
import { fingerprint } from './fingerprint.js';

/** A statement as the engine knows it; one object for one text. */
export class PreparedSql {
  readonly sql: string;
  /** Short and stable: names the text in a trace and in decisions. */
  readonly id: string;
  readonly kind: StatementKind;
  readonly parameters: number;
  /** Tables that its result may depend on. */
  reads: TableSet;
  /** Tables that it may change. */
  writes: TableSet;
  /** The engine's own: the compiled statement and its columns, once it ran. */
  handle: SqlJsStatement | null = null;
  columns: readonly string[] | null = null;
  /** The engine's own: which rows it looks for, once that was asked. */
  search: Search | null | undefined = undefined;
  /** The engine's own: what touches the rows that are in its way, once that was asked. */
  touching: PreparedSql | null | undefined = undefined;

  constructor(sql: string, reads: TableSet, writes: TableSet) {
    this.sql = sql;
    this.id = fingerprint(sql);
    this.kind = statementKind(sql);
    this.reads = reads;
    this.writes = writes;
    this.parameters = parameterCount(sql);
  }
}

export class SqlEngine {
  readonly #database: Database;
  readonly #tables: TableIndex;
  readonly #prepared = new Map<string, PreparedSql>();
  readonly #commands = new Map<string, SqlJsStatement>();
  readonly #changes: RowChanges;
  /** Of observed tables, since they were taken. */
  #touches: Touch[] = [];
  /** Of all tables, by the last statement. */
  #lastTouches: Touch[] = [];
  #isSchemaOriginal = true;
  #isSavepointOpen = false;
  #lastChanges = 0;

  private constructor(database: Database, schema: readonly string[], observed: ReadonlySet<string>) {
    this.#database = database;
    this.#tables = new TableIndex(schema);
    database.exec(IN_MEMORY_PRAGMAS);
    for (const sql of schema) database.exec(sql);
    const initial = this.#tables.names
      .filter((name) => observed.has(name))
      .flatMap((name) => this.#rowsOf(name));
    this.#changes = new RowChanges((table, rowId) => this.readRow(table, rowId), initial);
    database.exec('BEGIN');
    database.updateHook((op, _database, table, rowId) => {
      const touch = { table, rowId, op };
      this.#lastTouches.push(touch);
      if (observed.has(table)) this.#touches.push(touch);
    });
  }

  /** Opens an engine with `schema`, which follows the rows of the `observed` tables; `close` it, or it leaks. */
  static async open(
    schema: readonly string[] = SCHEMA,
    observed: ReadonlySet<string> = OBSERVED_TABLES,
  ): Promise<SqlEngine> {
    const sqlJs = await initSqlJs();
    return new SqlEngine(new sqlJs.Database(), sqliteSchema(schema), observed);
  }

  /** Back to the schema as it was opened; compiled statements survive. */
  reset(): void {
    this.#database.exec('ROLLBACK; BEGIN');
    this.#isSavepointOpen = false;
    this.#touches = [];
    this.#changes.clear();
    if (this.#isSchemaOriginal) return;
    this.#uncompile();
    this.#prepared.clear();
    this.#isSchemaOriginal = true;
  }

  /** Frees the database; the engine is unusable from then on. */
  close(): void {
    this.#database.close();
  }

  /** The statement of this text. @throws DatabaseError `bad-statement` when it is not portable SQL. */
  prepare(sql: string): PreparedSql {
    const known = this.#prepared.get(sql);
    if (known !== undefined) return known;
    const kind = statementKind(sql);
    if (kind === 'refused') throw new DatabaseError('bad-statement', `not a portable statement: ${sql}`);
    const isKnown = this.#isSchemaOriginal && kind !== 'schema';
    const reads = isKnown ? this.#tables.named(sql) : ALL_TABLES;
    const writes = kind === 'read' ? 0 : isKnown ? this.#tables.written(sql) : ALL_TABLES;
    const prepared = new PreparedSql(sql, reads, writes);
    this.#prepared.set(sql, prepared);
    return prepared;
  }

  /**
   * Executes a read, a write or a change of the schema.
   * @throws DatabaseError; nothing of the statement remains then.
   */
  execute(prepared: PreparedSql, values: readonly SqlValue[]): SqlResult {
    const touchesBefore = this.#touches.length;
    try {
      this.#lastChanges = 0;
      if (this.#lastTouches.length > 0) this.#lastTouches = [];
      const result = this.#run(prepared, values);
      if (prepared.kind === 'schema') this.#schemaChanged();
      return result;
    } catch (error) {
      this.#touches.length = touchesBefore;
      throw sqliteError(error, prepared.sql);
    }
  }

  /** Rows changed by the last `execute`. */
  get lastChanges(): number {
    return this.#lastChanges;
  }

  /** Rows touched by the last `execute`. */
  get lastTouches(): readonly Touch[] {
    return this.#lastTouches;
  }

  /** Opens the savepoint; there is none yet. */
  openSavepoint(): void {
    assert(!this.#isSavepointOpen, 'a savepoint is open already');
    this.#command('SAVEPOINT work');
    this.#isSavepointOpen = true;
    this.#touches.length = 0;
  }

  /** What was done since `openSavepoint` is part of the database. */
  releaseSavepoint(): void {
    assert(this.#isSavepointOpen, 'no savepoint is open');
    this.#command('RELEASE work');
    this.#isSavepointOpen = false;
  }

  /** What was done since `openSavepoint` never happened; harmless without one. */
  rollbackSavepoint(): void {
    if (!this.#isSavepointOpen) return;
    this.#command('ROLLBACK TO work');
    this.#command('RELEASE work');
    this.#isSavepointOpen = false;
    this.#touches.length = 0;
  }

  /** The row changes since the last call; everything executed must be committed. */
  takeChanges(): readonly RowChange[] {
    assert(!this.#isSavepointOpen, 'changes are taken after a commit');
    const changes = this.#changes.collect(this.#touches);
    this.#touches.length = 0;
    return changes;
  }

  /** The row of `table` with this integer primary key (or rowid), null when there is none. */
  readRow(table: string, rowId: number): Row | null {
    const prepared = this.prepare(`SELECT * FROM ${table} WHERE rowid = ?`);
    const [tuple] = this.#tuples(prepared, [rowId]);
    return tuple === undefined ? null : rowOf(prepared.columns ?? [], tuple);
  }

  /** Whether this UPDATE or DELETE looks for a row of its table that is as `row` was; no for any other statement. */
  looksFor(prepared: PreparedSql, values: readonly SqlValue[], table: string, row: Row): boolean {
    if (prepared.search === undefined) prepared.search = searchOf(prepared.sql);
    const { search } = prepared;
    if (search === null || search.table !== table) return false;
    const question = this.prepare(search.question(Object.keys(row)));
    return this.#tuples(question, questionValues(search, row, values)).length > 0;
  }

  /** The rows whose keys kept this INSERT … DO NOTHING from inserting anything; none for any other statement. */
  rowsInTheWay(prepared: PreparedSql, values: readonly SqlValue[]): readonly Touch[] {
    if (prepared.touching === undefined) {
      const sql = touchingInsert(prepared.sql);
      prepared.touching = sql === null ? null : this.prepare(sql);
    }
    if (prepared.touching === null) return NO_TOUCHES;
    const touchesBefore = this.#touches.length;
    this.#command('SAVEPOINT probe');
    this.#tuples(prepared.touching, values);
    const found = this.#lastTouches;
    this.#command('ROLLBACK TO probe');
    this.#command('RELEASE probe');
    this.#touches.length = touchesBefore;
    this.#lastTouches = [];
    return found;
  }

  #rowsOf(table: string): readonly InitialRow[] {
    const prepared = this.prepare(`SELECT rowid AS row_id FROM ${table} ORDER BY rowid`);
    return this.#tuples(prepared, []).flatMap(([id]) => {
      const row = this.readRow(table, Number(id));
      return row === null ? [] : [{ table, rowId: Number(id), row }];
    });
  }

  #run(prepared: PreparedSql, values: readonly SqlValue[]): SqlResult {
    if (values.length !== prepared.parameters) {
      const counts = `takes ${prepared.parameters} values, got ${values.length}`;
      throw new DatabaseError('bad-statement', `${prepared.sql} ${counts}`);
    }
    checkValues(values, prepared.sql);
    refuseByteOrderMarks(values, prepared.sql);
    const tuples = this.#tuples(prepared, values);
    if (prepared.kind === 'write') this.#lastChanges = this.#database.getRowsModified();
    if (tuples.length === 0) return resultWithoutRows(this.#lastChanges);
    return { columns: prepared.columns ?? [], tuples, changes: this.#lastChanges };
  }

  #tuples(prepared: PreparedSql, values: readonly SqlValue[]): SqlValue[][] {
    const handle = (prepared.handle ??= this.#database.prepare(compiledText(prepared)));
    const tuples: SqlValue[][] = [];
    try {
      if (values.length > 0) handle.bind(values as SqlValue[]);
      while (handle.step()) {
        prepared.columns ??= handle.getColumnNames();
        tuples.push(handle.get() as SqlValue[]);
      }
    } finally {
      handle.reset();
    }
    return tuples;
  }

  #command(sql: string): void {
    let handle = this.#commands.get(sql);
    if (handle === undefined) this.#commands.set(sql, (handle = this.#database.prepare(sql)));
    handle.step();
    handle.reset();
  }

  /** From here to the next `reset` statements may touch tables that the index does not know. */
  #schemaChanged(): void {
    this.#isSchemaOriginal = false;
    this.#uncompile();
    for (const prepared of this.#prepared.values()) {
      prepared.reads = ALL_TABLES;
      prepared.writes = prepared.kind === 'read' ? 0 : ALL_TABLES;
    }
  }

  /** Compiled statements know the columns of the schema they were compiled for. */
  #uncompile(): void {
    for (const prepared of this.#prepared.values()) {
      prepared.handle?.free();
      prepared.handle = null;
      prepared.columns = null;
    }
  }
}

const NO_TOUCHES: readonly Touch[] = [];

/**
 * The text as SQLite gets it; its results are the same.
 * - SQLite empties a table for a DELETE without WHERE without telling the update hook; with one it tells.
 * - It compiles a statement again whenever a value is bound on which its plan might depend, which costs ten times what the
 *   statement does. No plan depends on an expression, so each bare parameter becomes one.
 */
function compiledText({ sql }: PreparedSql): string {
  if (/^\s*DELETE\s+FROM\s+\w+\s*;?\s*$/i.test(sql)) return `${sql.replace(';', '')} WHERE 1`;
  return sql.replace(
    /'(?:[^']|'')*'|\b(LIMIT|OFFSET)(\s+)\?|\?/gi,
    (found, limit?: string, space?: string) => {
      if (limit !== undefined) return `${limit}${space ?? ''}(? + 0)`;
      return found === '?' ? '+?' : found;
    },
  );
}
