// Interactive transactions that really overlap, SERIALIZABLE, on one SQLite connection.
//
// A transaction is a log of (statement, values, result). What it wrote lies under the engine's one savepoint for as long
// as nobody else needs the database; then it is rolled back, and executed again from the log at its next statement and
// at COMMIT. Committing is thus executing the whole transaction at the instant of the commit: the order of commits is a
// serial order. A result that differs from the logged one means that the transaction had seen something else: it fails
// with `serialization-failure`; a write that now meets a key that is there fails with `unique-violation`, as it does on
// PostgreSQL for whoever did not look for the key before.
//
// As on PostgreSQL a transaction writes and locks only rows that nobody else's commit has changed since its first
// statement, even if it would do the same again, or would not find them any more. Whoever calls takes care that no two transactions write one row at once.
//
// What makes it cheap, and changes no outcome:
// - while no commit touched a table that the transaction named, its reads cannot differ: only its writes are re-executed,
//   and only to bring their effects back; a transaction without writes has none and needs no savepoint at all;
// - a statement of somebody else that reads none of the tables with uncommitted writes leaves the savepoint alone.
//
// It knows no time, no sessions and no locks. Whoever gets an error of `execute` or `commit` holds a spoiled transaction,
// which accepts nothing but `rollback`.

import { assert } from '../../../src/core/assert.js';
import { DatabaseError, type Row, type SqlValue } from '../../../src/db/driver.js';
import type { PreparedSql, SqlEngine } from '../sql-engine.js';
import { isSameResult, type SqlResult } from './result.js';
import type { RowChange, Touch } from './row-changes.js';
import type { TableSet } from './table-index.js';

/** An open transaction; only `Transactions` looks inside. */
export class Transaction {
  readonly log: LogEntry[] = [];
  /** Tables that any statement of the log named. */
  tables: TableSet = 0;
  /** Tables that the log writes; 0 as long as it has no write. */
  written: TableSet = 0;
  /** A commit of somebody else touched `tables` since the results of the log were last confirmed. */
  isStale = false;
  /** How many commits there were at its first statement; -1 before that. */
  firstSaw = -1;
  /** All rows that it touched. */
  readonly touches: Touch[] = [];
  /** A statement failed: only `rollback` is left. */
  isSpoiled = false;
}

interface LogEntry {
  readonly prepared: PreparedSql;
  readonly values: readonly SqlValue[];
  readonly result: SqlResult;
  readonly touches: readonly Touch[];
}

/** What a commit changed a row from, and to; null = deleted. */
interface PastRow {
  readonly commit: number;
  readonly table: string;
  readonly old: Row;
  readonly row: Row | null;
}

/** A write that is part of the database now. */
export interface Write {
  readonly sql: string;
  readonly values: readonly SqlValue[];
}

/** How often things happened; shown in the statistics of the server. */
export interface TransactionStats {
  commits: number;
  serializationFailures: number;
  /** Logs re-executed, wholly or only their writes. */
  replays: number;
  replayedStatements: number;
}

export class Transactions {
  readonly stats: TransactionStats = {
    commits: 0,
    serializationFailures: 0,
    replays: 0,
    replayedStatements: 0,
  };
  /** Told of the writes of each commit, in order; null costs nothing. */
  onWrites: ((writes: readonly Write[]) => void) | null = null;
  readonly #engine: SqlEngine;
  readonly #open = new Set<Transaction>();
  /** By name of a row: the number of the commit that last touched it; of no use when no transaction is open. */
  readonly #touchedBy = new Map<string, number>();
  #commits = 0;
  /** Rows that were changed or deleted while a transaction was open, in the order of the commits. */
  #past: PastRow[] = [];
  /** The transaction whose writes lie under the engine's savepoint. */
  #applied: Transaction | null = null;

  constructor(engine: SqlEngine) {
    this.#engine = engine;
  }

  begin(): Transaction {
    const transaction = new Transaction();
    this.#open.add(transaction);
    return transaction;
  }

