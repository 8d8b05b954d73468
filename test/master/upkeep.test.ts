// What a master does once an hour so that its database does not grow for ever.

import { afterEach, beforeEach, expect, test } from 'vitest';
import { OPERATION_LIFE_S } from '../../src/db/operations.js';
import { MemoryDriver } from '../../src/db/sqlite/memory-driver.js';
import { LONG_QUEUE, Upkeep } from '../../src/master/upkeep.js';
import { wallSeconds } from '../../src/runtime/clock.js';
import { Poll } from '../../src/services/poll.js';
import { Plane } from '../support/plane.js';

const HOUR_MS = 3_600_000;
const POLL_MS = 30_000;

let memory: MemoryDriver;
let plane: Plane;
let upkeep: Upkeep;

beforeEach(async () => {
  memory = await MemoryDriver.create();
  plane = new Plane(memory);
  upkeep = new Upkeep(plane.runtime, plane.db, new Poll(plane.runtime, POLL_MS));
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

test('a database that cannot be reached puts it off, and it ends when its master stops', async () => {
  plane.driver.cut();
  await plane.runtime.clock.advance(HOUR_MS + 2 * POLL_MS);
  expect(plane.runtime.complaints).toEqual([
    expect.stringMatching(/upkeep is put off by an hour: connection-lost/),
  ]);
  upkeep.stop();
  expect(plane.runtime.clock.pending).toBe(0);
});

async function fill(queue: string, count: number): Promise<void> {
  const sql = `WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${count})
               INSERT INTO queue_messages (queueid, routing_key, body)
               SELECT q.id, '[]', '{}' FROM numbers CROSS JOIN queues q WHERE q.name = ?`;
  await plane.db.database.batch([{ sql, values: [queue] }]);
}
