// The driver on PostgreSQL: round trips, values, locks, time-outs, errors, and the ends of sessions.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DatabaseError, type Session, type Statement } from '../../src/db/driver.js';
import { PostgresDriver } from '../../src/db/postgres/driver.js';
import { describeOnPostgres } from '../support/postgres.js';
import { BEGIN, COMMIT, outcome, ROLLBACK, sql } from '../world/database-world.js';

const NOTES = [
  'CREATE TABLE notes (id INTEGER PRIMARY KEY, note TEXT UNIQUE NOT NULL)',
  'CREATE TABLE children (id {{commit_ordered_id}}, noteid INTEGER NOT NULL REFERENCES notes(id))',
];
const COUNT = 'SELECT COUNT(*) AS count FROM notes';

describeOnPostgres('the driver on PostgreSQL', NOTES, (fresh, url) => {
  let driver: PostgresDriver;
  const sessions: Session[] = [];
  let a: Session;
  let b: Session;

  async function open(): Promise<Session> {
    const session = await driver.open();
    sessions.push(session);
    return session;
  }

  beforeEach(async () => {
    driver = await fresh();
    [a, b] = [await open(), await open()];
  });

  afterEach(() => {
    for (const session of sessions.splice(0)) session.close();
  });

  describe('statements', () => {
    test('results are rows by column name, and how many rows were changed: none by a read', async () => {
      expect(await sql(a, "INSERT INTO notes VALUES (1, 'x'), (2, 'y')")).toEqual({ rows: [], changes: 2 });
      const read = await sql(a, 'SELECT id, note, NULL AS empty FROM notes WHERE id > ? ORDER BY id', 1);
      expect(read).toEqual({ rows: [{ id: 2, note: 'y', empty: null }], changes: 0 });
      const updated = await sql(a, 'UPDATE notes SET note = ? WHERE id = ? RETURNING note', 'z', 1);
      expect(updated).toEqual({ rows: [{ note: 'z' }], changes: 1 });
      expect(await sql(a, 'DELETE FROM notes WHERE id = 99')).toEqual({ rows: [], changes: 0 });
    });

    test('integers have 64 bits and come back as numbers; one that no number can hold is a bug', async () => {
      const greatest = Number.MAX_SAFE_INTEGER;
      await a.run([insert(greatest, 'x'), insert(-greatest, 'y')]);
      const read = await sql(
        a,
        'SELECT id, id > 0 AS is_great, (SELECT SUM(id) FROM notes) AS sum FROM notes ORDER BY id',
      );
      expect(read.rows).toEqual([
        { id: -greatest, is_great: 0, sum: 0 },
        { id: greatest, is_great: 1, sum: 0 },
      ]);
      await expect(sql(a, 'SELECT id + 1 AS more FROM notes WHERE id > 0')).rejects.toThrow(
        'too great for a number',
      );
    });

    test('texts are stored exactly or refused', async () => {
      const texts = ["it's", '\\', '?', '$1', "'; DROP TABLE notes; --", 'a\nb', '😀 ü', ''];
      await a.run([BEGIN, ...texts.map((text, i) => insert(i, text)), COMMIT]);
      const read = await sql(a, "SELECT note, '?' AS mark FROM notes ORDER BY id");
      expect(read.rows).toEqual(texts.map((note) => ({ note, mark: '?' })));
      for (const text of ['nul \0', 'half \ud83d']) {
        expect(await outcome(a.run([insert(99, text)]))).toBe('bad-statement');
      }
      expect(await outcome(sql(a, 'INSERT INTO notes VALUES (?, ?)', 1.5, 'x'))).toBe('bad-statement');
    });

    test('texts are compared by their bytes, whatever the locale of the database', async () => {
      await a.run(['b', 'B', 'a', '_', 'ä'].map((text, i) => insert(i, text)));
      const read = await sql(a, 'SELECT note FROM notes ORDER BY note');
      expect(read.rows.map((row) => row['note'])).toEqual(['B', '_', 'a', 'b', 'ä']);
    });

    test('outside a transaction each statement stands for itself, up to the first that fails', async () => {
      const batch = [insert(1, 'x'), insert(1, 'y'), insert(2, 'z')];
      expect(await outcome(a.run(batch))).toBe('unique-violation');
      expect((await sql(b, COUNT)).rows).toEqual([{ count: 1 }]);
    });

    test('the errors of the server have codes of their own', async () => {
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

    test('a statement that ran before the schema changed sees the new columns', async () => {
      await sql(a, "INSERT INTO notes VALUES (1, 'x')");
      await sql(a, 'SELECT * FROM notes');
      await sql(b, 'ALTER TABLE notes ADD COLUMN more INTEGER');
      expect((await sql(a, 'SELECT * FROM notes')).rows).toEqual([{ id: 1, note: 'x', more: null }]);
      await sql(b, 'ALTER TABLE notes DROP COLUMN more');
    });

    test('calls made without waiting are answered in order', async () => {
      await sql(a, "INSERT INTO notes VALUES (1, 'x')");
      const raise = { sql: 'UPDATE notes SET id = id + 1 RETURNING id', values: [] };
      const results = await Promise.all([1, 2, 3].map(() => a.run([raise])));
      expect(results.map(([result]) => result?.rows[0]?.['id'])).toEqual([2, 3, 4]);
    });
  });

  describe('transactions', () => {
    test('nobody sees a write before its commit, and nobody waits for that', async () => {
      await a.run([BEGIN, insert(1, 'x')]);
      expect((await sql(b, COUNT)).rows).toEqual([{ count: 0 }]);
      await a.run([COMMIT]);
      expect((await sql(b, COUNT)).rows).toEqual([{ count: 1 }]);
    });

    test('they are serializable, and end when nobody cares for them', async () => {
      const names = [
        'transaction_isolation',
        'statement_timeout',
        'lock_timeout',
        'idle_in_transaction_session_timeout',
      ];
      const reads = names.map((name) => ({ sql: 'SELECT current_setting(?) AS value', values: [name] }));
      const results = await a.run([BEGIN, ...reads, COMMIT]);
      const values = results.slice(1, -1).map(({ rows }) => rows[0]?.['value']);
      expect(values).toEqual(['serializable', '5s', '5s', '10s']);
    });

    test('a statement that fails spoils its transaction until it is rolled back, COMMIT included', async () => {
      expect(await outcome(a.run([BEGIN, insert(1, 'x'), insert(1, 'y'), COMMIT]))).toBe('unique-violation');
      expect(await outcome(sql(a, COUNT))).toBe('transaction-aborted');
      expect(await outcome(a.run([COMMIT]))).toBe('transaction-aborted');
      await a.run([ROLLBACK]);
      expect((await sql(a, COUNT)).rows).toEqual([{ count: 0 }]);
    });

    test('a COMMIT that fails spoils its transaction as well', async () => {
      await sql(a, "INSERT INTO notes VALUES (1, 'x'), (2, 'y')");
      for (const session of [a, b]) await session.run([BEGIN, { sql: COUNT, values: [] }]);
      await a.run([insert(3, 'a'), COMMIT]);
      expect(await outcome(b.run([insert(4, 'b')]).then(() => b.run([COMMIT])))).toBe(
        'serialization-failure',
      );
      expect(await outcome(sql(b, COUNT))).toBe('transaction-aborted');
      await b.run([ROLLBACK]);
      expect((await sql(b, COUNT)).rows).toEqual([{ count: 3 }]);
    });

    test('BEGIN inside a transaction is refused', async () => {
      await a.run([BEGIN]);
      expect(await outcome(a.run([BEGIN]))).toBe('bad-statement');
      expect(await outcome(sql(a, COUNT))).toBe('transaction-aborted');
    });

    test('what is rolled back never happened, and a batch may go on behind it', async () => {
      const results = await a.run([
        BEGIN,
        insert(1, 'x'),
        ROLLBACK,
        BEGIN,
        insert(2, 'y'),
        COMMIT,
        { sql: COUNT, values: [] },
      ]);
      expect(results.at(-1)?.rows).toEqual([{ count: 1 }]);
    });
  });

  describe('locks', () => {
    const read = (lock: string): Statement => ({
      sql: 'SELECT note FROM notes WHERE id = 1',
      values: [],
      lock,
    });

    test('are for transactions only', async () => {
      expect(await outcome(a.run([read('row:notes:1')]))).toBe('bad-statement');
      expect(await outcome(a.run([BEGIN, read('row:notes:1'), COMMIT]))).toBe('ok');
    });

    test.each(['row:notes:1', 'inbox'])('%s is held to the end of the transaction', async (lock) => {
      await a.run([insert(1, 'x')]);
      await a.run([BEGIN, read(lock)]);
      const order: string[] = [];
      const waiting = b.run([BEGIN, read(lock)]).then(() => order.push('b'));
      await sql(a, COUNT);
      order.push('a');
      await a.run([COMMIT]);
      await waiting;
      expect(order).toEqual(['a', 'b']);
    });

    test('of a row excludes whoever writes the row, whatever the statement that names it', async () => {
      await a.run([insert(1, 'x'), insert(2, 'y')]);
      const elsewhere = { sql: 'UPDATE notes SET note = ? WHERE id = 2', values: ['z'], lock: 'row:notes:1' };
      await a.run([BEGIN, elsewhere]);
      const order: string[] = [];
      const waiting = sql(b, 'UPDATE notes SET note = ? WHERE id = 1', 'w').then(() => order.push('b'));
      await sql(a, COUNT);
      order.push('a');
      await a.run([COMMIT]);
      await waiting;
      expect(order).toEqual(['a', 'b']);
    });

    test('of one name in two namespaces are two locks', async () => {
      await a.run([BEGIN, { sql: COUNT, values: [], lock: 'inbox' }]);
      const other = new PostgresDriver({ url, namespace: 'public' });
      const session = await other.open();
      const one = { sql: 'SELECT 1 AS one', values: [], lock: 'inbox' };
      expect(await outcome(session.run([BEGIN, one, COMMIT]))).toBe('ok');
      session.close();
    });

    test.each([
      ['lock_timeout', 'lock-timeout'],
      ['statement_timeout', 'statement-timeout'],
    ])('are waited for until the %s, which spoils the transaction', async (name, code) => {
      await a.run([insert(1, 'x')]);
      await a.run([BEGIN, read('row:notes:1')]);
      await b.run([setting(name, '20ms')]);
      expect(await outcome(b.run([BEGIN, read('row:notes:1')]))).toBe(code);
      expect(await outcome(sql(b, COUNT))).toBe('transaction-aborted');
    });
  });

  describe('the end of a session', () => {
    test('rolls its transaction back', async () => {
      await a.run([BEGIN, insert(1, 'x')]);
      const waiting = b.run([insert(1, 'y')]);
      a.close();
      await waiting;
      expect((await sql(b, 'SELECT note FROM notes')).rows).toEqual([{ note: 'y' }]);
    });

    test('rejects what is under way, of unknown outcome if it writes, and what comes after', async () => {
      await a.run([insert(1, 'x'), insert(2, 'y')]);
      await a.run([BEGIN, LOCK_BOTH]);
      const c = await open();
      const write = outcome(b.run([DELETE_ALL]));
      const behind = outcome(b.run([DELETE_ALL]));
      const underWay = outcome(c.run([BEGIN, DELETE_ALL]));
      await sql(a, COUNT);
      b.close();
      c.close();
      expect([b.isOpen, c.isOpen]).toEqual([false, false]);
      const outcomes = [await write, await behind, await underWay];
      expect(outcomes).toEqual(['connection-lost?', 'connection-lost', 'connection-lost']);
      expect(await outcome(sql(b, COUNT))).toBe('connection-lost');
      b.close();
    });

    test('by the server is heard of, also between two calls', async () => {
      await sql(
        b,
        'SELECT pg_terminate_backend(pid) AS ended FROM pg_stat_activity WHERE pid = ?',
        await pidOf(a),
      );
      const error = await sql(a, COUNT).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(DatabaseError);
      expect(error).toMatchObject({ code: 'connection-lost', isRetryable: true });
      expect(a.isOpen).toBe(false);
    });

    test('by the server during a COMMIT leaves its outcome unknown', async () => {
      await a.run([insert(1, 'x')]);
      await a.run([BEGIN, { sql: 'SELECT id FROM notes', values: [], lock: 'row:notes:1' }]);
      const pid = await pidOf(b);
      const waiting = outcome(b.run([BEGIN, DELETE_ALL, COMMIT]));
      await sql(
        await open(),
        'SELECT pg_terminate_backend(pid) AS ended FROM pg_stat_activity WHERE pid = ?',
        pid,
      );
      expect(await waiting).toBe('connection-lost?');
    });

    test('by the server is what becomes of a transaction that idles', async () => {
      await a.run([insert(1, 'x'), setting('idle_in_transaction_session_timeout', '20ms')]);
      const values = [await pidOf(a)];
      await a.run([BEGIN, DELETE_ALL]);
      const stillThere = { sql: 'SELECT 1 AS one FROM pg_stat_activity WHERE pid = ?', values };
      while ((await b.run([stillThere]))[0]?.rows.length === 1);
      expect(await outcome(sql(a, COUNT))).toBe('idle-timeout');
      expect((await sql(b, COUNT)).rows).toEqual([{ count: 1 }]);
    });

    test('never comes to a server that is not there', async () => {
      const nowhere = new PostgresDriver({ url: 'postgres://nobody@127.0.0.1:1/none' });
      await expect(nowhere.open()).rejects.toMatchObject({
        code: 'connection-lost',
        isRetryable: true,
        isDefinite: true,
      });
    });
  });

  async function pidOf(session: Session): Promise<number> {
    return Number((await sql(session, 'SELECT pg_backend_pid() AS pid')).rows[0]?.['pid']);
  }
});

const DELETE_ALL: Statement = { sql: 'DELETE FROM notes', values: [] };
const LOCK_BOTH: Statement = { sql: 'SELECT id FROM notes FOR UPDATE', values: [] };

function setting(name: string, value: string): Statement {
  return { sql: 'SELECT set_config(?, ?, false) AS value', values: [name, value] };
}

function insert(id: number, note: string): Statement {
  return { sql: 'INSERT INTO notes VALUES (?, ?)', values: [id, note] };
}
