// The router as a node: conditions on deliveries, and determinism of runs with them.

import { describe, expect, test } from 'vitest';
import { QueueWorld, type WorldOptions } from './queue-world.js';

const MESSAGES = 400;

/** A producer and a listener; gives what was heard, in order. */
async function chat(world: QueueWorld): Promise<number[]> {
  const heard: number[] = [];
  world.router.start();
  world.master('listener', async (host) => {
    const queue = host.wamp();
    await queue.start();
    await queue.startConsuming((_key, body) => void heard.push(Number(body['n'])), ['a']);
    await host.waitMs(60_000);
    await queue.stop();
  });
  world.master('producer', async (host) => {
    const queue = host.wamp();
    await queue.start();
    await host.waitMs(2_000);
    for (let n = 0; n < MESSAGES; n++) {
      queue.produce(['a'], { n });
      await host.waitMs(20);
    }
  });
  await world.run(100_000);
  return heard;
}

const inOrder = [...Array(MESSAGES).keys()];

describe('RouterNode', () => {
  test('delivers everything once and in order without conditions', async () => {
    const world = new QueueWorld();
    expect(await chat(world)).toEqual(inOrder);
    expect(world.router.statistics).toEqual({
      delivered: MESSAGES,
      dropped: 0,
      duplicated: 0,
      delayed: 0,
      reordered: 0,
      forgotten: 0,
      backlogged: 0,
      starts: 1,
    });
  });

  test('drops about as many deliveries as it is told, until the undo', async () => {
    const world = new QueueWorld();
    const undo = world.router.setDrop(500_000);
    world.atMs(6_000, undo);
    const heard = await chat(world);
    expect(heard.length).toBe(MESSAGES - world.router.statistics.dropped);
    expect(world.router.statistics.dropped).toBeGreaterThan(50);
    expect(heard.slice(-100)).toEqual(inOrder.slice(-100));
  });

  test('doubles deliveries', async () => {
    const world = new QueueWorld();
    world.router.setDuplicate(200_000);
    const heard = await chat(world);
    expect(world.router.statistics.duplicated).toBeGreaterThan(40);
    expect(heard.length).toBe(MESSAGES + world.router.statistics.duplicated);
    expect([...new Set(heard)].sort((a, b) => a - b)).toEqual(inOrder);
  });

  test('delays deliveries so that others overtake them', async () => {
    const world = new QueueWorld();
    world.router.setDelay(200_000, 5_000);
    const heard = await chat(world);
    expect(world.router.statistics.delayed).toBeGreaterThan(40);
    expect(heard).not.toEqual(inOrder);
    expect([...heard].sort((a, b) => a - b)).toEqual(inOrder);
  });

  test('makes a run a function of its seed, whichever way it drains', async () => {
    const hashOf = async (options: WorldOptions): Promise<string> => {
      const world = new QueueWorld({ profile: 'flaky', ...options });
      world.router.setDrop(50_000);
      world.router.setDelay(50_000, 5_000);
      world.router.setDuplicate(50_000);
      world.restartRouterAtMs(4_000, 5_000);
      await chat(world);
      return world.kernel.trace.hash();
    };
    const hash = await hashOf({ seed: 'one' });
    expect(await hashOf({ seed: 'one' })).toBe(hash);
    expect(await hashOf({ seed: 'one', drain: 'immediate' })).toBe(hash);
    expect(await hashOf({ seed: 'other' })).not.toBe(hash);
  });
});
