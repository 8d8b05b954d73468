// The replica of the simulated database: the same rows, later, and every commit whole.

import { expect, test } from 'vitest';
import { ReplicaNode } from '../../sim/world/replica-node.js';
import { SimulatedDriver } from '../../sim/world/sql-driver.js';
import { SqlEngine } from '../../sim/world/sql-engine.js';
import {
  BEGIN,
  COMMIT,
  DatabaseWorld,
  LOCK_1,
  outcome,
  RAISE_1,
  ROLLBACK,
  sql,
  TEST_SCHEMA,
} from './database-world.js';

async function withReplica(
  story: (world: DatabaseWorld, replica: ReplicaNode) => Promise<void>,
): Promise<void> {
  const [engine, copy] = [await SqlEngine.open(TEST_SCHEMA), await SqlEngine.open(TEST_SCHEMA)];
  try {
    const world = new DatabaseWorld(engine, '1');
    const replica = new ReplicaNode(world.kernel, world.network, copy);
    replica.follow(world.server);
    await story(world, replica);
  } finally {
    engine.close();
    copy.close();
  }
}

/** All rows of a server, as they are committed now. */
function rowsOf(server: DatabaseWorld['server']): readonly unknown[] {
  return ['schedulers', 'notes'].map(
    (table) => server.query(`SELECT rowid, * FROM ${table} ORDER BY rowid`).rows,
  );
}

/** Adds notes and raises an epoch again and again, in transactions that overlap, conflict and are at times rolled back. */
function busy(world: DatabaseWorld, name: string): void {
  world.client(name, async ({ driver, until }) => {
    const session = await driver.open();
    for (let round = 0; round < 20; round++) {
      const note = { sql: 'INSERT INTO notes (note) VALUES (?)', values: [`${name} ${round}`] };
      await outcome(session.run([BEGIN, note]));
      await until(100 * round + name.length);
      await outcome(session.run([LOCK_1, RAISE_1]));
      await outcome(session.run([round % 3 === 0 ? ROLLBACK : COMMIT]));
      await outcome(session.run([ROLLBACK]));
      await outcome(sql(session, 'DELETE FROM notes WHERE id % 5 = ?', round % 5));
      await outcome(
        sql(session, "INSERT INTO schedulers VALUES (?, 0, 'same') ON CONFLICT DO NOTHING", round),
      );
    }
    session.close();
  });
}

test('the replica has the rows of the database in the end, whatever was rolled back, refused and repeated', () =>
  withReplica(async (world, replica) => {
    for (const name of ['a', 'bb', 'ccc']) busy(world, name);
    const undo = replica.lag(1_000_000);
    await world.run(1);
    expect(rowsOf(replica.server)).not.toEqual(rowsOf(world.server));
    undo();
    await world.run(60);
    expect(world.server.stats.serializationFailures).toBeGreaterThan(0);
    expect(world.server.stats.commits).toBeGreaterThan(20);
    expect(replica.lateCommits).toBeGreaterThan(0);
    expect(rowsOf(replica.server)).toEqual(rowsOf(world.server));
  }));

test('each state of the replica is one that the database had, also while it catches up', () =>
  withReplica(async (world, replica) => {
    const states = new Set([JSON.stringify(rowsOf(world.server))]);
    replica.follow({
      onWrites: (listener) =>
        world.server.onWrites((writes) => {
          states.add(JSON.stringify(rowsOf(world.server)));
          listener(writes);
        }),
    });
    for (const name of ['a', 'bb', 'ccc']) busy(world, name);
    world.at(1_500, replica.lag(700_000));
    const seen = new Set<string>();
    for (let atMs = 1; atMs < 5_000; atMs++)
      world.at(atMs, () => seen.add(JSON.stringify(rowsOf(replica.server))));
    await world.run(60);
    expect(seen.size).toBeGreaterThan(10);
    expect([...seen].filter((state) => !states.has(state))).toEqual([]);
  }));

test('it goes on answering while the database is down, and follows the next server', () =>
  withReplica(async (world, replica) => {
    world.client('a', async ({ driver, until, note, process }) => {
      await sql(await driver.open(), "INSERT INTO notes VALUES (1, 'x')");
      await until(1_000);
      world.crashServer('crash');
      const reader = await new SimulatedDriver(world.network, process, 'replica').open();
      note(JSON.stringify((await sql(reader, 'SELECT id, note FROM notes')).rows));
      await until(2_000);
      replica.follow(world.startServer());
      await sql(await driver.open(), "INSERT INTO notes VALUES (2, 'y')");
      await until(3_000);
      note(String((await sql(reader, 'SELECT COUNT(*) AS n FROM notes')).rows[0]?.['n']));
    });
    await world.run(10);
    expect(world.notes.map((line) => line.replace(/ @.*/, ''))).toEqual(['a [{"id":1,"note":"x"}]', 'a 2']);
  }));

test('its sessions write nothing and lock nothing', () =>
  withReplica(async (world) => {
    world.client('a', async ({ process, note }) => {
      const session = await new SimulatedDriver(world.network, process, 'replica').open();
      note(await outcome(sql(session, "INSERT INTO notes VALUES (1, 'x')")));
      note(await outcome(session.run([BEGIN, LOCK_1])));
      note(await outcome(session.run([ROLLBACK])));
    });
    await world.run(10);
    const outcomes = world.notes.map((line) => line.replace(/ @.*/, ''));
    expect(outcomes.slice(0, 2)).toEqual(['a bad-statement', 'a bad-statement']);
  }));
