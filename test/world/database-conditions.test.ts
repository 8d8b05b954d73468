// What may go wrong inside the database server, condition by condition.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SqlEngine } from '../../sim/world/sql-engine.js';
import {
  BEGIN,
  COMMIT,
  DatabaseWorld,
  LOCK_1,
  RAISE_1,
  ROLLBACK,
  TEST_SCHEMA,
  outcome,
  sql,
} from './database-world.js';

let engine: SqlEngine;

beforeAll(async () => {
  engine = await SqlEngine.open(TEST_SCHEMA);
});

afterAll(() => engine.close());

const ALWAYS = 1_000_000;

describe('while commits are cut', () => {
  test.each([
    ['cut-before', 5],
    ['cut-after', 6],
  ] as const)('%s: the outcome is unknown, and the row has epoch %i', async (when, epoch) => {
    const world = new DatabaseWorld(engine, 'a seed');
    world.client('a', async ({ driver, until, note }) => {
      const session = await driver.open();
      await until(1_000);
      note(await outcome(session.run([BEGIN, LOCK_1, RAISE_1, COMMIT])));
      note(String(session.isOpen));
    });
    world.server.conditions.cutCommits(when, ALWAYS);
    expect(await world.run(5)).toEqual(['a connection-lost? @1000', 'a false @1000']);
    expect(world.epoch(1)).toBe(epoch);
    expect(world.server.openSessions).toBe(0);
  });

  test('a write outside a transaction is cut too, a read is not, and the lock is free for others', async () => {
    const world = new DatabaseWorld(engine, 'a seed');
    const undo = world.server.conditions.cutCommits('cut-before', ALWAYS);
    world.client('a', async ({ driver, until, note }) => {
      const session = await driver.open();
      note(await outcome(sql(session, 'SELECT epoch FROM schedulers WHERE id = 1')));
      note(await outcome(session.run([RAISE_1])));
      const again = await driver.open();
      await until(1_000);
      note(await outcome(again.run([BEGIN, LOCK_1, RAISE_1, COMMIT])));
      undo();
      const last = await driver.open();
      note(await outcome(last.run([BEGIN, LOCK_1, RAISE_1, COMMIT])));
    });
    await world.run(5);
    expect(world.notes.map((note) => note.split(' ')[1])).toEqual([
      'ok', 'connection-lost?', 'connection-lost?', 'ok',
    ]); // prettier-ignore
    expect(world.epoch(1)).toBe(6);
    expect(world.server.stats).toMatchObject({ commitsCutBefore: 2, commitsCutAfter: 0 });
  });
});

test.each(['serialization-failure', 'deadlock'] as const)(
  'while commits fail with %s nothing is done, and the transaction has to be rolled back',
  async (error) => {
    const world = new DatabaseWorld(engine, 'a seed');
    const undo = world.server.conditions.failCommits(error, ALWAYS);
    world.client('a', async ({ driver, note }) => {
      const session = await driver.open();
      note(await outcome(session.run([BEGIN, LOCK_1, RAISE_1, COMMIT])));
      note(await outcome(session.run([COMMIT])));
      undo();
      note(await outcome(session.run([ROLLBACK, BEGIN, LOCK_1, RAISE_1, COMMIT])));
    });
    await world.run(5);
    expect(world.notes.map((note) => note.split(' ')[1])).toEqual([error, error, 'ok']);
    expect(world.epoch(1)).toBe(6);
    expect(world.server.stats.failedCommits).toBe(2);
  },
);

test('commits that stall are overtaken: what was begun first becomes visible last', async () => {
  const world = new DatabaseWorld(engine, 'a seed');
  const undo = world.server.conditions.stallCommits(ALWAYS, 3_000);
  const insert = (id: number): { sql: string; values: number[] } => ({
    sql: 'INSERT INTO schedulers (id, epoch) VALUES (?, 1)',
    values: [id],
  });
  world.client('a', async ({ driver, note }) => {
    const session = await driver.open();
    note(await outcome(session.run([BEGIN, insert(11), COMMIT])));
  });
  world.client('b', async ({ driver, until, note }) => {
    const session = await driver.open();
    await until(1);
    undo();
    note(await outcome(session.run([BEGIN, insert(12), COMMIT])));
  });
  const notes = await world.run(5);
  expect(notes[0]).toMatch(/^b ok @/);
  expect(notes[1]).toMatch(/^a ok @/);
  expect(world.server.stats.stalledCommits).toBe(1);
});

test('held locks are waited for, until they are given back', async () => {
  const world = new DatabaseWorld(engine, 'a seed');
  const undo = world.server.holdLocks(['row:schedulers:1', 'row:schedulers:2']);
  world.at(3_000, undo);
  world.client('a', async ({ driver, note }) => {
    const session = await driver.open();
    note(await outcome(session.run([BEGIN, LOCK_1, RAISE_1, COMMIT])));
  });
  world.client('b', async ({ driver, note }) => {
    const session = await driver.open();
    note(await outcome(session.run([{ ...RAISE_1, sql: RAISE_1.sql.replace('id = 1', 'id = 2') }])));
  });
  const notes = await world.run(9);
  expect(new Set(notes.map((note) => note.replace(/@300\d$/, 'after 3 s')))).toEqual(
    new Set(['a ok after 3 s', 'b ok after 3 s']),
  );
});

test('a limit of sessions leaves those alone that are open, and the smallest of several counts', async () => {
  const world = new DatabaseWorld(engine, 'a seed');
  const two = world.server.conditions.limitSessions(2);
  const none = world.server.conditions.limitSessions(0);
  world.client('a', async ({ driver, note }) => {
    note(await outcome(driver.open()));
    none();
    const first = await driver.open();
    note(await outcome(driver.open()));
    note(await outcome(driver.open()));
    two();
    note(await outcome(driver.open()));
    note(await outcome(first.run([RAISE_1])));
  });
  await world.run(5);
  expect(world.notes.map((note) => note.split(' ')[1])).toEqual([
    'connection-lost', 'ok', 'connection-lost', 'ok', 'ok',
  ]); // prettier-ignore
});

test('a trap springs once, when a transaction of that client is open and answered, and not for others', async () => {
  const world = new DatabaseWorld(engine, 'a seed');
  world.server.conditions.trapTransaction('b', () => world.notes.push('sprung'));
  for (const name of ['a', 'b']) {
    world.client(name, async ({ driver, until, note }) => {
      const session = await driver.open();
      await until(name === 'a' ? 1_000 : 2_000);
      await session.run([RAISE_1]);
      await session.run([BEGIN, LOCK_1]);
      note('began');
      await session.run([COMMIT, BEGIN, LOCK_1, COMMIT]);
      await session.run([BEGIN, LOCK_1]);
      await session.run([COMMIT]);
    });
  }
  await world.run(5);
  expect(world.notes.filter((note) => note === 'sprung')).toHaveLength(1);
  expect(world.notes.indexOf('sprung')).toBe(1);
});
