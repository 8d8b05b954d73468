// The database server and its driver over the simulated network: locks, time-outs, and broken connections.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SqlEngine } from '../../sim/world/sql-engine.js';
import {
  BEGIN,
  COMMIT,
  DatabaseWorld,
  LOCK_1,
  LOCK_2,
  RAISE_1,
  ROLLBACK,
  TEST_SCHEMA,
} from './database-world.js';
import { outcome, sql } from './database-world.js';

let engine: SqlEngine;

beforeAll(async () => {
  engine = await SqlEngine.open(TEST_SCHEMA);
});

afterAll(() => engine.close());

describe('a session', () => {
  test('answers a batch with the results of its statements', async () => {
    const world = new DatabaseWorld(engine);
    world.client('a', async ({ driver, note }) => {
      const session = await driver.open();
      const results = await session.run([LOCK_FREE_READ, RAISE_1, LOCK_FREE_READ]);
      note(JSON.stringify(results));
    });
    const row = (epoch: number): string => `{"rows":[{"epoch":${epoch}}],"changes":0}`;
    expect(await world.run(5)).toEqual([`a [${row(5)},{"rows":[],"changes":1},${row(6)}] @0`]);
    expect(world.commits).toEqual([
      {
        atUs: expect.any(Number) as number,
        client: { node: 'a', incarnation: 1 },
        rows: [
          {
            table: 'schedulers',
            op: 'update',
            old: { id: 1, epoch: 5, note: 'one' },
            row: { id: 1, epoch: 6, note: 'one' },
          },
        ],
      },
    ]);
  });

  test('a failed statement ends the batch and spoils the transaction until ROLLBACK', async () => {
    const world = new DatabaseWorld(engine);
    world.client('a', async ({ driver, note }) => {
      const session = await driver.open();
      const twice = { sql: "INSERT INTO schedulers (id, epoch, note) VALUES (3, 1, 'one')", values: [] };
      note(await outcome(session.run([BEGIN, RAISE_1, twice, COMMIT])));
      note(await outcome(session.run([LOCK_1])));
      note(await outcome(session.run([COMMIT])));
      note(await outcome(session.run([ROLLBACK])));
      note(await outcome(session.run([LOCK_FREE_READ])));
      note(await outcome(session.run([{ sql: 'SELEC', values: [] }])));
      note(await outcome(session.run([LOCK_1])));
      note(await outcome(session.run([{ sql: 'SELEC', values: [] }])));
      note(await outcome(session.run([LOCK_FREE_READ])));
    });
    const codes = (await world.run(5)).map((note) => note.split(' ')[1]);
    const aborted = 'transaction-aborted';
    const bad = 'bad-statement';
    expect(codes).toEqual(['unique-violation', aborted, aborted, 'ok', 'ok', bad, bad, bad, 'ok']);
    expect(world.epoch(1)).toBe(5);
  });

  test('calls made without waiting are answered in order', async () => {
    const world = new DatabaseWorld(engine);
    world.client('a', async ({ driver, note }) => {
      const session = await driver.open();
      const results = await Promise.all([1, 2, 3].map(() => session.run([RAISE_1, LOCK_FREE_READ])));
      note(results.map(([, read]) => read?.rows[0]?.['epoch']).join());
    });
    expect(await world.run(5)).toEqual(['a 6,7,8 @1']);
  });

  test('a closed session rejects what is under way and what comes after', async () => {
    const world = new DatabaseWorld(engine);
    world.client('a', async ({ driver, note }) => {
      const session = await driver.open();
      const write = outcome(session.run([RAISE_1]));
      const waiting = outcome(session.run([RAISE_1]));
      session.close();
      expect(session.isOpen).toBe(false);
      note(`${await write} ${await waiting} ${await outcome(session.run([RAISE_1]))}`);
    });
    expect(await world.run(5)).toEqual(['a connection-lost? connection-lost connection-lost @0']);
    expect(world.server.openSessions).toBe(0);
  });
});

const LOCK_FREE_READ = { sql: 'SELECT epoch FROM schedulers WHERE id = 1', values: [] };

