// A wildcard at the end of a filter matches more than one word: after a reconnection it is subscribed as a prefix.

import type { Filter } from '../../src/core/routing-key.js';
import type { DurableCallback, QueueReference } from '../../src/mq/message-queue.js';
import { WampMQ } from '../../src/mq/wamp-queue.js';
import { defineScenario } from '../scenario.js';
import type { Canary } from './canary.js';
import { WaitingScheduler } from './waiting-scheduler.js';

class PrefixMQ extends WampMQ {
  override async startConsuming(callback: DurableCallback, filter: Filter): Promise<QueueReference> {
    const reference = await super.startConsuming(callback, filter);
    if (filter.at(-1) !== null) return reference;
    const longer: Promise<QueueReference>[] = [];
    const removeReconnected = this.onReconnected(() => {
      if (longer.length === 0) longer.push(super.startConsuming(callback, [...filter, null]));
    });
    return {
      stopConsuming: async () => {
        removeReconnected();
        const references = await Promise.allSettled(longer);
        for (const result of references)
          if (result.status === 'fulfilled') await result.value.stopConsuming();
        await reference.stopConsuming();
      },
    };
  }
}

export const greedyWildcard: Canary = {
  name: 'greedy-wildcard',
  defect: 'a wildcard at the end of a filter matches a word too many once it has been subscribed anew',
  oracle: 'queue-contract',
  scenario: defineScenario({
    name: 'canary-greedy-wildcard',
    description: 'The router restarts while changes arrive.',
    schedulers: () => [new WaitingScheduler('fast', ['linux'], { branch: 'master' })],
    faults: { 'router-restart': 12, 'cut-router': 8 },
    guarantees: ['queue-contract'],
  }),
  parts: { WampMQ: PrefixMQ },
};
