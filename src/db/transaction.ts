// One attempt of a transaction on one session. It opens with the first batch (BEGIN rides along) and closes with the
// last (the tail and COMMIT ride together), so that a typical effect costs three round trips.
//
// Whoever runs work in a transaction awaits nothing but its statements: the server ends one that idles.

import { assert, present } from '../core/assert.js';
import type { Row, Session, SqlValue, Statement, StatementResult } from './driver.js';

const BEGIN: Statement = { sql: 'BEGIN', values: [] };
const COMMIT: Statement = { sql: 'COMMIT', values: [] };
const ROLLBACK: Statement = { sql: 'ROLLBACK', values: [] };

export class Transaction {
  readonly #session: Session;
  readonly #tail: Statement[] = [];
  readonly #afterCommit: (() => void)[] = [];
  #state: 'fresh' | 'open' | 'ended' = 'fresh';

  constructor(session: Session) {
    this.#session = session;
  }

  /** One round trip. @throws DatabaseError; the transaction can then only be rolled back. */
  async run(statements: readonly Statement[]): Promise<readonly StatementResult[]> {
    assert(this.#state !== 'ended', 'a statement after the end of its transaction');
    if (this.#state === 'open') return this.#session.run(statements);
    this.#state = 'open';
    return (await this.#session.run([BEGIN, ...statements])).slice(1);
  }

  /** Runs one statement and returns its rows; `lock` as in Statement. */
  async all(sql: string, values: readonly SqlValue[] = [], lock?: string): Promise<readonly Row[]> {
    const results = await this.run([lock === undefined ? { sql, values } : { sql, values, lock }]);
    return present(results[0], 'result').rows;
  }

  /** The first row, or null. */
  async one(sql: string, values: readonly SqlValue[] = [], lock?: string): Promise<Row | null> {
    return (await this.all(sql, values, lock))[0] ?? null;
  }

  /** Runs one statement and returns how many rows it changed. */
  async change(sql: string, values: readonly SqlValue[] = []): Promise<number> {
    return present((await this.run([{ sql, values }]))[0], 'result').changes;
  }

  /** Appends a statement that runs in the last batch, just before COMMIT; its result is not seen. */
  tail(statement: Statement): void {
    this.#tail.push(statement);
  }

  /** Calls `listener` once when the transaction has committed for certain. */
  afterCommit(listener: () => void): void {
    this.#afterCommit.push(listener);
  }

  /** Commits; a transaction that ran nothing costs nothing. */
  async commit(): Promise<void> {
    if (this.#state === 'fresh' && this.#tail.length === 0) {
      this.#state = 'ended';
      return;
    }
    await this.run([...this.#tail, COMMIT]);
    this.#state = 'ended';
    for (const listener of this.#afterCommit) listener();
  }

  /** Rolls back as well as it can; a session on which even that fails is closed. */
  async rollback(): Promise<void> {
    const wasOpen = this.#state === 'open';
    this.#state = 'ended';
    if (wasOpen) await rollBack(this.#session);
  }
}

/** Rolls back what is open on a session; one on which even that fails is closed: the server then rolls back. */
export async function rollBack(session: Session): Promise<void> {
  if (!session.isOpen) return;
  try {
    await session.run([ROLLBACK]);
  } catch {
    session.close();
  }
}