describe('locks', () => {
  test('a waiter gets the lock when the holder ends, first come first served', async () => {
    const world = new DatabaseWorld(engine);
    for (const [name, startMs] of [
      ['a', 100],
      ['b', 200],
      ['c', 300],
    ] as const) {
      world.client(name, async ({ driver, until, note }) => {
        const session = await driver.open();
        await until(startMs);
        await session.run([BEGIN, LOCK_1]);
        note('has it');
        await until(startMs + 1_000);
        await session.run([COMMIT]);
      });
    }
    expect(await world.run(10)).toEqual(['a has it @100', 'b has it @1100', 'c has it @1200']);
    expect(world.server.stats.lockWaits).toBe(2);
  });

  test('a waiter whose row was changed by the holder cannot be serialized', async () => {
    const world = new DatabaseWorld(engine);
    world.client('a', async ({ driver, until }) => {
      const session = await driver.open();
      await session.run([BEGIN, LOCK_1]);
      await until(1_000);
      await session.run([RAISE_1, COMMIT]);
    });
    world.client('b', async ({ driver, until, note }) => {
      const session = await driver.open();
      await until(500);
      note(await outcome(session.run([BEGIN, LOCK_1])));
      await session.run([ROLLBACK]);
      const [, read] = await session.run([BEGIN, LOCK_1]);
      note(String(read?.rows[0]?.['epoch']));
    });
    expect(await world.run(5)).toEqual(['b serialization-failure @1000', 'b 6 @1001']);
  });

  test('a waiter whose row was not changed goes on', async () => {
    const world = new DatabaseWorld(engine);
    world.client('a', async ({ driver, until }) => {
      const session = await driver.open();
      await session.run([BEGIN, LOCK_1]);
      await until(1_000);
      await session.run([{ sql: "INSERT INTO notes VALUES (1, 'x')", values: [] }, COMMIT]);
    });
    world.client('b', async ({ driver, until, note }) => {
      const session = await driver.open();
      await until(500);
      note(await outcome(session.run([BEGIN, LOCK_1, RAISE_1, COMMIT])));
    });
    expect(await world.run(5)).toEqual(['b ok @1001']);
    expect(world.epoch(1)).toBe(6);
  });

  test('a deadlock fails the one that would close the circle', async () => {
    const world = new DatabaseWorld(engine);
    const client = (name: string, first: typeof LOCK_1, second: typeof LOCK_1, secondMs: number): void =>
      world.client(name, async ({ driver, until, note }) => {
        const session = await driver.open();
        await session.run([BEGIN, first]);
        await until(secondMs);
        note(await outcome(session.run([second])));
        await session.run([ROLLBACK]);
      });
    client('a', LOCK_1, LOCK_2, 500);
    client('b', LOCK_2, LOCK_1, 1_000);
    expect(await world.run(5)).toEqual(['b deadlock @1000', 'a ok @1000']);
  });

  test('a wait for a lock ends after 5 s', async () => {
    const world = new DatabaseWorld(engine);
    world.client('a', async ({ driver, until }) => {
      const session = await driver.open();
      await session.run([BEGIN, LOCK_1]);
      await until(8_000);
      await session.run([COMMIT]);
    });
    world.client('b', async ({ driver, until, note }) => {
      const session = await driver.open();
      await until(1_000);
      note(await outcome(session.run([BEGIN, LOCK_1])));
      note(await outcome(session.run([LOCK_1])));
      note(await outcome(session.run([ROLLBACK, BEGIN, LOCK_1])));
    });
    const expected = ['b lock-timeout @6000', 'b transaction-aborted @6000', 'b ok @8000'];
    expect(await world.run(20)).toEqual(expected);
  });

  test('a lock outside a transaction is refused', async () => {
    const world = new DatabaseWorld(engine);
    world.client('a', async ({ driver, note }) => {
      const session = await driver.open();
      note(await outcome(session.run([LOCK_1])));
    });
    expect(await world.run(5)).toEqual(['a bad-statement @0']);
  });
});

