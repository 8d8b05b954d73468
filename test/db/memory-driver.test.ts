// The driver on SQLite in memory: sessions, transactions that exclude each other, and errors.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DatabaseError, type Session, type Statement } from '../../src/db/driver.js';
import { SCHEMA } from '../../src/db/schema.js';
import { MemoryDriver } from '../../src/db/sqlite/memory-driver.js';
import { settled } from '../support/manual-clock.js';
import { BEGIN, COMMIT, outcome, ROLLBACK, sql } from '../world/database-world.js';

const NOTES = [
  'CREATE TABLE notes (id INTEGER PRIMARY KEY, note TEXT UNIQUE NOT NULL)',
  'CREATE TABLE children (id INTEGER PRIMARY KEY, noteid INTEGER NOT NULL REFERENCES notes(id))',
];
const COUNT = 'SELECT COUNT(*) AS count FROM notes';

let driver: MemoryDriver;
let a: Session;
let b: Session;

beforeEach(async () => {
  driver = await MemoryDriver.create(NOTES);
  [a, b] = [await driver.open(), await driver.open()];
});

afterEach(() => driver.close());

describe('statements', () => {
  test('results are rows by column name, and how many rows were changed: none by a read', async () => {
    expect(await sql(a, "INSERT INTO notes VALUES (1, 'x'), (2, 'y')")).toEqual({ rows: [], changes: 2 });
    const read = await sql(a, 'SELECT id, note, NULL AS empty FROM notes WHERE id > ? ORDER BY id', 1);
    expect(read).toEqual({ rows: [{ id: 2, note: 'y', empty: null }], changes: 0 });
    const updated = await sql(a, 'UPDATE notes SET note = ? WHERE id = ? RETURNING note', 'z', 1);
    expect(updated).toEqual({ rows: [{ note: 'z' }], changes: 1 });
    expect(await sql(a, 'DELETE FROM notes WHERE id = 99')).toEqual({ rows: [], changes: 0 });
  });

  test('outside a transaction each statement stands for itself, up to the first that fails', async () => {
    const batch = [insert(1, 'x'), insert(1, 'y'), insert(2, 'z')];
    expect(await outcome(a.run(batch))).toBe('unique-violation');
    expect((await sql(b, COUNT)).rows).toEqual([{ count: 1 }]);
  });

  test('the errors of the engine have codes of their own', async () => {
    await sql(a, "INSERT INTO notes VALUES (1, 'x')");
    expect(await outcome(sql(a, "INSERT INTO notes VALUES (2, 'x')"))).toBe('unique-violation');
    expect(await outcome(sql(a, "INSERT INTO notes VALUES (1, 'y')"))).toBe('unique-violation');
    expect(await outcome(sql(a, 'INSERT INTO notes VALUES (2, NULL)'))).toBe('constraint-violation');
    expect(await outcome(sql(a, 'INSERT INTO children VALUES (1, 99)'))).toBe('constraint-violation');
    expect(await outcome(sql(a, 'SELECT * FROM nothing'))).toBe('bad-statement');
    expect(await outcome(sql(a, 'SELECT ? AS x'))).toBe('bad-statement');
    expect(await outcome(sql(a, 'SELECT 1 AS x', 1))).toBe('bad-statement');
    expect(await outcome(sql(a, 'PRAGMA user_version'))).toBe('bad-statement');
    expect(await outcome(sql(a, 'COMMIT'))).toBe('bad-statement');
    expect(await outcome(sql(a, 'ROLLBACK'))).toBe('ok');
  });

  test('a lock is for transactions only', async () => {
    const locked = { sql: COUNT, values: [], lock: 'row:notes:1' };
    expect(await outcome(a.run([locked]))).toBe('bad-statement');
    expect(await outcome(a.run([BEGIN, locked, COMMIT]))).toBe('ok');
  });

  test('a statement that was compiled before the schema changed sees the new columns', async () => {
    await sql(a, "INSERT INTO notes VALUES (1, 'x')");
    await sql(a, 'SELECT * FROM notes');
    await sql(b, 'ALTER TABLE notes ADD COLUMN more INTEGER');
    expect((await sql(a, 'SELECT * FROM notes')).rows).toEqual([{ id: 1, note: 'x', more: null }]);
  });
});

