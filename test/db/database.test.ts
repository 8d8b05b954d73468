// The one retry policy, and the transactions that it repeats.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { StandinError } from '../../src/core/errors.js';
import { Database, type TransactionOptions } from '../../src/db/database.js';
import { DatabaseError, type DatabaseErrorCode, type Statement } from '../../src/db/driver.js';
import { MemoryDriver } from '../../src/db/sqlite/memory-driver.js';
import type { Transaction } from '../../src/db/transaction.js';
import { GatedDriver } from '../support/gated-driver.js';
import { TestRuntime } from '../support/test-runtime.js';

const SCHEMA = [
  'CREATE TABLE operations (id TEXT PRIMARY KEY, result TEXT NOT NULL, done_at INTEGER NOT NULL)',
  'CREATE TABLE notes (id INTEGER PRIMARY KEY AUTOINCREMENT, note TEXT UNIQUE)',
];

let memory: MemoryDriver;
let gated: GatedDriver;
let runtime: TestRuntime;
let database: Database;

beforeEach(async () => {
  memory = await MemoryDriver.create(SCHEMA);
  gated = new GatedDriver(memory);
  runtime = new TestRuntime();
  database = new Database(gated, runtime);
});

afterEach(() => {
  database.stop();
  memory.close();
});

describe('the retry policy', () => {
  test.each([
    'serialization-failure',
    'deadlock',
    'lock-timeout',
    'statement-timeout',
    'idle-timeout',
  ] as const)('work that met %s is done again, from its beginning, and done once', async (code) => {
    failOnce('COMMIT', code);
    let attempts = 0;
    const added = database.transaction(async (tx) => {
      attempts += 1;
      await addNote(tx);
    });
    await passing(added);
    expect(attempts).toBe(2);
    expect(await notes()).toBe(1);
  });

  test.each(['unique-violation', 'constraint-violation', 'bad-statement'] as const)(
    '%s is the caller’s at once',
    async (code) => {
      failOnce('INSERT', code);
      await expect(database.transaction(addNote)).rejects.toMatchObject({ code });
      expect(await notes()).toBe(0);
    },
  );

  test('an error of the work itself is the caller’s, and rolls back', async () => {
    const work = async (tx: Transaction): Promise<void> => {
      await addNote(tx);
      throw new StandinError('my-own', 'no');
    };
    await expect(database.transaction(work)).rejects.toMatchObject({ code: 'my-own' });
    expect(await notes()).toBe(0);
  });

  test('an unknown outcome is the caller’s when nothing makes it safe to try again', async () => {
    loseReplyOnce('COMMIT');
    await expect(database.transaction(addNote)).rejects.toMatchObject({
      code: 'connection-lost',
      isDefinite: false,
    });
    expect(await notes()).toBe(1);
  });

  test('work that is idempotent is done again after an unknown outcome', async () => {
    loseReplyOnce('COMMIT');
    await passing(database.transaction(addNote, { isIdempotent: true }));
    expect(await notes()).toBe(2);
  });

  test('the connection that is lost before COMMIT was sent leaves a definite outcome', async () => {
    failOnce('INSERT', 'connection-lost');
    await passing(database.transaction(addNote));
    expect(await notes()).toBe(1);
  });

  test('a unique violation is tried again for who finds or inserts', async () => {
    let attempts = 0;
    const work = async (tx: Transaction): Promise<number> => {
      attempts += 1;
      if (attempts === 1) throw new DatabaseError('unique-violation', 'somebody was first');
      await tx.one('SELECT id FROM notes');
      return attempts;
    };
    expect(await passing(database.transaction(work, { retriesUniqueViolation: true }))).toBe(2);
  });

  test('trying ends at the deadline, with the last error', async () => {
    gated.cut();
    const failed = database.transaction(addNote, { deadlineMs: 10_000 }).catch((error: unknown) => error);
    await runtime.clock.advance(9_000);
    gated.mend();
    failAlways('serialization-failure');
    await runtime.clock.advance(2_000);
    expect(await failed).toMatchObject({ code: 'serialization-failure' });
    expect(runtime.clock.monotonicMs()).toBe(11_000);
  });

  test('pauses grow from 50 ms to 2 s, so that a database that is back is found soon', async () => {
    const attempts: number[] = [];
    gated.interfere(() => {
      attempts.push(runtime.clock.monotonicMs());
      throw new DatabaseError('serialization-failure', 'again');
    });
    const failed = database.read([{ sql: 'SELECT 1 AS x', values: [] }]).catch(() => 'gave up');
    await runtime.clock.advance(40_000);
    expect(await failed).toBe('gave up');
    expect(attempts.slice(0, 8)).toEqual([0, 50, 150, 350, 750, 1550, 3150, 5150]);
    expect(attempts.at(-1)).toBeLessThanOrEqual(30_000);
  });

  test('an aborted signal ends the trying with its reason, also in the middle of a pause', async () => {
    const aborting = new AbortController();
    failAlways('serialization-failure');
    const failed = database
      .transaction(addNote, { signal: aborting.signal })
      .catch((error: unknown) => error);
    await runtime.clock.advance(100);
    aborting.abort(new StandinError('my-own', 'stop'));
    expect(await failed).toMatchObject({ code: 'my-own' });
    await expect(database.transaction(addNote, { signal: aborting.signal })).rejects.toMatchObject({
      code: 'my-own',
    });
  });

  test('an attempt that gets no answer for 15 s is given up with its session', async () => {
    const holder = await memory.open();
    await holder.run([{ sql: 'BEGIN', values: [] }]);
    const read = database.read([{ sql: 'SELECT COUNT(*) AS count FROM notes', values: [] }]);
    await runtime.clock.advance(15_000);
    holder.close();
    const results = await passing(read);
    expect(results[0]?.rows).toEqual([{ count: 0 }]);
    expect(gated.batches).toHaveLength(2);
  });
});

