// WampMQ over a router that talks nonsense, or refuses.

import { describe, expect, test } from 'vitest';
import { codeOf, QueueWorld } from './queue-world.js';

const welcome = '[2,1,{"roles":{"broker":{"features":{}}}}]';

/** Grants the first subscription, and answers the first probe with an event whose details are null. */
function failingEvent(text: string): string {
  if (text.startsWith('[1,')) return welcome;
  return text.startsWith('[32,') ? '[33,1,5]' : '[36,5,1,null]';
}

describe('WampMQ over a strange router', () => {
  test.each([
    ['no JSON', () => 'x'],
    ['no message', () => '{}'],
    ['an unknown message', () => '[77]'],
    ['a welcome without details', () => '[2,1]'],
    ['an abort', () => '[3,{},"wamp.error.no_such_realm"]'],
    ['an event before the welcome', () => '[36,1,1,{},[{}]]'],
    [
      'a subscription that nobody asked for',
      (text: string) => (text.startsWith('[1,') ? welcome : '[33,99,1]'),
    ],
    [
      'an error that answers nothing',
      (text: string) => (text.startsWith('[1,') ? welcome : '[8,99,1,{},"x"]'),
    ],
    ['an event that makes the client fail', failingEvent],
    ['two welcomes', () => welcome],
    ['nothing', () => ''],
  ])('tries again and again, and does no harm, when the router says %s', async (_what, answer) => {
    const world = new QueueWorld();
    let connections = 0;
    world.kernel.start(world.router.node, (process) => {
      world.network.listen(process, 'wamp', (socket) => {
        connections++;
        socket.onData((text) => {
          const reply = answer(text);
          if (reply !== '') socket.send(reply);
        });
      });
    });
    world.master('master-a', async (host) => {
      const queue = host.wamp();
      await queue.start();
      expect(await codeOf(queue.startConsuming(() => undefined, ['a', null]))).toMatch(
        /queue-timeout|nothing/,
      );
      await host.waitMs(60_000);
      await queue.stop();
    });
    await world.run(120_000);
    expect(connections).toBeGreaterThan(1);
  });

  test.each([
    ['{}', ['a', null], 1],
    ['{}', ['a'], 0],
    ['{"pattern_based_subscription":true}', ['a', null], 0],
  ])(
    'says once that wildcards may be deaf: broker features %s, filter %j',
    async (features, filter, count) => {
      const world = new QueueWorld();
      world.kernel.start(world.router.node, (process) => {
        world.network.listen(process, 'wamp', (socket) => {
          socket.onData((text) => {
            const [type, request] = JSON.parse(text) as [number, number];
            if (type === 1) socket.send(`[2,1,{"roles":{"broker":{"features":${features}}}}]`);
            if (type === 32) socket.send(`[33,${request},${request}]`);
            if (type === 6) socket.send('[6,{},"wamp.close.goodbye_and_out"]');
          });
        });
      });
      world.master('master-a', async (host) => {
        const queue = host.wamp();
        await queue.start();
        await queue.startConsuming(() => undefined, filter);
        await queue.startConsuming(() => undefined, ['more', ...filter]);
        const said = host.complaints.filter((line) => line.includes('pattern_based_subscription'));
        expect(said).toHaveLength(count);
        await queue.stop();
      });
      await world.run(120_000);
    },
  );

  test('ignores events that are no messages of ours', async () => {
    const world = new QueueWorld();
    const events = [
      '[36,5,1,{},[7]]',
      '[36,5,1,{}]',
      '[36,5,1,{"topic":"other"},[{}]]',
      '[36,5,1,{},[{"n":1}]]',
    ];
    world.kernel.start(world.router.node, (process) => {
      world.network.listen(process, 'wamp', (socket) => {
        socket.onData((text) => {
          if (text.startsWith('[1,')) socket.send(welcome);
          if (!text.startsWith('[32,')) return;
          socket.send('[33,1,5]');
          for (const event of events) socket.send(event);
        });
      });
    });
    const heard: unknown[] = [];
    world.master('master-a', async (host) => {
      const queue = host.wamp();
      await queue.start();
      await queue.startConsuming((_key, body) => void heard.push(body['n']), ['a']);
      await host.waitMs(1_000);
      expect(queue.statistics.ignored).toBe(3);
    });
    await world.run(5_000);
    expect(heard).toEqual([1]);
  });

  test('rejects a consumer whose subscription the router refuses, and stays connected', async () => {
    const world = new QueueWorld();
    world.kernel.start(world.router.node, (process) => {
      world.network.listen(process, 'wamp', (socket) => {
        socket.onData((text) => {
          if (text.startsWith('[1,')) socket.send(welcome);
          if (text.startsWith('[32,')) socket.send('[8,32,1,{},"wamp.error.not_authorized"]');
        });
      });
    });
    world.master('master-a', async (host) => {
      const queue = host.wamp();
      await queue.start();
      expect(await codeOf(queue.startConsuming(() => undefined, ['a']))).toBe('subscription-refused');
      expect(queue.isConnected).toBe(true);
    });
    await world.run(5_000);
  });
});