describe('time-outs', () => {
  test('a statement that takes longer than 5 s fails, and nothing of it remains', async () => {
    const world = new DatabaseWorld(engine);
    const undo = world.server.conditions.slow(6_000_000);
    world.client('a', async ({ driver, note }) => {
      const session = await driver.open();
      note(await outcome(session.run([RAISE_1])));
      undo();
      note(await outcome(session.run([LOCK_FREE_READ])));
    });
    expect(await world.run(20)).toEqual(['a statement-timeout @5000', 'a ok @5000']);
    expect(world.epoch(1)).toBe(5);
  });

  test('a transaction left idle for 10 s is rolled back, its lock freed and its session closed', async () => {
    const world = new DatabaseWorld(engine);
    world.client('a', async ({ driver, until, note }) => {
      const session = await driver.open();
      await session.run([BEGIN, LOCK_1, RAISE_1]);
      await until(9_000);
      await session.run([RAISE_1]);
      await until(30_000);
      note(`${String(session.isOpen)} ${await outcome(session.run([COMMIT]))}`);
    });
    world.client('b', async ({ driver, until, note }) => {
      const session = await driver.open();
      await until(18_000);
      note(await outcome(session.run([BEGIN, LOCK_1, RAISE_1, COMMIT])));
    });
    expect(await world.run(40)).toEqual(['b ok @19001', 'a false idle-timeout @30000']);
    expect(world.epoch(1)).toBe(6);
  });

  test('a paused owner loses its transaction: its commit after the resume has no effect', async () => {
    const world = new DatabaseWorld(engine);
    world.client('a', async ({ driver, until, note }) => {
      const session = await driver.open();
      await session.run([BEGIN, LOCK_1, RAISE_1]);
      await until(2_000);
      note(await outcome(session.run([COMMIT])));
    });
    world.at(1_000, () => world.kernel.pause(world.kernel.node('a')));
    world.at(20_000, () => world.kernel.resume(world.kernel.node('a')));
    await world.run(40);
    expect(world.notes[0]).toMatch(/^a (idle-timeout|connection-lost\??) @2000\d$/);
    expect(world.epoch(1)).toBe(5);
  });
});

describe('broken connections', () => {
  test('a client that crashes in a transaction is rolled back when the close arrives', async () => {
    const world = new DatabaseWorld(engine);
    world.client('a', async ({ driver }) => {
      const session = await driver.open();
      await session.run([BEGIN, LOCK_1, RAISE_1]);
    });
    world.client('b', async ({ driver, until, note }) => {
      const session = await driver.open();
      await until(500);
      note(await outcome(session.run([BEGIN, LOCK_1, COMMIT])));
    });
    world.at(1_000, () => world.kernel.crash(world.kernel.node('a'), 'test'));
    expect(await world.run(5)).toEqual(['b ok @1001']);
    expect(world.epoch(1)).toBe(5);
    expect(world.server.openSessions).toBe(1);
  });

  test('a client whose machine crashes keeps its lock until the idle time-out', async () => {
    const world = new DatabaseWorld(engine);
    world.client('a', async ({ driver }) => {
      const session = await driver.open();
      await session.run([BEGIN, LOCK_1]);
    });
    world.client('b', async ({ driver, until, note }) => {
      const session = await driver.open();
      await until(7_000);
      note(await outcome(session.run([BEGIN, LOCK_1, COMMIT])));
    });
    world.at(1_000, () => world.kernel.crash(world.kernel.node('a'), 'host'));
    const [note] = await world.run(20);
    expect(note).toMatch(/^b ok @(8|9|10)\d\d\d$/);
  });

  test('cut before COMMIT arrives: not committed, and the client knows that it does not know', async () => {
    const world = new DatabaseWorld(engine);
    world.client('a', async ({ driver, until, note }) => {
      const session = await driver.open();
      await session.run([BEGIN, RAISE_1]);
      await until(1_000);
      note(await outcome(session.run([COMMIT])));
    });
    world.kernel.at(1_000_020, () => world.network.cut('a', 'db'));
    expect(await world.run(5)).toEqual(['a connection-lost? @1000']);
    expect(world.epoch(1)).toBe(5);
  });

  test('cut after COMMIT arrives: committed, and the client does not know', async () => {
    const world = new DatabaseWorld(engine);
    world.client('a', async ({ driver, until, note }) => {
      const session = await driver.open();
      await session.run([BEGIN, RAISE_1]);
      await until(1_000);
      note(await outcome(session.run([COMMIT])));
    });
    world.kernel.at(1_000_080, () => world.network.cut('a', 'db'));
    expect(await world.run(5)).toEqual(['a connection-lost? @1000']);
    expect(world.epoch(1)).toBe(6);
  });

  test('cut in the middle of a transaction, or during a read: definitely nothing happened', async () => {
    const world = new DatabaseWorld(engine);
    world.client('a', async ({ driver, until, note }) => {
      const session = await driver.open();
      await session.run([BEGIN]);
      await until(1_000);
      note(await outcome(session.run([RAISE_1])));
      const second = await driver.open();
      await until(2_000);
      note(await outcome(second.run([LOCK_FREE_READ])));
    });
    for (const atUs of [1_000_020, 2_000_020]) world.kernel.at(atUs, () => world.network.cut('a', 'db'));
    expect(await world.run(5)).toEqual(['a connection-lost @1000', 'a connection-lost @2000']);
  });

  test('sessions that the server cuts are rolled back', async () => {
    const world = new DatabaseWorld(engine);
    world.client('a', async ({ driver, until, note }) => {
      const session = await driver.open();
      await session.run([BEGIN, RAISE_1]);
      await until(2_000);
      note(`${String(session.isOpen)} ${await outcome(session.run([COMMIT]))}`);
    });
    world.at(1_000, () => expect(world.server.cutSessions()).toBe(1));
    expect(await world.run(5)).toEqual(['a false connection-lost @2000']);
    expect(world.epoch(1)).toBe(5);
  });
});

