// The message queue port's suite on each implementation. In the simulator time costs nothing; on real WebSockets the same
// suite runs over our router and, if the URL of one is in STANDIN_WAMP_URL, over a router that is not ours (its realm in
// STANDIN_WAMP_REALM, else `realm1`).

import { afterAll, beforeAll, expect } from 'vitest';
import { MQConnector } from '../../src/data/mq-connector.js';
import { DatabaseConnector } from '../../src/db/connector.js';
import { MemoryDriver } from '../../src/db/sqlite/memory-driver.js';
import { SimpleMQ } from '../../src/mq/simple-queue.js';
import type { MessageQueue } from '../../src/mq/message-queue.js';
import { RouterServer } from '../../src/mq/websocket/router-server.js';
import { QueueWorld, type Host } from '../mq/queue-world.js';
import { withRealQueue } from '../mq/real-queue.js';
import { StrictRouter } from '../mq/strict-router.js';
import { messageQueueSuite, type RunWithQueue } from './message-queue-suite.js';

/** Long enough for what was produced to arrive everywhere in the simulated network. */
const ARRIVAL_MS = 1_000;
const REAL_RUNS = 20;

messageQueueSuite(
  'SimpleMQ',
  inSimulation((host) => new SimpleMQ(host.runtime)),
  200,
);
messageQueueSuite('the queue of a master', async (body) => {
  const memory = await MemoryDriver.create();
  const run = inSimulation((host) => {
    const mq = host.wamp();
    const { runtime } = host;
    return new MQConnector({ runtime, db: new DatabaseConnector(memory, runtime), mq, pollMs: 30_000 });
  });
  await run(body).finally(() => memory.close());
});
messageQueueSuite(
  'WampMQ in the simulator',
  inSimulation((host) => host.wamp()),
);
messageQueueSuite(
  'WampMQ in the simulator, unacknowledged',
  inSimulation((host) => host.wamp({ acknowledge: false })),
);

let server: RouterServer;
beforeAll(async () => {
  server = await RouterServer.listen({ host: '127.0.0.1', port: 0, realm: 'standin' });
});
afterAll(() => server.close());

for (const acknowledge of [true, false]) {
  messageQueueSuite(
    `WampMQ on real WebSockets${acknowledge ? '' : ', unacknowledged'}`,
    (body) =>
      withRealQueue(
        { url: `ws://127.0.0.1:${server.port}/`, realm: 'standin', options: { acknowledge } },
        body,
      ),
    REAL_RUNS,
  );
}

let strict: StrictRouter;
beforeAll(async () => {
  strict = await StrictRouter.listen();
});
afterAll(() => strict.close());

messageQueueSuite(
  'WampMQ over a strict router of another make',
  async (body) => {
    await withRealQueue({ url: strict.url, realm: 'realm1' }, body);
    expect(strict.mistakes).toEqual([]);
  },
  REAL_RUNS,
);

const foreignUrl = process.env['STANDIN_WAMP_URL'] ?? '';
if (foreignUrl !== '') {
  const realm = process.env['STANDIN_WAMP_REALM'] ?? 'realm1';
  messageQueueSuite(
    `WampMQ over ${foreignUrl}`,
    (body) => withRealQueue({ url: foreignUrl, realm }, body),
    REAL_RUNS,
  );
}

function inSimulation(make: (host: Host) => MessageQueue): RunWithQueue {
  return async (body) => {
    const world = new QueueWorld();
    world.router.start();
    world.master('master-a', async (host) => {
      const queue = make(host);
      await queue.start();
      const arrived = (): Promise<void> => host.waitMs(ARRIVAL_MS);
      await body({ queue, waitMs: host.waitMs, arrived, complaints: host.complaints });
      await queue.stop();
    });
    await world.run(600_000);
  };
}
