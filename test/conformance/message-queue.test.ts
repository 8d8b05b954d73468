// The message queue port's suite on each implementation. Both run as a process of the simulator, so that time costs
// nothing.

import { SimpleMQ } from '../../src/mq/simple-queue.js';
import type { MessageQueue } from '../../src/mq/message-queue.js';
import { QueueWorld, type Host } from '../mq/queue-world.js';
import { messageQueueSuite, type RunWithQueue } from './message-queue-suite.js';

messageQueueSuite(
  'SimpleMQ',
  inSimulation((host) => new SimpleMQ(host.runtime)),
  200,
);
messageQueueSuite(
  'WampMQ in the simulator',
  inSimulation((host) => host.wamp()),
);

function inSimulation(make: (host: Host) => MessageQueue): RunWithQueue {
  return async (body) => {
    const world = new QueueWorld();
    world.router.start();
    world.master('master-a', async (host) => {
      const queue = make(host);
      await queue.start();
      await body({ queue, waitMs: host.waitMs, complaints: host.complaints });
      await queue.stop();
    });
    await world.run(600_000);
  };
}