  /**
   * Executes a statement in `transaction`.
   * @throws DatabaseError, after which the transaction is spoiled; `transaction-aborted` when it was already.
   */
  execute(transaction: Transaction, prepared: PreparedSql, values: readonly SqlValue[]): SqlResult {
    this.#assertUsable(transaction);
    this.look(transaction);
    try {
      if (prepared.kind === 'read' && transaction.written === 0)
        this.#enterForRead(transaction, prepared.reads);
      else this.#enter(transaction);
      if (prepared.kind === 'write') this.#assertNothingGone(transaction, prepared, values);
      const result = this.#engine.execute(prepared, values);
      const { lastTouches } = this.#engine;
      const touches = lastTouches.length === 0 ? NO_TOUCHES : lastTouches; // the engine uses an empty list again
      if (prepared.kind === 'write' && touches === NO_TOUCHES)
        this.#assertNothingNewInTheWay(transaction, prepared, values);
      transaction.log.push({ prepared, values, result, touches });
      transaction.tables |= prepared.reads | prepared.writes;
      transaction.written |= prepared.writes;
      for (const touch of touches) transaction.touches.push(touch);
      return result;
    } catch (error) {
      this.spoil(transaction);
      throw error;
    }
  }

  /** `transaction` begins to see the database, if it has not yet. */
  look(transaction: Transaction): void {
    if (transaction.firstSaw < 0) transaction.firstSaw = this.#commits;
  }

  /** The names of the rows that the last statement updated or deleted. */
  rowsChangedLast(): readonly string[] {
    const { lastTouches } = this.#engine;
    if (lastTouches.length === 0) return NO_ROWS;
    return lastTouches.filter(({ op }) => op !== 'insert').map(nameOf);
  }

