// The floor: what a run would cost if there were nothing but its SQL and its events.
//
// The SQL is executed on bare sql.js, with the pragmas and the cached prepared statements that make it fast; rows are
// read and dropped. The events are timers of a bare fake clock that set one another, with as many pending as in a run.

import { createClock } from '@sinonjs/fake-timers';
import initSqlJs, { type Database, type Statement } from 'sql.js';
import type { SqlValue } from '../src/db/driver.js';
import { SCHEMA } from '../src/db/schema.js';
import type { RecordedStatement } from './recording.js';

const PENDING_TIMERS = 32;

const PRAGMAS =
  'PRAGMA journal_mode = memory; PRAGMA synchronous = off; PRAGMA locking_mode = exclusive;' +
  'PRAGMA temp_store = memory; PRAGMA foreign_keys = on;';

/** A transaction is a savepoint in the one transaction that makes going back to the empty schema one ROLLBACK. */
const AS_SAVEPOINTS: ReadonlyMap<string, readonly string[]> = new Map([
  ['BEGIN', ['SAVEPOINT work']],
  ['COMMIT', ['RELEASE work']],
  ['ROLLBACK', ['ROLLBACK TO work', 'RELEASE work']],
]);

export class Floor {
  readonly #database: Database;
  readonly #prepared = new Map<string, Statement>();

  private constructor(database: Database) {
    this.#database = database;
    database.exec(PRAGMAS);
    for (const sql of SCHEMA) {
      database.exec(sql.replaceAll('{{commit_ordered_id}}', 'INTEGER PRIMARY KEY AUTOINCREMENT'));
    }
    database.exec('BEGIN');
  }

  /** `close` it, or it leaks. */
  static async open(): Promise<Floor> {
    const sqlJs = await initSqlJs();
    return new Floor(new sqlJs.Database());
  }

  close(): void {
    this.#database.close();
  }

  /** Executes the statements of one run on the empty schema, then `events` timers. Returns how many statements failed. */
  run(statements: readonly RecordedStatement[], events: number): number {
    this.#database.exec('ROLLBACK; BEGIN');
    let failures = 0;
    for (const { sql, values } of statements) {
      const commands = AS_SAVEPOINTS.get(sql);
      if (commands !== undefined) for (const command of commands) this.#execute(command, []);
      else if (!this.#succeeds(sql, values)) failures += 1;
    }
    fireTimers(events);
    return failures;
  }

  #succeeds(sql: string, values: readonly SqlValue[]): boolean {
    try {
      this.#execute(sql, values);
      return true;
    } catch {
      return false; // a unique violation, as in the run
    }
  }

  #execute(sql: string, values: readonly SqlValue[]): void {
    let statement = this.#prepared.get(sql);
    if (statement === undefined) this.#prepared.set(sql, (statement = this.#database.prepare(sql)));
    try {
      if (values.length > 0) statement.bind(values as SqlValue[]);
      while (statement.step()) statement.get();
    } finally {
      statement.reset();
    }
  }
}

function fireTimers(events: number): void {
  const clock = createClock(0);
  let planned = 0;
  const plan = (): void => {
    if (planned === events) return;
    planned += 1;
    clock.setTimeout(plan, 1 + (planned % 97));
  };
  for (let i = 0; i < PENDING_TIMERS; i++) plan();
  for (let fired = 0; fired < events; fired++) clock.next();
}
