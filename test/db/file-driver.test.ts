// SQLite in a file: several processes, one of which may die or stop in the middle of a transaction.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Session, Statement } from '../../src/db/driver.js';
import { FileDriver } from '../../src/db/sqlite/file-driver.js';
import { ManualClock } from '../support/manual-clock.js';
import { RealTimeRuntime } from '../support/real-time-runtime.js';
import { Script } from '../support/scripts.js';
import { BEGIN, COMMIT, outcome, ROLLBACK, sql } from '../world/database-world.js';

const SCHEMA = [
  'CREATE TABLE notes (id INTEGER PRIMARY KEY, note TEXT NOT NULL)',
  'CREATE TABLE counters (id INTEGER PRIMARY KEY, amount INTEGER NOT NULL)',
  'INSERT INTO counters VALUES (1, 0)',
];
const UNCOMMITTED = "SELECT COUNT(*) AS count FROM notes WHERE note LIKE 'uncommitted%'";
const COUNT = 'SELECT COUNT(*) AS count FROM notes';

let folder: string;
let path: string;
let clock: ManualClock | RealTimeRuntime['clock'];
let drivers: FileDriver[];
let a: Session;

async function open(): Promise<Session> {
  const driver = await FileDriver.create(path, clock);
  drivers.push(driver);
  return driver.open();
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'standin-sqlite-'));
  path = join(folder, 'test.sqlite');
  clock = new RealTimeRuntime().clock;
  drivers = [];
  a = await open();
  await a.run([BEGIN, ...SCHEMA.map((text) => ({ sql: text, values: [] })), COMMIT]);
});

afterEach(() => {
  for (const driver of drivers) driver.close();
  rmSync(folder, { recursive: true });
});

describe('two connections to one file', () => {
  test('readers see what was committed, and wait for no writer', async () => {
    const b = await open();
    await a.run([BEGIN, insert(1)]);
    expect((await sql(b, COUNT)).rows).toEqual([{ count: 0 }]);
    await a.run([COMMIT]);
    expect((await sql(b, COUNT)).rows).toEqual([{ count: 1 }]);
  });

  test('a writer waits for the other one, in a transaction or not, and this process goes on meanwhile', async () => {
    const b = await open();
    await a.run([BEGIN, insert(1)]);
    const order: string[] = [];
    const writes = [b.run([insert(2)]), (await open()).run([BEGIN, insert(3), COMMIT])];
    const waiting = Promise.all(writes.map((write) => write.then(() => order.push('write'))));
    for (let ticks = 0; ticks < 20; ticks++) await new Promise((resolve) => setTimeout(resolve, 1));
    order.push('ticked');
    await a.run([COMMIT]);
    await waiting;
    expect(order).toEqual(['ticked', 'write', 'write']);
    expect((await sql(a, COUNT)).rows).toEqual([{ count: 3 }]);
  });

  test('the wait ends with a lock time-out, by the clock of the process, and nothing was done', async () => {
    const manual = new ManualClock();
    clock = manual;
    const b = await open();
    await a.run([BEGIN, insert(1)]);
    const refused = outcome(b.run([insert(2)]));
    let isOver = false;
    void refused.then(() => (isOver = true));
    let waitedMs = 0;
    for (; !isOver && waitedMs < 60_000; waitedMs += 10) await manual.advance(10);
    expect(await refused).toBe('lock-timeout');
    expect(waitedMs).toBeGreaterThanOrEqual(5_000);
    expect(waitedMs).toBeLessThan(6_000);
    await a.run([COMMIT]);
    expect(await outcome(b.run([insert(2)]))).toBe('ok');
  });

  test('a transaction that idles too long is rolled back, and its session is over', async () => {
    const manual = new ManualClock();
    clock = manual;
    const b = await open();
    await b.run([BEGIN, insert(1)]);
    await manual.advance(9_999);
    expect(b.isOpen).toBe(true);
    await sql(b, COUNT);
    await manual.advance(9_999);
    expect(b.isOpen).toBe(true);
    await manual.advance(1);
    expect(await outcome(sql(b, COUNT))).toBe('idle-timeout');
    expect(await outcome(a.run([insert(1)]))).toBe('ok');
  });

  test('a session that is closed while it waits leaves the others their turn', async () => {
    const driver = await FileDriver.create(path, clock);
    drivers.push(driver);
    const [b, c] = [await driver.open(), await driver.open()];
    await a.run([BEGIN, insert(1)]);
    const waiting = outcome(b.run([BEGIN, insert(2)]));
    const behind = outcome(c.run([insert(3)]));
    await new Promise((resolve) => setTimeout(resolve, 5));
    b.close();
    await a.run([COMMIT]);
    expect([await waiting, await behind]).toEqual(['connection-lost', 'ok']);
    expect((await sql(a, COUNT)).rows).toEqual([{ count: 2 }]);
  });

  test('a statement that failed for want of a lock does not stay in progress', async () => {
    const manual = new ManualClock();
    clock = manual;
    const b = await open();
    await a.run([BEGIN]);
    const refused = outcome(b.run([insert(1)]));
    for (let i = 0; i < 600; i++) await manual.advance(10);
    expect(await refused).toBe('lock-timeout');
    await a.run([ROLLBACK]);
    expect(await outcome(b.run([BEGIN, insert(1), COMMIT]))).toBe('ok');
  });
});

describe('processes on one file', () => {
  let script: Script;
  beforeAll(async () => {
    script = await Script.bundle('test/db/writer.script.ts');
  });
  afterAll(() => script.dispose());

  test('exclude each other: nothing that one has read is changed before it writes', async () => {
    const children = [1, 2, 3].map(() => script.start(path, 'add', '100'));
    expect(await Promise.all(children.map((child) => child.ended))).toEqual([0, 0, 0]);
    expect((await sql(a, 'SELECT amount FROM counters')).rows).toEqual([{ amount: 300 }]);
  });

  test('one that is killed in a transaction leaves no lock and nothing that it had not committed', async () => {
    await a.run([BEGIN, ...Array.from({ length: 2_000 }, (_, i) => insert(i)), COMMIT]);
    for (let round = 0; round < 3; round++) {
      const child = script.start(path, 'hold');
      expect(await child.said('holding')).toBe(true);
      expect(await outcome(sql(a, COUNT))).toBe('ok');
      await child.kill();
      expect(await outcome(a.run([insert(10_000 + round)]))).toBe('ok');
      expect((await sql(await open(), UNCOMMITTED)).rows).toEqual([{ count: 0 }]);
    }
  });

  test('one that is stopped in a transaction holds up writers, not readers, until it goes on', async () => {
    const child = script.start(path, 'hold');
    expect(await child.said('holding')).toBe(true);
    child.signal('SIGSTOP');
    const writing = outcome(a.run([insert(1)]));
    expect((await sql(await open(), COUNT)).rows).toEqual([{ count: 0 }]);
    await child.kill();
    expect(await writing).toBe('ok');
  });
});

test('a path at which there can be no database is wrong configuration', async () => {
  const nowhere = join(folder, 'missing', 'x.sqlite');
  await expect(FileDriver.create(nowhere, clock)).rejects.toMatchObject({ code: 'config' });
  await expect(FileDriver.create(folder, clock)).rejects.toThrow(/cannot open the database file/);
});

function insert(id: number): Statement {
  return { sql: 'INSERT INTO notes VALUES (?, ?)', values: [id, `note ${id}`] };
}
