// A database in a file (libsql), for real masters on one machine: several processes may use one file.
//
// Processes exclude each other by the locks of the operating system, which end with their process. The log is written
// ahead (WAL): readers wait for nobody, a commit is on the disk when it is answered, and what a process that was killed had
// not committed is not there. Whoever waits for another process to end its transaction looks again and again by the clock,
// so that this process goes on meanwhile; a lock time-out and an idle transaction end as on PostgreSQL. A process that is
// stopped (not killed) inside a transaction holds up the writers of all others until it goes on.

import type { Database } from 'libsql';
import { assert } from '../../core/assert.js';
import { ConfigError } from '../../core/errors.js';
import { sleep, type Clock } from '../../runtime/clock.js';
import { DatabaseError, type Row, type SqlValue, type StatementResult } from '../driver.js';
import type { StatementKind } from '../statement-kind.js';
import { FILE_PRAGMAS, sqliteError } from './dialect.js';
import { SqliteDriver, type SqliteEngine } from './driver.js';

const LOCK_LIMIT_MS = 5_000;
const IDLE_LIMIT_MS = 10_000;
/** Opening is the one call that blocks: only when other processes open the same file at the same time. */
const OPEN_LIMIT_MS = 5_000;
const FIRST_PAUSE_MS = 2;
const LONGEST_PAUSE_MS = 20;

export class FileDriver extends SqliteDriver {
  /** The database in the file at `path`, which is created when it is not there. @throws ConfigError when it cannot be. */
  static async create(path: string, clock: Clock): Promise<FileDriver> {
    const { default: Libsql } = await import('libsql'); // native code: loaded by whoever needs it only
    try {
      const database = new Libsql(path, { timeout: OPEN_LIMIT_MS });
      for (const pragma of FILE_PRAGMAS) database.exec(pragma);
      const idle = { clock, limitMs: IDLE_LIMIT_MS };
      return new FileDriver(new FileEngine(database, clock), idle);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new ConfigError(`cannot open the database file ${path}: ${reason}`);
    }
  }
}

type Compiled = ReturnType<Database['prepare']>;

class FileEngine implements SqliteEngine {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #compiled = new Map<string, Compiled>();

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  execute(sql: string, values: readonly SqlValue[], kind: StatementKind): StatementResult {
    try {
      if (kind === 'rollback') return this.#rollback();
      const rows = this.#all(sql, values);
      for (const row of rows) checkIntegers(row);
      const changes = kind === 'write' ? this.#changes() : 0;
      if (kind === 'schema') this.#compiled.clear();
      return { rows, changes };
    } catch (error) {
      throw sqliteError(error, sql);
    }
  }

  async begin(isWanted: () => boolean): Promise<void> {
    const deadline = this.#clock.monotonicMs() + LOCK_LIMIT_MS;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      if (!isWanted()) throw new DatabaseError('connection-lost', 'the session is closed');
      try {
        this.#database.exec('BEGIN IMMEDIATE');
        return;
      } catch (error) {
        const fault = sqliteError(error, 'BEGIN IMMEDIATE');
        if (fault.code !== 'lock-timeout' || this.#clock.monotonicMs() >= deadline) throw fault;
      }
      await sleep(this.#clock, pauseMs);
    }
  }

  close(): void {
    this.#compiled.clear();
    this.#database.close();
  }

  /** The engine itself rolls back after some errors (a full disk); then there is nothing left to do. */
  #rollback(): StatementResult {
    if (this.#database.inTransaction) this.#database.exec('ROLLBACK');
    return { rows: [], changes: 0 };
  }

  #changes(): number {
    const [row] = this.#all('SELECT changes() AS count', []);
    return Number(row?.['count']);
  }

  #all(sql: string, values: readonly SqlValue[]): readonly Row[] {
    let compiled = this.#compiled.get(sql);
    if (compiled === undefined) this.#compiled.set(sql, (compiled = this.#database.prepare(sql)));
    return compiled.all([...values]) as readonly Row[];
  }
}

function checkIntegers(row: Row): void {
  for (const value of Object.values(row)) {
    const isTooGreat = typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value);
    assert(!isTooGreat, `${String(value)} is too great for a number`);
  }
}
