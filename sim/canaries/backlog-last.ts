// B33: what waited in a durable queue while nobody consumed it comes after what is new.

import type { QueuedMessage } from '../../src/db/queues.js';
import { EventFeed } from '../../src/schedulers/event-feed.js';
import { SingleBranchScheduler } from '../../src/schedulers/single-branch.js';
import { defineScenario } from '../scenario.js';
import type { Canary } from './canary.js';

class NewestFirstFeed extends EventFeed {
  constructor(...[context, ...rest]: ConstructorParameters<typeof EventFeed>) {
    const { queues } = context;
    let isFirstLook = true;
    const peek = async (...args: Parameters<typeof queues.peek>): Promise<readonly QueuedMessage[]> => {
      const messages = await queues.peek(...args);
      if (!isFirstLook) return messages;
      isFirstLook = false;
      return [...messages].reverse();
    };
    const newestFirst = Object.assign(Object.create(queues) as typeof queues, { peek });
    super({ ...context, queues: newestFirst }, ...rest);
  }
}

export const backlogLast: Canary = {
  name: 'backlog-last',
  defect: 'the backlog of a durable queue is consumed after what is new (B33)',
  oracle: 'queue-contract',
  scenario: defineScenario({
    name: 'canary-backlog-last',
    description: 'Masters crash while many changes arrive.',
    changes: 120,
    schedulers: () => [new SingleBranchScheduler('fast', ['linux'], { branch: 'master' })],
    faults: { crash: 24, 'host-crash': 12 },
    guarantees: ['queue-contract'],
  }),
  parts: { EventFeed: NewestFirstFeed },
};
