// WampMQ between several masters, and over a router that goes away, comes back, falls silent or talks nonsense.

import { describe, expect, test } from 'vitest';
import type { MessageCallback, MessageQueue } from '../../src/mq/message-queue.js';
import type { WampMQ } from '../../src/mq/wamp-queue.js';
import { codeOf, QueueWorld, type Host, type WorldOptions } from './queue-world.js';

/** Adds the `n` of each message to `list`. */
function into(list: unknown[]): MessageCallback {
  return (_key, body) => void list.push(body['n']);
}

/** A world with its router up. */
function worldWithRouter(options?: WorldOptions): QueueWorld {
  const world = new QueueWorld(options);
  world.router.start();
  return world;
}

async function started(host: Host, options?: Parameters<Host['wamp']>[0]): Promise<WampMQ> {
  const queue = host.wamp(options);
  await queue.start();
  return queue;
}

async function untilConnected(host: Host, queue: MessageQueue, isConnected = true): Promise<void> {
  while (queue.isConnected !== isConnected) await host.waitMs(50);
}

describe('WampMQ', () => {
  test('carries messages between masters, and back to the one that sent them', async () => {
    const world = worldWithRouter();
    const heard: Record<string, unknown[]> = { 'master-a': [], 'master-b': [] };
    for (const [name, list] of Object.entries(heard)) {
      world.master(name, async (host) => {
        const queue = await started(host);
        await queue.startConsuming(into(list), ['from', null]);
        await host.waitMs(1_000);
        queue.produce(['from', name], { n: name });
        await host.waitMs(1_000);
        await queue.stop();
        expect(host.complaints).toEqual([]);
      });
    }
    await world.run(10_000);
    for (const list of Object.values(heard)) expect(new Set(list)).toEqual(new Set(['master-a', 'master-b']));
    for (const list of Object.values(heard)) expect(list).toHaveLength(2);
  });

  test('sends what was produced just before a clean stop', async () => {
    const world = worldWithRouter();
    const heard: unknown[] = [];
    world.master('listener', async (host) => {
      const queue = await started(host);
      await queue.startConsuming(into(heard), ['a']);
      await host.waitMs(5_000);
    });
    world.master('leaving', async (host) => {
      const queue = await started(host);
      await host.waitMs(1_000);
      queue.produce(['a'], { n: 'last words' });
      await queue.stop();
    });
    await world.run(10_000);
    expect(heard).toEqual(['last words']);
  });

  test('starts without a router, says so, and signals a reload once it is there', async () => {
    const world = new QueueWorld();
    world.atMs(30_000, () => world.router.start());
    world.master('master-a', async (host) => {
      const queue = await started(host);
      const heard: unknown[] = [];
      let reloads = 0;
      queue.onReconnected(() => reloads++);
      expect(queue.isConnected).toBe(false);
      expect(host.complaints).toHaveLength(1);
      queue.produce(['a'], { n: 'buffered' });
      expect(await codeOf(queue.startConsuming(into(heard), ['a']))).toBe('queue-timeout');
      expect(host.process.monotonicMs()).toBeLessThan(140_000);
      await untilConnected(host, queue);
      expect(reloads).toBe(1);
      const again: unknown[] = [];
      await queue.startConsuming(into(again), ['a']);
      queue.produce(['a'], { n: 1 });
      await host.waitMs(1_000);
      // The consumer whose start was refused is not left behind.
      expect([heard, again]).toEqual([[], [1]]);
    });
    await world.run(60_000);
  });

  test('connects within seconds of the router’s return', async () => {
    const world = worldWithRouter();
    world.restartRouterAtMs(5_000, 300_000);
    let backAtMs = 0;
    world.master('master-a', async (host) => {
      const queue = await started(host);
      await host.waitMs(100_000);
      await untilConnected(host, queue);
      backAtMs = world.kernel.nowUs / 1_000;
    });
    await world.run(400_000);
    expect(backAtMs).toBeGreaterThan(300_000);
    expect(backAtMs).toBeLessThan(304_500);
  });

  test('restores all subscriptions after a restart of the router, before it signals a reload', async () => {
    const world = worldWithRouter();
    world.restartRouterAtMs(5_000, 9_000);
    const heard: unknown[] = [];
    world.master('master-a', async (host) => {
      const queue = await started(host);
      const filters = [['a'], [null], ['x', null], ['x', null, null], [null, null, 'y'], ['x', '', 'y']];
      for (const filter of filters) await queue.startConsuming(into(heard), filter);
      let reloads = 0;
      queue.onReconnected(() => {
        reloads++;
        queue.produce(['x', '', 'y'], { n: 'from the listener' });
      });
      await host.waitMs(7_000);
      expect(queue.isConnected).toBe(false);
      queue.produce(['a'], { n: 'buffered' });
      await host.waitMs(10_000);
      expect(reloads).toBe(1);
      expect(queue.statistics).toEqual({ sessions: 2, dropped: 0, unconfirmed: 0, ignored: 0 });
    });
    await world.run(60_000);
    expect(heard.filter((n) => n === 'buffered')).toHaveLength(2);
    expect(heard.filter((n) => n === 'from the listener')).toHaveLength(3);
  });

  test('answers a subscription that was under way when the router crashed from the next session', async () => {
    const world = worldWithRouter();
    const heard: unknown[] = [];
    world.master('master-a', async (host) => {
      const queue = await started(host);
      world.atMs(5_000, () => world.kernel.crash(world.router.node, 'test'));
      world.atMs(8_000, () => world.router.start());
      await host.waitMs(4_999 - world.kernel.nowUs / 1_000);
      await queue.startConsuming(into(heard), ['a']);
      queue.produce(['a'], { n: 1 });
      await host.waitMs(1_000);
    });
    await world.run(30_000);
    expect(heard).toEqual([1]);
  });

  test('unsubscribes at the router when the last consumer of a filter stops, every time', async () => {
    const world = worldWithRouter();
    world.master('master-a', async (host) => {
      const queue = await started(host);
      const deliveries: number[] = [];
      for (let round = 0; round < 3; round++) {
        const references = [
          await queue.startConsuming(() => undefined, ['a', null]),
          await queue.startConsuming(() => undefined, ['a', null]),
        ];
        for (const reference of references) {
          await reference.stopConsuming();
          await host.waitMs(1_000);
          queue.produce(['a', 'b'], {});
          await host.waitMs(1_000);
          deliveries.push(world.router.statistics.delivered);
        }
      }
      expect(deliveries).toEqual([1, 1, 2, 2, 3, 3]);
    });
    await world.run(60_000);
  });

  test('drops and counts what does not fit into the buffer', async () => {
    const world = worldWithRouter();
    world.restartRouterAtMs(5_000, 10_000);
    const heard: unknown[] = [];
    world.master('master-a', async (host) => {
      const queue = await started(host, { maxBuffered: 3 });
      await queue.startConsuming(into(heard), ['a']);
      await host.waitMs(7_000);
      for (let n = 0; n < 5; n++) queue.produce(['a'], { n });
      expect(queue.statistics.dropped).toBe(2);
      await untilConnected(host, queue);
      await host.waitMs(1_000);
      expect(host.complaints.filter((line) => line.includes('dropped'))).toHaveLength(1);
    });
    await world.run(30_000);
    expect(heard).toEqual([0, 1, 2]);
  });

  test.each([true, false])('asks for an acknowledgement only when told so: %s', async (acknowledge) => {
    const world = new QueueWorld();
    const said: unknown[][] = [];
    world.kernel.start(world.router.node, (process) => {
      world.network.listen(process, 'wamp', (socket) => {
        socket.onData((text) => {
          const message = JSON.parse(text) as unknown[];
          if (message[0] === 1) socket.send('[2,1,{"roles":{"broker":{"features":{}}}}]');
          if (message[0] === 6) socket.send('[6,{},"wamp.close.goodbye_and_out"]');
          if (message[0] === 16) said.push(message.slice(1));
        });
      });
    });
    world.master('master-a', async (host) => {
      const queue = await started(host, { acknowledge });
      for (let n = 0; n < 2; n++) queue.produce(['a'], { n });
      await host.waitMs(1_000);
      await queue.stop();
      // This router never answers: what needs no answer is done with when it was sent, the rest when the session ends.
      expect(queue.statistics.unconfirmed).toBe(acknowledge ? 2 : 0);
    });
    await world.run(10_000);
    const options = { ...(acknowledge ? { acknowledge } : {}), exclude_me: false };
    expect(said).toEqual([0, 1].map((n) => [n + 1, options, 'org.standin.mq.a', [{ n }]]));
  });

  test('notices a router that has fallen silent, and finds it again', async () => {
    const world = worldWithRouter();
    world.atMs(20_000, () => world.kernel.pause(world.router.node));
    world.atMs(120_000, () => world.kernel.resume(world.router.node));
    const heard: unknown[] = [];
    world.master('master-a', async (host) => {
      const queue = await started(host);
      await queue.startConsuming(into(heard), ['a']);
      await untilConnected(host, queue, false);
      const noticedMs = world.kernel.nowUs / 1_000;
      expect(noticedMs).toBeGreaterThan(20_000);
      expect(noticedMs).toBeLessThan(80_500);
      await untilConnected(host, queue);
      expect(world.kernel.nowUs / 1_000).toBeLessThan(124_500);
      queue.produce(['a'], { n: 'after' });
      await host.waitMs(2_000);
    });
    await world.run(200_000);
    expect(heard).toEqual(['after']);
  });

  test.each([
    ['from the master to the router', 'master-a', 'router'],
    ['from the router to the master', 'router', 'master-a'],
  ])('survives a partition %s', async (_what, from, to) => {
    const world = worldWithRouter();
    const heard: unknown[] = [];
    world.master('master-a', async (host) => {
      const undo = world.network.block.bind(world.network, from, to);
      world.atMs(10_000, () => {
        const unblock = undo();
        world.atMs(60_000, unblock);
      });
      const queue = await started(host);
      await queue.startConsuming(into(heard), ['a']);
      await untilConnected(host, queue, false);
      expect(world.kernel.nowUs / 1_000).toBeLessThan(25_000);
      await host.waitMs(30_000);
      await untilConnected(host, queue);
      expect(world.kernel.nowUs / 1_000).toBeLessThan(65_500);
      queue.produce(['a'], { n: 'after' });
      await host.waitMs(2_000);
    });
    await world.run(120_000);
    expect(heard).toEqual(['after']);
  });

  test('a listener whose connection only the router has given up notices, says so, and hears again', async () => {
    const world = worldWithRouter();
    world.atMs(20_000, () => expect(world.network.halfClose('router', 'master-a')).toBe(1));
    const heard: unknown[] = [];
    let reloads = 0;
    world.master('master-a', async (host) => {
      const queue = await started(host);
      queue.onReconnected(() => void reloads++);
      await queue.startConsuming(into(heard), ['a']);
      await untilConnected(host, queue, false);
      expect(world.kernel.nowUs / 1_000).toBeLessThan(50_500);
      await untilConnected(host, queue);
      expect(host.complaints).toEqual([expect.stringContaining('nothing is heard until it is back')]);
      await host.waitMs(10_000);
    });
    world.master('master-b', async (host) => {
      const queue = await started(host);
      await host.waitMs(55_000);
      queue.produce(['a'], { n: 'after' });
      await host.waitMs(1_000);
    });
    await world.run(90_000);
    expect([heard, reloads]).toEqual([['after'], 1]);
  });

  test('keeps a session that is idle for hours', async () => {
    const world = worldWithRouter({ profile: 'wan' });
    world.master('master-a', async (host) => {
      const queue = await started(host);
      await host.waitMs(4 * 3_600_000);
      expect(queue.isConnected).toBe(true);
      expect(queue.statistics.sessions).toBe(1);
    });
    await world.run(5 * 3_600_000);
  });

  test('survives twenty restarts of the router under load, and hears everything produced afterwards', async () => {
    const world = worldWithRouter({ profile: 'flaky' });
    for (let i = 0; i < 20; i++) world.restartRouterAtMs(10_000 + i * 20_000, 10_000 + i * 20_000 + i * 400);
    const heard = [new Set<unknown>(), new Set<unknown>()];
    for (const [i, set] of heard.entries()) {
      world.master(`listener-${i}`, async (host) => {
        const queue = await started(host);
        let reloads = 0;
        queue.onReconnected(() => reloads++);
        await queue.startConsuming((_key, body) => void set.add(body['n']), ['load', null]);
        await host.waitMs(440_000);
        expect(queue.isConnected).toBe(true);
        expect(reloads).toBe(queue.statistics.sessions - 1);
        await queue.stop();
      });
    }
    const afterwards: number[] = [];
    world.master('producer', async (host) => {
      const queue = await started(host);
      for (let n = 0; n < 4_200; n++) {
        queue.produce(['load', String(n)], { n });
        if (world.kernel.nowUs > 415_000_000) afterwards.push(n);
        await host.waitMs(100);
      }
      await host.waitMs(2_000);
    });
    await world.run(500_000);
    expect(afterwards.length).toBeGreaterThan(30);
    for (const set of heard) {
      expect(afterwards.filter((n) => !set.has(n))).toEqual([]);
      expect(set.size).toBeGreaterThan(3_000);
    }
  });

  test('stops quickly and for good, whatever the router does', async () => {
    const world = new QueueWorld();
    world.master('never-connected', async (host) => {
      const queue = host.wamp();
      const starting = queue.start();
      const consuming = codeOf(queue.startConsuming(() => undefined, ['a']));
      await host.waitMs(500);
      queue.produce(['a'], {});
      await queue.stop();
      await starting;
      expect(await consuming).toBe('queue-stopped');
      expect(world.kernel.nowUs).toBeLessThan(600_000);
      expect(queue.statistics.dropped).toBe(1);
    });
    world.atMs(2_000, () => world.router.start());
    world.atMs(3_000, () => {
      world.master('router-paused', async (host) => {
        const queue = await started(host);
        world.atMs(world.kernel.nowUs / 1_000 + 1_000, () => world.kernel.pause(world.router.node));
        await host.waitMs(2_000);
        await queue.stop();
        expect(world.kernel.nowUs).toBeLessThan(8_000_000);
      });
    });
    await world.run(60_000);
    const eventsThen = world.kernel.eventCount;
    await world.run(600_000);
    expect(world.kernel.eventCount - eventsThen).toBeLessThan(10);
  });

  test('asks again when the connection breaks during a wait for an event', async () => {
    const world = worldWithRouter();
    world.restartRouterAtMs(5_000, 6_000);
    world.master('master-a', async (host) => {
      const queue = await started(host);
      let isThere = false;
      const waiting = queue.waitUntilEvent(['a'], () => Promise.resolve(isThere));
      await host.waitMs(5_500);
      isThere = true;
      expect(await waiting).toBeNull();
    });
    await world.run(30_000);
  });

  test.each([
    [{ url: 'http://router/' }, 'ws://'],
    [{ realm: '' }, 'realm'],
    [{ maxBuffered: 0 }, 'maxBuffered'],
    [{ topicPrefix: 'wamp.x' }, 'prefix'],
  ])('refuses the configuration %j', async (options, text) => {
    const world = new QueueWorld();
    world.master('master-a', async (host) => {
      expect(() => host.wamp(options)).toThrow(text);
      await Promise.resolve();
    });
    await world.run(1_000);
  });
});
