// What both drivers on SQLite have in common: their sessions share one connection of the engine. A transaction has it to
// itself: BEGIN, and any statement outside a transaction, waits for the one that runs, first come, first served. BEGIN is
// BEGIN IMMEDIATE, so that `Statement.lock` has nothing left to do: transactions run one after the other, on this connection
// and on all others of the database, and a write outside a transaction is a transaction of one statement. No outcome is
// ever unknown, since nothing lies between this process and its database.

import { unreachable } from '../../core/assert.js';
import { Mutex } from '../../core/mutex.js';
import type { Clock, Timer } from '../../runtime/clock.js';
import {
  DatabaseError,
  type Driver,
  type Session,
  type SqlValue,
  type Statement,
  type StatementResult,
} from '../driver.js';
import { parameterCount, statementKind, type StatementKind } from '../statement-kind.js';
import { checkValues } from '../values.js';
import { sqliteSchema } from './dialect.js';
import { Turns } from './turns.js';

/** One connection to a database; it knows nothing of sessions. */
export interface SqliteEngine {
  /** Runs a statement that is no BEGIN. @throws DatabaseError; nothing of the statement remains then. */
  execute(sql: string, values: readonly SqlValue[], kind: StatementKind): StatementResult;
  /**
   * Begins a transaction once no other connection writes.
   * @throws DatabaseError `lock-timeout` when that takes too long, `connection-lost` when `isWanted` says no any more.
   */
  begin(isWanted: () => boolean): Promise<void>;
  close(): void;
}

/** How long a transaction may idle before it is rolled back and its session ended. */
export interface IdleLimit {
  readonly clock: Clock;
  readonly limitMs: number;
}

export class SqliteDriver implements Driver {
  readonly #engine: SqliteEngine;
  readonly #idle: IdleLimit | null;
  readonly #turns = new Turns<Session>();
  readonly #sessions = new Set<Session>();
  #isClosed = false;

  protected constructor(engine: SqliteEngine, idle: IdleLimit | null) {
    this.#engine = engine;
    this.#idle = idle;
  }

  /** @throws DatabaseError `connection-lost` after `close` */
  async open(): Promise<Session> {
    if (this.#isClosed) throw new DatabaseError('connection-lost', 'the database has been closed');
    const session = new SqliteSession({
      engine: this.#engine,
      turns: this.#turns,
      idle: this.#idle,
      onClose: () => this.#sessions.delete(session),
    });
    this.#sessions.add(session);
    return session;
  }

  /** `schema` as SQLite takes it. */
  translate(schema: readonly string[]): readonly string[] {
    return sqliteSchema(schema);
  }

  /** Closes all sessions and the database. Harmless when it is closed already. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const session of [...this.#sessions]) session.close();
    this.#engine.close();
  }
}

interface SessionContext {
  readonly engine: SqliteEngine;
  readonly turns: Turns<Session>;
  readonly idle: IdleLimit | null;
  readonly onClose: () => void;
}

class SqliteSession implements Session {
  readonly #context: SessionContext;
  readonly #calls = new Mutex();
  /** A transaction is spoiled by a statement that fails; then it can only be rolled back. */
  #transaction: 'none' | 'open' | 'spoiled' = 'none';
  #idleTimer: Timer | null = null;
  /** Why the session is over; null while it is open. */
  #end: DatabaseError | null = null;

  constructor(context: SessionContext) {
    this.#context = context;
  }

  get isOpen(): boolean {
    return this.#end === null;
  }

  run(batch: readonly Statement[]): Promise<readonly StatementResult[]> {
    return this.#calls.run(async () => {
      this.#idleTimer?.cancel();
      try {
        const results: StatementResult[] = [];
        for (const statement of batch) results.push(await this.#runOne(statement));
        return results;
      } finally {
        this.#watchIdling();
      }
    });
  }

  close(): void {
    this.#endWith(new DatabaseError('connection-lost', 'the session is closed'));
  }

  #endWith(reason: DatabaseError): void {
    if (this.#end !== null) return;
    this.#end = reason;
    this.#idleTimer?.cancel();
    if (this.#transaction !== 'none') this.#context.engine.execute('ROLLBACK', [], 'rollback');
    this.#transaction = 'none';
    this.#context.turns.leave(this);
    this.#context.onClose();
  }

  #watchIdling(): void {
    const { idle } = this.#context;
    if (idle === null || this.#transaction === 'none' || !this.isOpen) return;
    const message = `a transaction idled for ${idle.limitMs} ms`;
    const expire = (): void => this.#endWith(new DatabaseError('idle-timeout', message));
    this.#idleTimer = idle.clock.setTimer(expire, idle.limitMs);
  }

  async #runOne(statement: Statement): Promise<StatementResult> {
    const kind = statementKind(statement.sql);
    if (this.isOpen && this.#transaction === 'none') await this.#context.turns.enter(this);
    try {
      this.#checkOpen(); // it may have been closed while it waited
      return await this.#execute(statement, kind);
    } catch (error) {
      if (this.#transaction !== 'none') this.#transaction = 'spoiled';
      throw error;
    } finally {
      if (this.#transaction === 'none') this.#context.turns.leave(this);
    }
  }

  async #execute(statement: Statement, kind: StatementKind): Promise<StatementResult> {
    this.#check(statement, kind);
    switch (kind) {
      case 'begin':
        await this.#begin();
        return NOTHING;
      case 'commit':
      case 'rollback':
        if (this.#transaction !== 'none') this.#finish(kind);
        return NOTHING;
      case 'read':
        return this.#context.engine.execute(statement.sql, statement.values, kind);
      case 'write':
      case 'schema':
        return this.#write(statement, kind);
      case 'refused':
        throw new DatabaseError('bad-statement', `not portable: ${statement.sql}`);
      default:
        return unreachable(kind);
    }
  }

  /** @throws DatabaseError for a statement that must not reach the engine. */
  #check({ sql, values, lock }: Statement, kind: StatementKind): void {
    if (this.#transaction === 'spoiled' && kind !== 'rollback') {
      throw new DatabaseError('transaction-aborted', 'a statement of this transaction failed: roll it back');
    }
    if (kind === 'begin' && this.#transaction !== 'none')
      throw new DatabaseError('bad-statement', 'BEGIN inside a transaction');
    if (kind === 'commit' && this.#transaction === 'none')
      throw new DatabaseError('bad-statement', 'COMMIT outside a transaction');
    if (lock !== undefined && this.#transaction === 'none') {
      throw new DatabaseError('bad-statement', `the lock ${lock} can only be taken inside a transaction`);
    }
    const parameters = parameterCount(sql);
    if (values.length !== parameters) {
      throw new DatabaseError('bad-statement', `${sql} takes ${parameters} values, got ${values.length}`);
    }
    checkValues(values, sql);
  }

  async #begin(): Promise<void> {
    await this.#context.engine.begin(() => this.isOpen);
    this.#transaction = 'open';
  }

  #finish(kind: 'commit' | 'rollback'): void {
    this.#context.engine.execute(kind.toUpperCase(), [], kind);
    this.#transaction = 'none';
  }

  async #write({ sql, values }: Statement, kind: StatementKind): Promise<StatementResult> {
    const { engine } = this.#context;
    if (this.#transaction === 'open') return engine.execute(sql, values, kind);
    await this.#begin();
    try {
      const result = engine.execute(sql, values, kind);
      this.#finish('commit');
      return result;
    } catch (error) {
      this.#finish('rollback');
      throw error;
    }
  }

  #checkOpen(): void {
    if (this.#end !== null) throw this.#end;
  }
}

const NOTHING: StatementResult = { rows: [], changes: 0 };
