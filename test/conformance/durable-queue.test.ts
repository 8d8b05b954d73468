// What durable queues of both kinds must do.

import { afterEach, describe, expect, test } from 'vitest';
import { StandinError } from '../../src/core/errors.js';
import type { DurableCallback } from '../../src/mq/message-queue.js';
import { settled } from '../support/manual-clock.js';
import { databasePlant, memoryPlant, type DurablePlant } from './durable-plants.js';

const FILTER = ['a', null];

/** Adds the `n` of each message to `list`. */
function into(list: unknown[]): DurableCallback {
  return (_key, body) => void list.push(body['n']);
}

describe.each([
  ['SimpleMQ', memoryPlant],
  ['the database', () => databasePlant()],
  ['the database without hints', () => databasePlant(true)],
] as const)('durable queues of %s', (_name, makePlant) => {
  let plant: DurablePlant;
  const make = async (): Promise<DurablePlant> => (plant = await makePlant());
  afterEach(() => plant.close());

  test('keep what is produced while nobody consumes, in order, and give it before what is new', async () => {
    const { produce, consume, pass } = await make();
    const heard: unknown[] = [];
    const first = await consume(into(heard), FILTER, 'mine');
    await first.stopConsuming();
    for (let n = 0; n < 250; n++) await produce(['a', String(n)], n);
    await consume(into(heard), FILTER, 'mine');
    await produce(['a', 'new'], 250);
    await pass(31_000);
    expect(heard).toEqual([...Array(251).keys()]);
  });

  test('hold nothing from before their registration, and only what their filter matches', async () => {
    const { produce, consume, pass } = await make();
    const heard: unknown[] = [];
    await produce(['a', 'x'], 0);
    await consume(into(heard), FILTER, 'mine');
    await produce(['a', 'x'], 1);
    await produce(['b', 'x'], 2);
    await produce(['a', 'x', 'y'], 3);
    await pass(31_000);
    expect(heard).toEqual([1]);
  });

  test('give each of several queues every message, and one that is answered in the callback after the backlog', async () => {
    const { produce, consume, pass } = await make();
    const [one, other]: [unknown[], unknown[]] = [[], []];
    await (await consume(into(one), FILTER, 'one')).stopConsuming();
    await consume(into(other), ['a', 'x'], 'other');
    for (const n of [1, 2]) await produce(['a', 'x'], n);
    await consume(
      async (key, body, delivery) => {
        await into(one)(key, body, delivery);
        if (body['n'] === 1) await produce(['a', 'x'], 3);
      },
      FILTER,
      'one',
    );
    await pass(61_000);
    expect([one, other]).toEqual([
      [1, 2, 3],
      [1, 2, 3],
    ]);
  });

  test('give a message again that the callback failed on, after a pause, and before anything younger', async () => {
    const { produce, consume, pass, runtime } = await make();
    const heard: unknown[] = [];
    let failures = 2;
    await consume(
      (key, body, delivery) => {
        void into(heard)(key, body, delivery);
        if (failures-- > 0) throw new StandinError('failed', 'on purpose');
      },
      FILTER,
      'mine',
    );
    for (const n of [1, 2]) await produce(['a', 'x'], n);
    await pass(60_000);
    expect(heard).toEqual([1, 1, 1, 2]);
    expect(runtime.complaints.filter((line) => line.includes('failed: on purpose'))).toHaveLength(2);
  });

  test('give one message at a time, and freeze it', async () => {
    const { produce, consume, pass } = await make();
    const log: string[] = [];
    await consume(
      async (key, body, { id }) => {
        expect(() => Object.assign(body, { n: 7 })).toThrow(TypeError);
        expect(() => Object.assign(key, { 0: 'b' })).toThrow(TypeError);
        expect(id).toBeGreaterThan(0);
        log.push(`began ${Number(body['n'])}`);
        await settled();
        log.push(`ended ${Number(body['n'])}`);
      },
      FILTER,
      'mine',
    );
    for (const n of [1, 2]) await produce(['a', 'x'], n);
    for (let i = 0; i < 10; i++) await pass(31_000);
    expect(log).toEqual(['began 1', 'ended 1', 'began 2', 'ended 2']);
  });

  test('start no callback once stopConsuming was called, which waits for the one that runs', async () => {
    const { produce, consume, pass } = await make();
    const log: unknown[] = [];
    let end = (): void => undefined;
    const reference = await consume(
      (_key, body) => {
        log.push(body['n']);
        return new Promise<void>((resolve) => (end = resolve));
      },
      FILTER,
      'mine',
    );
    for (const n of [1, 2]) await produce(['a', 'x'], n);
    await pass(31_000);
    void reference.stopConsuming().then(() => log.push('stopped'));
    await pass(1_000);
    expect(log).toEqual([1]);
    end();
    await pass(60_000);
    expect(log).toEqual([1, 'stopped']);
    const again: unknown[] = [];
    await consume(into(again), FILTER, 'mine');
    await pass(31_000);
    expect(again).toEqual([2]);
  });

  test('do not wait in stopConsuming for the callback that calls it', async () => {
    const { produce, consume, pass } = await make();
    const log: unknown[] = [];
    const own: { stop?: () => Promise<void> } = {};
    const reference = await consume(
      async (_key, body) => {
        await own.stop?.();
        log.push(body['n']);
      },
      FILTER,
      'mine',
    );
    own.stop = () => reference.stopConsuming();
    for (const n of [1, 2]) await produce(['a', 'x'], n);
    await pass(31_000);
    expect(log).toEqual([1]);
    const again: unknown[] = [];
    await consume(into(again), FILTER, 'mine');
    await pass(31_000);
    expect(again).toEqual([2]);
  });

  test('have one consumer each, of one filter, under a name', async () => {
    const { consume } = await make();
    const ignore: DurableCallback = () => undefined;
    const reference = await consume(ignore, FILTER, 'mine');
    await expect(consume(ignore, FILTER, 'mine')).rejects.toMatchObject({ code: 'queue-in-use' });
    await reference.stopConsuming();
    await expect(consume(ignore, ['a', 'b'], 'mine')).rejects.toThrow(
      `the durable queue 'mine' is registered for a.*, expected a.b`,
    );
    await expect(consume(ignore, FILTER, '')).rejects.toMatchObject({ code: 'bad-queue-name' });
    await expect(consume(ignore, [], 'mine')).rejects.toMatchObject({ code: 'bad-filter' });
    await expect(consume(null as never, FILTER, 'mine')).rejects.toMatchObject({ code: 'bad-callback' });
    await (await consume(ignore, FILTER, 'mine')).stopConsuming();
  });
});

