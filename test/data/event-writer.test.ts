// Events: published after their commit, forgotten once published, and published by another when their writer died.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { StandinError } from '../../src/core/errors.js';
import { DatabaseError } from '../../src/db/driver.js';
import { MemoryDriver } from '../../src/db/sqlite/memory-driver.js';
import { SimpleMQ } from '../../src/mq/simple-queue.js';
import { Plane } from '../support/plane.js';
import { TestRuntime } from '../support/test-runtime.js';

const EVENT = { key: ['things', '1', 'new'], body: { id: 1 } };

let memory: MemoryDriver;
let plane: Plane;

beforeEach(async () => {
  memory = await MemoryDriver.create();
  plane = new Plane(memory);
  await plane.listen(['things', null, 'new'], ['changes', null, 'new']);
});

afterEach(() => memory.close());

describe('publishing', () => {
  test('an event is published when its transaction has committed, and stays in the outbox until the next heartbeat', async () => {
    await announce(plane);
    await plane.runtime.clock.advance(0);
    expect(plane.published).toEqual(['things/1/new']);
    expect(await plane.count('events')).toBe(1);
    await heartbeat(plane);
    expect(await plane.count('events')).toBe(0);
    expect(plane.published).toHaveLength(1);
  });

  test('an event of a transaction that failed is neither stored nor published', async () => {
    const ids = await plane.writer.takeIds(1);
    const failed = plane.db.database.transaction(async (tx) => {
      plane.writer.announce(tx, [EVENT], ids);
      throw new StandinError('my-own', 'no');
    });
    await expect(failed).rejects.toMatchObject({ code: 'my-own' });
    await plane.runtime.clock.advance(0);
    expect(plane.published).toEqual([]);
    expect(await plane.count('events')).toBe(0);
  });

  test('events that were published once are forgotten later when the database does not answer', async () => {
    await announce(plane);
    plane.driver.interfere((batch) => {
      if (batch.some(({ sql }) => sql.startsWith('DELETE FROM events'))) {
        throw new DatabaseError('constraint-violation', 'not now');
      }
    });
    await expect(heartbeat(plane)).rejects.toMatchObject({ code: 'constraint-violation' });
    plane.driver.interfere(() => undefined);
    await heartbeat(plane);
    expect(await plane.count('events')).toBe(0);
    expect(plane.published).toHaveLength(1);
  });
});

describe('the events of a writer that died', () => {
  test('are published by another master that sees them at two heartbeats in a row, and forgotten at the third', async () => {
    const runtime = new TestRuntime();
    const dead = new Plane(memory, runtime, new SimpleMQ(runtime));
    await announce(dead);
    await heartbeat(plane);
    await plane.runtime.clock.advance(0);
    expect(plane.published).toEqual([]);
    await heartbeat(plane);
    await plane.runtime.clock.advance(0);
    expect(plane.published).toEqual(['things/1/new']);
    expect(await plane.count('events')).toBe(0);
  });

  test('are left alone when their writer forgets them between the two heartbeats', async () => {
    const runtime = new TestRuntime();
    const living = new Plane(memory, runtime, new SimpleMQ(runtime));
    await announce(living);
    await heartbeat(plane);
    await heartbeat(living);
    await heartbeat(plane);
    await plane.runtime.clock.advance(0);
    expect(plane.published).toEqual([]);
  });

  test('are published in the order of their ids', async () => {
    const dead = new Plane(memory);
    for (const key of ['a', 'b']) await dead.updates.addChange({ author: key }, key);
    await heartbeat(plane);
    await heartbeat(plane);
    await plane.runtime.clock.advance(0);
    expect(plane.published).toEqual(['changes/1/new', 'changes/2/new']);
  });
});

describe('durable queues', () => {
  test('hold what matches their filter, word by word, in the order of the commits', async () => {
    const filters = [
      ['things', null, 'new'],
      ['things', '1', null],
      ['things', '2', 'new'],
      ['things', null],
    ];
    for (const filter of filters) await plane.db.schedulers.findSchedulerId(filter.join(), [filter]);
    await announce(plane);
    const rows = await plane.rows(
      'SELECT q.filter FROM queue_messages m JOIN queues q ON q.id = m.queueid ORDER BY m.id',
    );
    expect(rows.map(({ filter }) => filter)).toEqual(['["things",null,"new"]', '["things","1",null]']);
  });

  test('are read in order, after a given message, at most so many', async () => {
    await plane.db.schedulers.findSchedulerId('s', [['changes', null, 'new']]);
    for (const key of ['a', 'b', 'c']) await plane.updates.addChange({ author: key }, key);
    const peek = async (afterId: number, limit: number): Promise<readonly unknown[]> =>
      (await plane.db.queues.peek('scheduler:1:changes.*.new', { afterId, limit })).map(({ id, key }) => [
        id,
        key[1],
      ]);
    expect(await peek(0, 2)).toEqual([
      [1, '1'],
      [2, '2'],
    ]);
    expect(await peek(2, 2)).toEqual([[3, '3']]);
  });
});

async function announce(by: Plane): Promise<void> {
  const ids = await by.writer.takeIds(1);
  await by.db.database.transaction(async (tx) => by.writer.announce(tx, [EVENT], ids));
}

/** What a master does once a heartbeat. */
async function heartbeat(of: Plane): Promise<void> {
  await of.writer.publishOrphans();
  await of.writer.forgetPublished();
}