describe('operations', () => {
  const operation: TransactionOptions = { operation: 'op-1' };

  test('an operation whose outcome stayed unknown is looked up, not done again', async () => {
    loseReplyOnce('COMMIT');
    let attempts = 0;
    const work = async (tx: Transaction): Promise<{ id: string }> => {
      attempts += 1;
      await addNote(tx);
      return { id: `attempt ${attempts}` };
    };
    expect(await passing(database.transaction(work, operation))).toEqual({ id: 'attempt 1' });
    expect([attempts, await notes()]).toEqual([1, 1]);
  });

  test('an operation whose outcome stayed unknown stays so when nobody could look it up in time', async () => {
    gated.interfere((batch) => {
      if (!batch.some(({ sql }) => sql === 'COMMIT')) return;
      gated.cut();
      throw new DatabaseError('connection-lost', 'cut while it was on its way', false);
    });
    const failed = database.transaction(addNote, operation).catch((error: unknown) => error);
    await runtime.clock.advance(60_000);
    expect(await failed).toMatchObject({ code: 'connection-lost', isDefinite: false });
  });

  test('an operation that was lost before it was done is done', async () => {
    gated.interfere(
      once('COMMIT', () => {
        throw new DatabaseError('connection-lost', 'cut before it arrived', false);
      }),
    );
    await passing(database.transaction(addNote, operation));
    expect(await notes()).toBe(1);
  });

  test('an operation that another call did meanwhile gives that call’s result', async () => {
    await database.transaction(async (tx) => {
      await addNote(tx);
      return 'first';
    }, operation);
    const again = database.transaction(async (tx) => {
      await addNote(tx);
      return 'second';
    }, operation);
    expect(await passing(again)).toBe('first');
    expect(await notes()).toBe(1);
  });

  test('a unique violation of the work itself is looked up once and is then the caller’s', async () => {
    const work = async (tx: Transaction): Promise<void> => {
      await tx.change("INSERT INTO notes (note) VALUES ('same')");
      await tx.change("INSERT INTO notes (note) VALUES ('same')");
    };
    const failed = database.transaction(work, operation).catch((error: unknown) => error);
    await runtime.clock.advance(1_000);
    expect(await failed).toMatchObject({ code: 'unique-violation' });
    expect(await notes()).toBe(0);
  });

  test('a result that JSON cannot hold is refused, and nothing is done', async () => {
    const work = async (tx: Transaction): Promise<Date> => {
      await addNote(tx);
      return new Date(0);
    };
    await expect(database.transaction(work, operation)).rejects.toMatchObject({ code: 'not-json' });
    expect(await notes()).toBe(0);
  });
});

