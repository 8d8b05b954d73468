// B33: the first of two consumers that stops ends the subscription that they share.

import type { Filter } from '../../src/core/routing-key.js';
import type { DurableCallback, QueueReference } from '../../src/mq/message-queue.js';
import { WampMQ } from '../../src/mq/wamp-queue.js';
import { defineScenario } from '../scenario.js';
import type { Canary } from './canary.js';
import { WaitingScheduler } from './waiting-scheduler.js';

class UnsharingMQ extends WampMQ {
  override async startConsuming(callback: DurableCallback, filter: Filter): Promise<QueueReference> {
    const reference = await super.startConsuming(callback, filter);
    return {
      stopConsuming: async () => {
        await reference.stopConsuming();
        // Where there is no such subscription any more, that is no harm.
        await this.session?.unsubscribe(this.topicOf(filter)).catch(() => undefined);
      },
    };
  }
}

export const starvedConsumer: Canary = {
  name: 'starved-consumer',
  defect: 'a consumer that stops takes the subscription away from the other one of its filter (B33)',
  oracle: 'queue-contract',
  scenario: defineScenario({
    name: 'canary-starved-consumer',
    description: 'The router restarts while changes arrive.',
    changes: 80,
    schedulers: () => [new WaitingScheduler('fast', ['linux'], { branch: 'master' })],
    faults: { 'router-restart': 12, 'cut-router': 8 },
    guarantees: ['queue-contract'],
  }),
  parts: { WampMQ: UnsharingMQ },
};
