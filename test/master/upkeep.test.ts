// What a master does now and then: the tasks of one manager, which share round trips and do not wait for each other.

import { afterEach, beforeEach, expect, test } from 'vitest';
import { OPERATION_LIFE_S } from '../../src/db/operations.js';
import { MemoryDriver } from '../../src/db/sqlite/memory-driver.js';
import { Housekeeping } from '../../src/master/housekeeping.js';
import { OwnerWatch } from '../../src/master/owner-watch.js';
import { LONG_QUEUE, Upkeep } from '../../src/master/upkeep.js';
import { PeriodicTasks } from '../../src/periodic/periodic-tasks.js';
import { wallSeconds } from '../../src/runtime/clock.js';
import { Poll } from '../../src/services/poll.js';
import { Plane } from '../support/plane.js';

const HOUR_MS = 3_600_000;
const POLL_MS = 30_000;

let memory: MemoryDriver;
let plane: Plane;
let upkeep: Upkeep;
let looks: number;

beforeEach(async () => {
  memory = await MemoryDriver.create();
  plane = new Plane(memory);
  looks = 0;
  const { runtime, db, writer, updates } = plane;
  const { masterid } = await plane.join();
  const watch = new OwnerWatch(runtime.clock, 60_000);
  const housekeeping = new Housekeeping({ db, updates, logger: runtime.logger, masterid, watch });
  const poll = new Poll(runtime.logger);
  poll.add(() => void looks++);
  const ports = { runtime, db, writer, housekeeping, poll, PeriodicTasks };
  upkeep = new Upkeep({ ...ports, claimPollMs: POLL_MS });
  upkeep.start();
});

afterEach(() => memory.close());

test('results of operations are forgotten when they are a week old, however many, and not before', async () => {
  const now = wallSeconds(plane.runtime.clock) + HOUR_MS / 1_000;
  const ages = [0, OPERATION_LIFE_S - 60, OPERATION_LIFE_S, OPERATION_LIFE_S + 60];
  const rows = [
    ...ages.map((age) => [`age-${age}`, now - age] as const),
    ...Array.from({ length: 2_500 }, (_, i) => [`old-${i}`, now - 2 * OPERATION_LIFE_S] as const),
  ];
  const sql = "INSERT INTO operations (id, result, done_at) VALUES (?, 'null', ?)";
  await plane.db.database.batch(rows.map((values) => ({ sql, values })));
  await plane.runtime.clock.advance(HOUR_MS - 1);
  expect(await plane.count('operations')).toBe(rows.length);
  await plane.runtime.clock.advance(POLL_MS);
  expect(await plane.rows('SELECT id FROM operations ORDER BY done_at DESC')).toEqual([
    { id: 'age-0' },
    { id: `age-${OPERATION_LIFE_S - 60}` },
    { id: `age-${OPERATION_LIFE_S}` },
  ]);
});

test('a queue from which nobody takes anything is reported every hour, and kept', async () => {
  for (const name of ['long', 'short']) await plane.db.queues.register(name, ['changes', null, 'new']);
  await fill('long', LONG_QUEUE);
  await fill('short', LONG_QUEUE - 1);
  await plane.runtime.clock.advance(2 * HOUR_MS + POLL_MS);
  expect(plane.runtime.complaints).toHaveLength(2);
  expect(plane.runtime.complaints[0]).toMatch(
    /10000 messages wait in the queue 'long'; .* standin queue drop/,
  );
  expect(await plane.count('queue_messages')).toBe(2 * LONG_QUEUE - 1);
});

test('a look at nothing is one round trip for all that are due, once a claim poll', async () => {
  await plane.runtime.clock.advance(POLL_MS - 1);
  plane.driver.batches.length = 0;
  expect(looks).toBe(0);
  await plane.runtime.clock.advance(1);
  expect([looks, plane.driver.batches]).toEqual([1, ['SELECT SELECT']]);
});

test('an error is the end of no task: each says what went wrong, and comes again', async () => {
  await plane.runtime.clock.advance(HOUR_MS - POLL_MS);
  plane.driver.cut();
  await plane.runtime.clock.advance(2 * POLL_MS);
  for (const task of ['publishing', 'housekeeping', 'pruning']) {
    expect(plane.runtime.complaints).toContainEqual(
      expect.stringMatching(`^error: upkeep: periodic task ${task} failed: connection-lost`),
    );
  }
  const before = looks;
  await plane.runtime.clock.advance(POLL_MS);
  expect(looks).toBe(before + 1);
  const stopped = upkeep.stop();
  await plane.runtime.clock.advance(POLL_MS); // attempts under way end
  await stopped;
  expect(plane.runtime.clock.pending).toBe(0);
});

test('dead masters are looked for at once when an owner was ended', async () => {
  await plane.runtime.clock.advance(1_000);
  plane.driver.batches.length = 0;
  upkeep.keepHouse();
  await plane.runtime.clock.advance(0);
  expect(plane.driver.batches).toEqual(['SELECT']);
});

test('published events are forgotten with a heartbeat, and that costs nothing when there are none', async () => {
  await plane.runtime.clock.advance(1_000);
  const ids = await plane.writer.takeIds(1);
  const event = { key: ['masters', '1', 'started'], body: {} };
  await plane.db.database.transaction(async (tx) => plane.writer.announce(tx, [event], ids));
  expect(await plane.count('events')).toBe(1);
  upkeep.forget();
  await plane.runtime.clock.advance(0);
  expect(await plane.count('events')).toBe(0);
  plane.driver.batches.length = 0;
  upkeep.forget();
  await plane.runtime.clock.advance(0);
  expect(plane.driver.batches).toEqual([]);
});

async function fill(queue: string, count: number): Promise<void> {
  const sql = `WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${count})
               INSERT INTO queue_messages (queueid, routing_key, body)
               SELECT q.id, '[]', '{}' FROM numbers CROSS JOIN queues q WHERE q.name = ?`;
  await plane.db.database.batch([{ sql, values: [queue] }]);
}