describe('transactions', () => {
  test('an effect of two batches costs three round trips: BEGIN and COMMIT ride along', async () => {
    await database.transaction(async (tx) => {
      await tx.one('SELECT 1 AS x');
      await addNote(tx);
      tx.tail({ sql: "INSERT INTO notes (note) VALUES ('tail')", values: [] });
    });
    expect(gated.batches).toEqual(['BEGIN SELECT', 'INSERT', 'INSERT COMMIT']);
  });

  test('a transaction that runs nothing costs nothing', async () => {
    expect(await database.transaction(async () => 5)).toBe(5);
    expect(gated.batches).toEqual([]);
  });

  test('listeners hear of a commit once it is certain, and never of a rollback', async () => {
    const heard: string[] = [];
    failOnce('COMMIT', 'serialization-failure');
    let attempts = 0;
    await passing(
      database.transaction(async (tx) => {
        const attempt = ++attempts;
        tx.afterCommit(() => heard.push(`attempt ${attempt}`));
        await addNote(tx);
      }),
    );
    expect(heard).toEqual(['attempt 2']);
  });

  test('a batch that fails is rolled back, and its session serves the next', async () => {
    const bad = [addStatement('a'), addStatement('a')];
    await expect(database.batch(bad)).rejects.toMatchObject({ code: 'unique-violation' });
    await database.batch([addStatement('b')]);
    expect(await notes()).toBe(1);
  });

  test('a stopped database refuses what comes and what waits', async () => {
    database.stop();
    const soon = database
      .read([{ sql: 'SELECT 1 AS x', values: [] }], 5_000)
      .catch((error: unknown) => error);
    await runtime.clock.advance(5_000);
    expect(await soon).toMatchObject({ code: 'connection-lost' });
    const late = database.read([{ sql: 'SELECT 1 AS x', values: [] }]).catch((error: unknown) => error);
    await runtime.clock.advance(60_000);
    expect(await late).toMatchObject({ code: 'connection-lost' });
  });
});

function addStatement(note: string): Statement {
  return { sql: 'INSERT INTO notes (note) VALUES (?)', values: [note] };
}

async function addNote(tx: Transaction): Promise<void> {
  await tx.change('INSERT INTO notes (note) VALUES (NULL)');
}

async function notes(): Promise<unknown> {
  const session = await memory.open();
  const [result] = await session.run([{ sql: 'SELECT COUNT(*) AS count FROM notes', values: [] }]);
  session.close();
  return result?.rows[0]?.['count'];
}

/** The result, while a minute passes. */
async function passing<T>(result: Promise<T>): Promise<T> {
  await runtime.clock.advance(15_000);
  return result;
}

function once(
  word: string,
  act: () => 'lose-reply' | void,
): (batch: readonly Statement[]) => 'lose-reply' | void {
  let isDone = false;
  return (batch) => {
    if (isDone || !batch.some(({ sql }) => sql.startsWith(word))) return undefined;
    isDone = true;
    return act();
  };
}

function failOnce(word: string, code: DatabaseErrorCode): void {
  gated.interfere(
    once(word, () => {
      throw new DatabaseError(code, 'once');
    }),
  );
}

function failAlways(code: DatabaseErrorCode): void {
  gated.interfere(() => {
    throw new DatabaseError(code, 'always');
  });
}

function loseReplyOnce(word: string): void {
  gated.interfere(once(word, () => 'lose-reply'));
}
