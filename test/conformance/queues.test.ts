// Durable queues as those see them who look after a database.

import { expect, test } from 'vitest';
import { onEachDatabase } from './databases.js';

onEachDatabase('durable queues', (run) => {
  test('are listed with what waits in them, by name', () =>
    run(async ({ db, updates }) => {
      expect(await db.queues.list()).toEqual([]);
      await db.queues.register('b', ['changes', null, 'new']);
      await db.queues.register('a', ['masters', null, null]);
      await updates.addChange({ author: 'me' }, '1');
      await updates.addChange({ author: 'me' }, '2');
      expect(await db.queues.list()).toEqual([
        { name: 'a', filter: ['masters', null, null], waiting: 0 },
        { name: 'b', filter: ['changes', null, 'new'], waiting: 2 },
      ]);
    }));

  test('hold nothing that was acknowledged', () =>
    run(async (environment) => {
      const { db, updates } = environment;
      await db.queues.register('q', ['changes', null, 'new']);
      await updates.addChange({ author: 'me' }, '1');
      const [message] = await db.queues.peek('q', { afterId: 0, limit: 1 });
      await db.queues.acknowledge(message?.id ?? 0);
      expect(await environment.rows('SELECT id FROM queue_messages')).toEqual([]);
    }));

  test('that are dropped are gone with what waits in them, and nothing is queued for them any more', () =>
    run(async (environment) => {
      const { db, updates } = environment;
      for (const name of ['gone', 'kept']) await db.queues.register(name, ['changes', null, 'new']);
      await updates.addChange({ author: 'me' }, '1');
      expect(await db.queues.drop('gone')).toBe(1);
      expect(await db.queues.drop('gone')).toBeNull();
      await updates.addChange({ author: 'me' }, '2');
      expect(await db.queues.list()).toEqual([
        { name: 'kept', filter: ['changes', null, 'new'], waiting: 2 },
      ]);
      expect(await environment.rows('SELECT COUNT(*) AS count FROM queue_messages')).toEqual([{ count: 2 }]);
    }));
});