describe('transactions', () => {
  test('nobody sees a write before its commit: who reads meanwhile waits', async () => {
    await a.run([BEGIN, insert(1, 'x')]);
    const read = watch(sql(b, COUNT));
    await settled();
    expect(read.isDone()).toBe(false);
    await a.run([COMMIT]);
    expect((await read.result).rows).toEqual([{ count: 1 }]);
  });

  test('what is rolled back never happened', async () => {
    await a.run([BEGIN, insert(1, 'x'), ROLLBACK]);
    expect((await sql(b, COUNT)).rows).toEqual([{ count: 0 }]);
  });

  test('transactions that wait run in the order in which they began', async () => {
    const order: string[] = [];
    await a.run([BEGIN]);
    const waiting = ['b', 'c', 'd'].map(async (name, i) => {
      const session = i === 0 ? b : await driver.open();
      await session.run([BEGIN, insert(i, name)]);
      order.push(name);
      await session.run([COMMIT]);
    });
    await settled();
    expect(order).toEqual([]);
    await a.run([COMMIT]);
    await Promise.all(waiting);
    expect(order).toEqual(['b', 'c', 'd']);
  });

  test('a statement that fails spoils its transaction until it is rolled back, COMMIT included', async () => {
    expect(await outcome(a.run([BEGIN, insert(1, 'x'), insert(1, 'y')]))).toBe('unique-violation');
    expect(await outcome(sql(a, COUNT))).toBe('transaction-aborted');
    expect(await outcome(a.run([COMMIT]))).toBe('transaction-aborted');
    await a.run([ROLLBACK]);
    expect((await sql(a, COUNT)).rows).toEqual([{ count: 0 }]);
  });

  test('BEGIN inside a transaction is refused', async () => {
    await a.run([BEGIN]);
    expect(await outcome(a.run([BEGIN]))).toBe('bad-statement');
  });
});

describe('the end of a session', () => {
  test('a session that is closed in a transaction is rolled back, and the next one gets its turn', async () => {
    await a.run([BEGIN, insert(1, 'x')]);
    const read = sql(b, COUNT);
    a.close();
    expect((await read).rows).toEqual([{ count: 0 }]);
    expect([a.isOpen, b.isOpen]).toEqual([false, true]);
  });

  test('a call that waits when its session is closed rejects, and keeps nobody else from their turn', async () => {
    await a.run([BEGIN]);
    const waiting = outcome(sql(b, COUNT));
    const behind = outcome(sql(b, COUNT));
    await settled();
    b.close();
    expect([await waiting, await behind]).toEqual(['connection-lost', 'connection-lost']);
    await a.run([COMMIT]);
    const c = await driver.open();
    expect((await sql(c, COUNT)).rows).toEqual([{ count: 0 }]);
  });

  test('a closed session refuses calls with a definite outcome; closing it again is harmless', async () => {
    a.close();
    a.close();
    const error = await a.run([insert(1, 'x')]).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(DatabaseError);
    expect(error).toMatchObject({ code: 'connection-lost', isDefinite: true, isRetryable: true });
  });

  test('a closed database has no open sessions and opens no new one', async () => {
    await a.run([BEGIN]);
    driver.close();
    driver.close();
    expect([a.isOpen, b.isOpen]).toEqual([false, false]);
    expect(await outcome(driver.open())).toBe('connection-lost');
  });
});

describe('the schema', () => {
  test('a new database holds the whole schema, and ids of messages grow for ever', async () => {
    const whole = await MemoryDriver.create();
    const session = await whole.open();
    await sql(session, "INSERT INTO queues (id, name, filter) VALUES (1, 'q', '[]')");
    const add = "INSERT INTO queue_messages (queueid, routing_key, body) VALUES (1, '[]', '{}') RETURNING id";
    expect((await sql(session, add)).rows).toEqual([{ id: 1 }]);
    await sql(session, 'DELETE FROM queue_messages WHERE id = 1');
    expect((await sql(session, add)).rows).toEqual([{ id: 2 }]);
    const tables = await sql(session, "SELECT COUNT(*) AS count FROM sqlite_master WHERE type = 'table'");
    const created = SCHEMA.filter((text) => text.startsWith('CREATE TABLE')).length;
    expect(tables.rows).toEqual([{ count: created + 1 }]); // and SQLite's own sqlite_sequence
    whole.close();
  });

  test('two databases know nothing of each other', async () => {
    const other = await MemoryDriver.create(NOTES);
    await sql(a, "INSERT INTO notes VALUES (1, 'x')");
    expect((await sql(await other.open(), COUNT)).rows).toEqual([{ count: 0 }]);
    other.close();
  });
});

function insert(id: number, note: string): Statement {
  return { sql: 'INSERT INTO notes VALUES (?, ?)', values: [id, note] };
}

function watch<T>(result: Promise<T>): { readonly result: Promise<T>; isDone(): boolean } {
  let isDone = false;
  const done = (): void => {
    isDone = true;
  };
  result.then(done, done);
  return { result, isDone: () => isDone };
}
