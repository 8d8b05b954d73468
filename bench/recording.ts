// The SQL of a run, as its masters sent it, in the order of the commits: what the floor executes again, alone.
//
// A transaction is recorded where it ended, whole, with its BEGIN and COMMIT: commits are a serial order, so the same
// statements executed one transaction after the other do the same work. What the simulator executes besides (a
// transaction again after another one came between, the rows that oracles look at) is its own cost and is not recorded.

import type { SqlValue } from '../src/db/driver.js';
import { Transactions, type Transaction } from '../sim/world/database/transactions.js';
import type { PreparedSql } from '../sim/world/sql-engine.js';

/** One statement; BEGIN, COMMIT and ROLLBACK too. */
export interface RecordedStatement {
  readonly sql: string;
  readonly values: readonly SqlValue[];
}

const BEGIN: RecordedStatement = { sql: 'BEGIN', values: [] };
const COMMIT: RecordedStatement = { sql: 'COMMIT', values: [] };
const ROLLBACK: RecordedStatement = { sql: 'ROLLBACK', values: [] };

/** Runs `action`, in which nothing else may use a database server, and returns the statements that it led to. */
export async function recordStatements(action: () => Promise<void>): Promise<readonly RecordedStatement[]> {
  const recorder = new Recorder();
  const restore = recorder.attach();
  try {
    await action();
  } finally {
    restore();
  }
  return recorder.statements;
}

/** Listens in at the class: the server and its engine belong to the run and are out of reach. */
class Recorder {
  readonly statements: RecordedStatement[] = [];
  readonly #open = new Map<Transaction, RecordedStatement[]>();

  attach(): () => void {
    const recorder = this;
    const { execute, autocommit, commit, rollback } = Transactions.prototype;
    Transactions.prototype.execute = function (transaction, prepared, values) {
      recorder.#add(transaction, prepared, values);
      return execute.call(this, transaction, prepared, values);
    };
    Transactions.prototype.autocommit = function (prepared, values) {
      recorder.statements.push({ sql: prepared.sql, values });
      return autocommit.call(this, prepared, values);
    };
    Transactions.prototype.commit = function (transaction) {
      commit.call(this, transaction);
      recorder.#end(transaction, COMMIT);
    };
    Transactions.prototype.rollback = function (transaction) {
      recorder.#end(transaction, ROLLBACK);
      rollback.call(this, transaction);
    };
    return () => Object.assign(Transactions.prototype, { execute, autocommit, commit, rollback });
  }

  #add(transaction: Transaction, { sql }: PreparedSql, values: readonly SqlValue[]): void {
    const sent = this.#open.get(transaction) ?? [BEGIN];
    this.#open.set(transaction, sent);
    sent.push({ sql, values });
  }

  #end(transaction: Transaction, how: RecordedStatement): void {
    const sent = this.#open.get(transaction);
    if (sent === undefined) return;
    this.#open.delete(transaction);
    for (const statement of sent) this.statements.push(statement);
    this.statements.push(how);
  }
}