describe('durable queues of the database', () => {
  test('give a message to nobody once the consumer has acknowledged it in a transaction of its own', async () => {
    const plant = await databasePlant();
    const heard: unknown[] = [];
    const codes: string[] = [];
    await plant.consume(
      async (_key, body, delivery) => {
        heard.push(body['n']);
        await plant.consumeInTransaction?.(delivery, body['n'] === 2);
        if (body['n'] === 1) throw new StandinError('late', 'after the commit');
        if (body['n'] !== 3) return;
        // Once more, as a second consumer that was given it too would.
        await plant
          .consumeInTransaction?.(delivery, false)
          .catch((error: StandinError) => codes.push(error.code));
      },
      ['a', null],
      'mine',
    );
    for (const n of [1, 2, 3]) await plant.produce(['a', 'x'], n);
    await plant.pass(120_000);
    expect(heard).toEqual([1, 2, 3]);
    expect(codes).toEqual(['message-gone']);
    await plant.close();
  });

  test('give a message again after a crash before its acknowledgement, and no other', async () => {
    const plant = await databasePlant();
    const heard: unknown[] = [];
    await plant.consume(
      (_key, body) => {
        heard.push(body['n']);
        return body['n'] === 1 ? new Promise(() => undefined) : undefined;
      },
      ['a', null],
      'mine',
    );
    for (const n of [0, 1, 2]) await plant.produce(['a', 'x'], n);
    await plant.pass(1_000);
    await plant.crash?.();
    const again: unknown[] = [];
    await plant.consume(into(again), ['a', null], 'mine');
    await plant.pass(31_000);
    expect([heard, again]).toEqual([
      [0, 1],
      [1, 2],
    ]);
    await plant.close();
  });
});
