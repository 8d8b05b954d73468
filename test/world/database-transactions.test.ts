// The transaction engine alone: which interleavings of transactions are possible, and which are refused.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { DatabaseError, type Row, type SqlValue, type StatementResult } from '../../src/db/driver.js';
import { statementResult } from '../../sim/world/database/result.js';
import { Transactions, type Transaction } from '../../sim/world/database/transactions.js';
import { SqlEngine } from '../../sim/world/sql-engine.js';

let engine: SqlEngine;
let transactions: Transactions;

beforeAll(async () => {
  engine = await SqlEngine.open([
    'CREATE TABLE account (id INTEGER PRIMARY KEY, amount INTEGER NOT NULL)',
    'CREATE TABLE other (id INTEGER PRIMARY KEY, note TEXT UNIQUE)',
    'CREATE TABLE child (id INTEGER PRIMARY KEY, parent INTEGER NOT NULL REFERENCES account(id))',
    'CREATE TABLE numbered (id {{commit_ordered_id}}, note TEXT)',
    'INSERT INTO account VALUES (1, 100), (2, 100)',
  ]);
});

afterAll(() => engine.close());

beforeEach(() => {
  engine.reset();
  transactions = new Transactions(engine);
});

function run(transaction: Transaction | null, sql: string, ...values: SqlValue[]): StatementResult {
  const prepared = engine.prepare(sql);
  return statementResult(
    transaction === null
      ? transactions.autocommit(prepared, values)
      : transactions.execute(transaction, prepared, values),
  );
}

function amount(transaction: Transaction | null, id: number): SqlValue | undefined {
  return run(transaction, 'SELECT amount FROM account WHERE id = ?', id).rows[0]?.['amount'];
}

function set(transaction: Transaction | null, id: number, to: number): StatementResult {
  return run(transaction, 'UPDATE account SET amount = ? WHERE id = ?', to, id);
}

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof DatabaseError) return error.code;
    throw error;
  }
  return 'none';
}

describe('what others see', () => {
  test('nobody sees a write before its commit, and everybody after it', () => {
    const a = transactions.begin();
    const b = transactions.begin();
    set(a, 1, 70);
    expect(amount(a, 1)).toBe(70);
    expect(amount(null, 1)).toBe(100);
    expect(amount(b, 2)).toBe(100);
    expect(amount(a, 1)).toBe(70);
    transactions.commit(a);
    expect(amount(null, 1)).toBe(70);
    expect(amount(transactions.begin(), 1)).toBe(70);
  });

  test('a rolled back transaction leaves nothing', () => {
    const a = transactions.begin();
    set(a, 1, 70);
    run(a, 'INSERT INTO other (id, note) VALUES (1, ?)', 'x');
    transactions.rollback(a);
    expect(amount(null, 1)).toBe(100);
    expect(run(null, 'SELECT * FROM other').rows).toEqual([]);
  });

  test('a transaction that others interrupt at every statement still does its work', () => {
    const a = transactions.begin();
    const b = transactions.begin();
    set(a, 1, 1);
    run(b, "INSERT INTO other (id, note) VALUES (1, 'b')");
    run(a, 'INSERT INTO numbered (note) VALUES (?)', 'a');
    run(b, "INSERT INTO other (id, note) VALUES (2, 'c')");
    set(a, 1, 2);
    transactions.commit(b);
    transactions.commit(a);
    expect(amount(null, 1)).toBe(2);
    expect(run(null, 'SELECT note FROM other ORDER BY id').rows).toEqual([{ note: 'b' }, { note: 'c' }]);
    expect(transactions.stats.commits).toBe(2);
  });
});