describe('a server', () => {
  test('that crashes forgets its sessions and what was not committed, and keeps the rest', async () => {
    const world = new DatabaseWorld(engine);
    world.client('a', async ({ driver, until, note }) => {
      const session = await driver.open();
      await session.run([RAISE_1]);
      await session.run([BEGIN, RAISE_1]);
      await until(1_500);
      note(await outcome(session.run([COMMIT])));
      note(await outcome(driver.open()));
      await until(3_000);
      const again = await driver.open();
      note(String((await sql(again, 'SELECT epoch FROM schedulers WHERE id = 1')).rows[0]?.['epoch']));
    });
    world.at(1_000, () => world.crashServer('test'));
    world.at(2_000, () => void world.startServer());
    const expected = ['a connection-lost @1500', 'a connection-lost @1500', 'a 6 @3000'];
    expect(await world.run(10)).toEqual(expected);
  });

  test('that refuses connections, or cannot be reached, makes open() reject within 5 s', async () => {
    const world = new DatabaseWorld(engine);
    const undo = world.server.conditions.limitSessions(0);
    world.client('a', async ({ driver, until, note }) => {
      note(await outcome(driver.open()));
      await until(1_000);
      const unblock = world.network.block('db', 'a');
      note(await outcome(driver.open()));
      unblock();
      note(await outcome(driver.open()));
    });
    world.at(500, undo);
    const expected = ['a connection-lost @0', 'a connection-lost @6000', 'a ok @6000'];
    expect(await world.run(20)).toEqual(expected);
  });

  test('that is paused answers when it resumes', async () => {
    const world = new DatabaseWorld(engine);
    world.client('a', async ({ driver, until, note }) => {
      const session = await driver.open();
      await until(2_000);
      note(await outcome(session.run([RAISE_1])));
    });
    world.at(1_000, () => world.kernel.pause(world.kernel.node('db')));
    world.at(3_000, () => world.kernel.resume(world.kernel.node('db')));
    expect(await world.run(10)).toEqual(['a ok @3000']);
  });
});

describe('many clients', () => {
  /** Each of three clients adds 1 to both rows 20 times, with a read before and a pause between, and retries. */
  async function contend(seed: string, drain: 'tick' | 'immediate'): Promise<DatabaseWorld> {
    const world = new DatabaseWorld(engine, seed, drain);
    for (const name of ['a', 'b', 'c']) {
      world.client(name, async ({ driver, until, note, process }) => {
        const session = await driver.open();
        for (let done = 0; done < 20;) {
          const isDone = await outcome(addOne(session));
          if (isDone === 'ok') done += 1;
          else await session.run([ROLLBACK]);
          await until(process.monotonicMs() % 7);
        }
        note('done');
      });
    }
    await world.run(60);
    return world;
  }

  test('lose no update, whatever the interleaving', async () => {
    let failures = 0;
    for (const seed of ['1', '2', '3', '4', '5']) {
      const world = await contend(seed, 'tick');
      expect(world.notes).toHaveLength(3);
      expect(world.epoch(1)).toBe(65);
      expect(world.epoch(2)).toBe(65);
      failures += world.server.stats.serializationFailures;
    }
    expect(failures).toBeGreaterThan(50);
  });

  test('give the same trace again, and under the other way of draining', async () => {
    const hashes = new Set<string>();
    for (const drain of ['tick', 'tick', 'immediate'] as const)
      hashes.add((await contend('1', drain)).kernel.trace.hash());
    expect(hashes.size).toBe(1);
  });
});

async function addOne(session: Parameters<typeof sql>[0]): Promise<void> {
  await session.run([BEGIN]);
  for (const id of [1, 2]) {
    const epoch = Number(
      (await sql(session, 'SELECT epoch FROM schedulers WHERE id = ?', id)).rows[0]?.['epoch'],
    );
    await sql(session, 'UPDATE schedulers SET epoch = ? WHERE id = ?', epoch + 1, id);
  }
  await session.run([COMMIT]);
}
