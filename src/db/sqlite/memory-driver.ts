// A database in the memory of this process (sql.js), for a master on its own and for tests: what it holds is gone with it.
//
// Its sessions share one SQLite connection. A transaction has it to itself: BEGIN, and any statement outside a transaction,
// waits for the one that runs, first come, first served (SQLite's BEGIN IMMEDIATE). So transactions run one after the
// other, `Statement.lock` has nothing left to do, and no outcome is ever unknown. There are no time-outs here: a
// transaction that never ends holds up all others until its session is closed.

import initSqlJs, { type Database, type Statement as SqlJsStatement } from 'sql.js';
import { unreachable } from '../../core/assert.js';
import { Mutex } from '../../core/mutex.js';
import {
  DatabaseError,
  type Driver,
  type Row,
  type Session,
  type SqlValue,
  type Statement,
  type StatementResult,
} from '../driver.js';
import { SCHEMA } from '../schema.js';
import { IN_MEMORY_PRAGMAS, sqliteError, sqliteSchema } from './dialect.js';
import { parameterCount, statementKind, type StatementKind } from '../statement-kind.js';
import { Turns } from './turns.js';

export class MemoryDriver implements Driver {
  readonly #engine: MemoryEngine;
  readonly #turns = new Turns<Session>();
  readonly #sessions = new Set<Session>();
  #isClosed = false;

  private constructor(engine: MemoryEngine) {
    this.#engine = engine;
  }

  /** A new database that holds `schema` and nothing else. `close` it, or its memory is never freed. */
  static async create(schema: readonly string[] = SCHEMA): Promise<MemoryDriver> {
    const sqlJs = await initSqlJs();
    return new MemoryDriver(new MemoryEngine(new sqlJs.Database(), sqliteSchema(schema)));
  }

  /** @throws DatabaseError `connection-lost` after `close` */
  async open(): Promise<Session> {
    if (this.#isClosed) throw new DatabaseError('connection-lost', 'the database in memory has been closed');
    const session = new MemorySession(this.#engine, this.#turns, () => this.#sessions.delete(session));
    this.#sessions.add(session);
    return session;
  }

  /** Closes all sessions and forgets all data. Harmless when it is closed already. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const session of [...this.#sessions]) session.close();
    this.#engine.close();
  }
}

interface Prepared {
  readonly sql: string;
  readonly kind: StatementKind;
  readonly parameters: number;
  /** Compiled at the first use. */
  handle: SqlJsStatement | null;
}

/** The one connection: it knows nothing of sessions. */
class MemoryEngine {
  readonly #database: Database;
  readonly #prepared = new Map<string, Prepared>();

  constructor(database: Database, schema: readonly string[]) {
    this.#database = database;
    database.exec(IN_MEMORY_PRAGMAS);
    for (const sql of schema) database.exec(sql);
  }

  close(): void {
    this.#database.close();
  }

  prepare(sql: string): Prepared {
    let prepared = this.#prepared.get(sql);
    if (prepared === undefined) {
      prepared = { sql, kind: statementKind(sql), parameters: parameterCount(sql), handle: null };
      this.#prepared.set(sql, prepared);
    }
    return prepared;
  }

  /** @throws DatabaseError; nothing of the statement remains then. */
  execute(prepared: Prepared, values: readonly SqlValue[]): StatementResult {
    if (prepared.kind === 'refused')
      throw new DatabaseError('bad-statement', `not portable: ${prepared.sql}`);
    if (values.length !== prepared.parameters) {
      const counts = `takes ${prepared.parameters} values, got ${values.length}`;
      throw new DatabaseError('bad-statement', `${prepared.sql} ${counts}`);
    }
    try {
      const rows = this.#rows(prepared, values);
      if (prepared.kind === 'schema') this.#forgetCompiled();
      return { rows, changes: prepared.kind === 'write' ? this.#database.getRowsModified() : 0 };
    } catch (error) {
      throw sqliteError(error, prepared.sql);
    }
  }

  #rows(prepared: Prepared, values: readonly SqlValue[]): readonly Row[] {
    const handle = (prepared.handle ??= this.#database.prepare(prepared.sql));
    const rows: Row[] = [];
    try {
      if (values.length > 0) handle.bind([...values]);
      while (handle.step()) rows.push(handle.getAsObject() as Row);
    } finally {
      handle.reset();
    }
    return rows;
  }

  /** Compiled statements know the columns of the schema that they were compiled for. */
  #forgetCompiled(): void {
    for (const prepared of this.#prepared.values()) {
      prepared.handle?.free();
      prepared.handle = null;
    }
  }
}

class MemorySession implements Session {
  readonly #engine: MemoryEngine;
  readonly #turns: Turns<Session>;
  readonly #onClose: () => void;
  readonly #calls = new Mutex();
  /** A transaction is spoiled by a statement that fails; then it can only be rolled back. */
  #transaction: 'none' | 'open' | 'spoiled' = 'none';
  #isOpen = true;

  constructor(engine: MemoryEngine, turns: Turns<Session>, onClose: () => void) {
    this.#engine = engine;
    this.#turns = turns;
    this.#onClose = onClose;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  run(batch: readonly Statement[]): Promise<readonly StatementResult[]> {
    return this.#calls.run(async () => {
      const results: StatementResult[] = [];
      for (const statement of batch) results.push(await this.#runOne(statement));
      return results;
    });
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    if (this.#transaction !== 'none') this.#engine.execute(this.#engine.prepare('ROLLBACK'), []);
    this.#transaction = 'none';
    this.#turns.leave(this);
    this.#onClose();
  }

  async #runOne(statement: Statement): Promise<StatementResult> {
    const prepared = this.#engine.prepare(statement.sql);
    if (this.#isOpen && this.#transaction === 'none') await this.#turns.enter(this);
    // Closed in the meantime, perhaps while it waited.
    if (!this.#isOpen) throw new DatabaseError('connection-lost', 'the session is closed');
    try {
      return this.#execute(prepared, statement);
    } catch (error) {
      if (this.#transaction !== 'none') this.#transaction = 'spoiled';
      throw error;
    } finally {
      if (this.#transaction === 'none') this.#turns.leave(this);
    }
  }

  #execute(prepared: Prepared, { values, lock }: Statement): StatementResult {
    if (lock !== undefined && this.#transaction === 'none') {
      throw new DatabaseError('bad-statement', `the lock ${lock} can only be taken inside a transaction`);
    }
    if (this.#transaction === 'spoiled' && prepared.kind !== 'rollback') {
      throw new DatabaseError('transaction-aborted', 'a statement of this transaction failed: roll it back');
    }
    switch (prepared.kind) {
      case 'begin':
        return this.#begin(prepared);
      case 'commit':
      case 'rollback':
        return this.#end(prepared);
      case 'read':
      case 'write':
      case 'schema':
      case 'refused':
        return this.#engine.execute(prepared, values);
      default:
        return unreachable(prepared.kind);
    }
  }

  #begin(prepared: Prepared): StatementResult {
    if (this.#transaction !== 'none') throw new DatabaseError('bad-statement', 'BEGIN inside a transaction');
    const result = this.#engine.execute(prepared, []);
    this.#transaction = 'open';
    return result;
  }

  #end(prepared: Prepared): StatementResult {
    if (this.#transaction === 'none') {
      if (prepared.kind === 'rollback') return { rows: [], changes: 0 };
      throw new DatabaseError('bad-statement', 'COMMIT outside a transaction');
    }
    const result = this.#engine.execute(prepared, []);
    this.#transaction = 'none';
    return result;
  }
}