describe('serializability', () => {
  test('a lost update is refused', () => {
    const a = transactions.begin();
    const b = transactions.begin();
    const seenByA = Number(amount(a, 1));
    const seenByB = Number(amount(b, 1));
    set(a, 1, seenByA + 10);
    transactions.commit(a);
    expect(codeOf(() => set(b, 1, seenByB + 10))).toBe('serialization-failure');
    expect(amount(null, 1)).toBe(110);
  });

  test('write skew is refused at the commit', () => {
    const a = transactions.begin();
    const b = transactions.begin();
    for (const each of [a, b])
      expect(run(each, 'SELECT SUM(amount) AS total FROM account').rows[0]).toEqual({ total: 200 });
    set(a, 1, 0);
    set(b, 2, 0);
    transactions.commit(a);
    expect(codeOf(() => transactions.commit(b))).toBe('serialization-failure');
    expect(run(null, 'SELECT SUM(amount) AS total FROM account').rows[0]).toEqual({ total: 100 });
  });

  test('a non-repeatable read is refused', () => {
    const a = transactions.begin();
    amount(a, 1);
    set(null, 1, 5);
    expect(codeOf(() => amount(a, 1))).toBe('serialization-failure');
  });

  test('a phantom is refused', () => {
    const a = transactions.begin();
    run(a, 'SELECT id FROM account WHERE amount > ? ORDER BY id', 50);
    run(null, 'INSERT INTO account (id, amount) VALUES (3, 60)');
    expect(codeOf(() => transactions.commit(a))).toBe('serialization-failure');
  });

  test('a read that a concurrent commit left as it was does not fail', () => {
    const a = transactions.begin();
    amount(a, 1);
    set(null, 2, 5);
    set(a, 1, 7);
    transactions.commit(a);
    expect(amount(null, 1)).toBe(7);
  });

  test('a conditional update that now hits another number of rows fails', () => {
    const a = transactions.begin();
    run(a, 'UPDATE account SET amount = 0 WHERE amount >= 100');
    set(null, 2, 5);
    expect(codeOf(() => transactions.commit(a))).toBe('serialization-failure');
  });

  test('an insert whose key somebody else has committed fails', () => {
    const a = transactions.begin();
    run(a, "INSERT INTO other (id, note) VALUES (1, 'same')");
    run(null, "INSERT INTO other (id, note) VALUES (2, 'same')");
    expect(codeOf(() => transactions.commit(a))).toBe('unique-violation');
  });

  test('a child whose parent was deleted meanwhile is refused, though no table of it was read', () => {
    const a = transactions.begin();
    run(a, 'INSERT INTO child (id, parent) VALUES (1, 2)');
    run(null, 'DELETE FROM account WHERE id = 2');
    expect(codeOf(() => transactions.commit(a))).toBe('serialization-failure');
    expect(run(null, 'SELECT * FROM child').rows).toEqual([]);
  });

  test('ids of numbered rows are in the order of commits', () => {
    const a = transactions.begin();
    const b = transactions.begin();
    run(a, "INSERT INTO numbered (note) VALUES ('a')");
    run(b, "INSERT INTO numbered (note) VALUES ('b')");
    transactions.commit(b);
    transactions.commit(a);
    expect(run(null, 'SELECT note FROM numbered ORDER BY id').rows.map((row) => row['note'])).toEqual([
      'b',
      'a',
    ]);
  });

  // Each transaction adds what it reads from one account to another: any serial order gives another sum.
  test('every interleaving ends in the state of some serial order of what was committed', () => {
    const step = fc.record({
      who: fc.nat(2),
      from: fc.integer({ min: 1, max: 2 }),
      to: fc.integer({ min: 1, max: 2 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        engine.reset();
        transactions = new Transactions(engine);
        const committed = interleave(steps);
        const final = run(null, 'SELECT id, amount FROM account ORDER BY id').rows;
        expect(final).toEqual(serially(committed));
      }),
      { seed: 7, numRuns: 300 },
    );
  });
});

interface Move {
  readonly who: number;
  readonly from: number;
  readonly to: number;
}

/** Runs the moves of three transactions in the order given, then commits all; returns the moves committed, in order. */
function interleave(steps: readonly Move[]): readonly Move[] {
  const committed: Move[] = [];
  const open = [0, 1, 2].map((who) => ({ who, transaction: transactions.begin(), moves: [] as Move[] }));
  for (const move of steps) {
    const mine = open[move.who];
    if (mine === undefined || mine.transaction.isSpoiled) continue;
    const code = codeOf(() => {
      const value = Number(amount(mine.transaction, move.from));
      run(mine.transaction, 'UPDATE account SET amount = amount * 3 + ? WHERE id = ?', value, move.to);
      mine.moves.push(move);
      if (mine.moves.length === 2) transactions.commit(mine.transaction);
    });
    if (code === 'none' && mine.moves.length === 2) {
      open.splice(move.who, 1, { who: move.who, transaction: transactions.begin(), moves: [] });
      committed.push(...mine.moves);
    }
  }
  for (const { transaction, moves } of open) {
    if (codeOf(() => transactions.commit(transaction)) === 'none') committed.push(...moves);
  }
  return committed;
}

function serially(moves: readonly Move[]): readonly Row[] {
  const amounts = [0, 100, 100];
  for (const { from, to } of moves) amounts[to] = (amounts[to] ?? 0) * 3 + (amounts[from] ?? 0);
  return [1, 2].map((id) => ({ id, amount: amounts[id] ?? 0 }));
}

describe('failures', () => {
  test('a failed statement spoils its transaction until the rollback', () => {
    const a = transactions.begin();
    set(a, 1, 5);
    run(null, "INSERT INTO other (id, note) VALUES (1, 'x')");
    expect(codeOf(() => run(a, "INSERT INTO other (id, note) VALUES (2, 'x')"))).toBe('unique-violation');
    expect(codeOf(() => amount(a, 1))).toBe('transaction-aborted');
    expect(codeOf(() => transactions.commit(a))).toBe('transaction-aborted');
    transactions.rollback(a);
    expect(amount(null, 1)).toBe(100);
  });

  test.each([
    ['constraint-violation', 'INSERT INTO account (id, amount) VALUES (9, NULL)', []],
    ['constraint-violation', 'INSERT INTO child (id, parent) VALUES (1, 99)', []],
    ['unique-violation', 'INSERT INTO account (id, amount) VALUES (1, 1)', []],
    ['bad-statement', 'SELECT nothing FROM account', []],
    ['bad-statement', 'SELECT * FROM account WHERE id = ?', []],
    ['bad-statement', 'PRAGMA foreign_keys = off', []],
    ['bad-statement', 'SAVEPOINT work', []],
  ] as const)('%s: %s', (code, sql, values) => {
    expect(codeOf(() => run(null, sql, ...values))).toBe(code);
    expect(amount(null, 1)).toBe(100);
  });
});

describe('cost', () => {
  test('nothing is re-executed as long as nobody intervenes', () => {
    const a = transactions.begin();
    for (let i = 0; i < 5; i++) set(a, 1, i);
    transactions.commit(a);
    expect(transactions.stats.replays).toBe(0);
  });

  test('readers of other tables do not disturb a writer, and readers without conflict are not re-executed', () => {
    const a = transactions.begin();
    const b = transactions.begin();
    set(a, 1, 3);
    run(b, 'SELECT * FROM other');
    run(null, 'SELECT * FROM numbered');
    set(a, 1, 4);
    transactions.commit(a);
    transactions.commit(b);
    expect(transactions.stats.replays).toBe(0);
  });

  test('after a commit elsewhere only the writes are executed again', () => {
    const a = transactions.begin();
    amount(a, 1);
    set(a, 1, 3);
    run(null, "INSERT INTO other (id, note) VALUES (1, 'x')");
    transactions.commit(a);
    expect(transactions.stats.replayedStatements).toBe(1);
  });
});

describe('changes of the schema', () => {
  test('they hold for statements compiled before, and a reset takes them back', () => {
    expect(run(null, 'SELECT * FROM other').rows).toEqual([]);
    run(null, 'ALTER TABLE other ADD COLUMN extra INTEGER DEFAULT 4');
    run(null, "INSERT INTO other (id, note) VALUES (1, 'x')");
    expect(run(null, 'SELECT * FROM other').rows).toEqual([{ id: 1, note: 'x', extra: 4 }]);
    engine.reset();
    expect(run(null, 'SELECT * FROM other').rows).toEqual([]);
    run(null, "INSERT INTO other (id, note) VALUES (1, 'x')");
    expect(run(null, 'SELECT * FROM other').rows).toEqual([{ id: 1, note: 'x' }]);
  });
});