  /** The last statement of `transaction` was not executed after all. */
  undoLast(transaction: Transaction): void {
    transaction.log.pop();
    if (this.#applied === transaction) this.#leave();
  }

  /** @throws DatabaseError `serialization-failure` if a commit has touched this row since `transaction` began to look. */
  assertUntouched(transaction: Transaction, row: string): void {
    if ((this.#touchedBy.get(row) ?? 0) <= transaction.firstSaw) return;
    this.stats.serializationFailures += 1;
    throw new DatabaseError('serialization-failure', `a concurrent commit changed ${row}`);
  }

  /** Executes a read or a write that is a transaction by itself. */
  autocommit(prepared: PreparedSql, values: readonly SqlValue[]): SqlResult {
    if (prepared.kind === 'read') {
      this.#hideFrom(prepared.reads);
      return this.#engine.execute(prepared, values);
    }
    this.#leave();
    const result = this.#engine.execute(prepared, values);
    if (this.#engine.lastChanges > 0 || prepared.kind === 'schema') {
      this.#committed(prepared.writes, this.#engine.lastTouches);
      this.onWrites?.([{ sql: prepared.sql, values }]);
    }
    return result;
  }

  /**
   * Makes what `transaction` did part of the database.
   * @throws DatabaseError `serialization-failure`, `unique-violation` or `transaction-aborted`; it is spoiled then.
   */
  commit(transaction: Transaction): void {
    this.#assertUsable(transaction);
    try {
      if (transaction.written === 0) this.#enterForRead(transaction, 0);
      else this.#enter(transaction);
    } catch (error) {
      this.spoil(transaction);
      throw error;
    }
    this.#open.delete(transaction);
    this.stats.commits += 1;
    if (transaction.written === 0) return;
    this.#engine.releaseSavepoint();
    this.#applied = null;
    this.#committed(transaction.written, transaction.touches);
    this.onWrites?.(writesOf(transaction));
  }

  /** Ends `transaction` without a trace; harmless when it has ended. */
  rollback(transaction: Transaction): void {
    this.spoil(transaction);
    this.#open.delete(transaction);
  }

  /** Leaves `transaction` open, with nothing to lose: every further statement is refused. */
  spoil(transaction: Transaction): void {
    if (this.#applied === transaction) this.#leave();
    transaction.isSpoiled = true;
    transaction.log.length = 0;
    transaction.touches.length = 0;
    transaction.tables = 0;
    transaction.written = 0;
  }

  /** The row changes of the last commit, of a transaction or of an autocommit statement; taken once. */
  takeChanges(): readonly RowChange[] {
    this.#leave();
    const changes = this.#engine.takeChanges();
    if (changes.length > 0) this.#remember(changes);
    return changes;
  }

  /** Keeps what the rows were for those who began to look before. */
  #remember(changes: readonly RowChange[]): void {
    if (this.#open.size === 0) {
      this.#past.length = 0;
      return;
    }
    const oldest = Math.min(
      ...[...this.#open].map(({ firstSaw }) => (firstSaw < 0 ? this.#commits : firstSaw)),
    );
    if (this.#past.length > 0) this.#past = this.#past.filter(({ commit }) => commit > oldest);
    if (oldest >= this.#commits) return;
    for (const { table, old, row } of changes)
      if (old !== null) this.#past.push({ commit: this.#commits, table, old, row });
  }

  /** @throws DatabaseError `serialization-failure` if it looks for a row that a commit has changed since it began to look. */
  #assertNothingGone({ firstSaw }: Transaction, prepared: PreparedSql, values: readonly SqlValue[]): void {
    const later = new Set<Row>();
    for (const { commit, table, old, row } of this.#past) {
      if (commit <= firstSaw) continue;
      // Of a row that has changed twice it saw what it was before both.
      if (!later.has(old) && this.#engine.looksFor(prepared, values, table, old)) {
        this.stats.serializationFailures += 1;
        throw new DatabaseError('serialization-failure', `a concurrent commit changed a row of ${table}`);
      }
      if (row !== null) later.add(row);
    }
  }

  /** What was committed invalidates whoever named one of its tables. */
  #committed(written: TableSet, touches: readonly Touch[]): void {
    this.#commits += 1;
    if (this.#open.size === 0) this.#touchedBy.clear();
    else for (const touch of touches) this.#touchedBy.set(nameOf(touch), this.#commits);
    for (const other of this.#open) if ((other.tables & written) !== 0) other.isStale = true;
  }

  /** Brings the writes of `transaction` into the database, and nobody else's. */
  #enter(transaction: Transaction): void {
    if (this.#applied === transaction) return;
    this.#leave();
    this.#engine.openSavepoint();
    this.#applied = transaction;
    if (transaction.isStale || transaction.written !== 0) this.#replay(transaction);
  }

  /** For a transaction without writes, about to read `tables`: confirms its log, sees only what is committed. */
  #enterForRead(transaction: Transaction, tables: TableSet): void {
    this.#hideFrom(transaction.isStale ? tables | transaction.tables : tables);
    if (transaction.isStale) this.#replay(transaction);
  }

  /** Takes uncommitted writes away if they are in `tables`. */
  #hideFrom(tables: TableSet): void {
    if (this.#applied !== null && (this.#applied.written & tables) !== 0) this.#leave();
  }

  #leave(): void {
    if (this.#applied === null) return;
    this.#engine.rollbackSavepoint();
    this.#applied = null;
  }

  #replay(transaction: Transaction): void {
    this.stats.replays += 1;
    for (const entry of transaction.log) {
      if (!transaction.isStale && entry.prepared.kind === 'read') continue;
      this.stats.replayedStatements += 1;
      const result = this.#resultNow(entry);
      if (result === null || !isSameResult(result, entry.result) || !this.#hasDoneTheSame(entry))
        throw this.#serializationFailure(entry);
    }
    transaction.isStale = false;
  }

  /** Null when the statement now fails. @throws DatabaseError `unique-violation`. */
  #resultNow(entry: LogEntry): SqlResult | null {
    try {
      return this.#engine.execute(entry.prepared, entry.values);
    } catch (error) {
      if (error instanceof DatabaseError && error.code !== 'unique-violation') return null;
      throw error;
    }
  }

  /** Not so when an INSERT … ON CONFLICT now updates. */
  #hasDoneTheSame({ touches }: LogEntry): boolean {
    const now = this.#engine.lastTouches;
    return now.length === touches.length && now.every(({ op }, i) => op === touches[i]?.op);
  }

  /** @throws DatabaseError `serialization-failure` if a row that it cannot see kept it from inserting its own. */
  #assertNothingNewInTheWay(
    transaction: Transaction,
    prepared: PreparedSql,
    values: readonly SqlValue[],
  ): void {
    if (transaction.firstSaw === this.#commits) return;
    for (const touch of this.#engine.rowsInTheWay(prepared, values))
      this.assertUntouched(transaction, nameOf(touch));
  }

  #serializationFailure(entry: LogEntry): DatabaseError {
    this.stats.serializationFailures += 1;
    const message = `a concurrent commit changed the result of ${entry.prepared.sql}`;
    return new DatabaseError('serialization-failure', message);
  }

  #assertUsable(transaction: Transaction): void {
    assert(this.#open.has(transaction), 'the transaction has not ended');
    if (!transaction.isSpoiled) return;
    throw new DatabaseError(
      'transaction-aborted',
      'a statement of this transaction failed; it must be rolled back',
    );
  }
}

const NO_ROWS: readonly string[] = [];
const NO_TOUCHES: readonly Touch[] = [];

function writesOf({ log }: Transaction): readonly Write[] {
  return log.flatMap(({ prepared: { kind, sql }, values }) => (kind === 'read' ? [] : [{ sql, values }]));
}

/** As `Statement.lock` names it. */
function nameOf({ table, rowId }: Touch): string {
  return `row:${table}:${rowId}`;
}
