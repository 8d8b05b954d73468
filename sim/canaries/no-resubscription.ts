// R12: after the connection to the router was lost, it is made again, but what was subscribed is not.

import { WampMQ } from '../../src/mq/wamp-queue.js';
import type { WampSession } from '../../src/mq/wamp-session.js';
import { SingleBranchScheduler } from '../../src/schedulers/single-branch.js';
import { defineScenario } from '../scenario.js';
import type { Canary } from './canary.js';

class ForgetfulMQ extends WampMQ {
  protected override async restore(session: WampSession): Promise<void> {
    if (this.statistics.sessions === 0) await super.restore(session);
  }
}

export const noResubscription: Canary = {
  name: 'no-resubscription',
  defect: 'after a reconnection nothing is subscribed any more, and nobody is told (R12)',
  oracle: 'queue-contract',
  scenario: defineScenario({
    name: 'canary-no-resubscription',
    description: 'The router restarts while changes arrive.',
    schedulers: () => [new SingleBranchScheduler('fast', ['linux'], { branch: 'master' })],
    faults: { 'router-restart': 12, 'cut-router': 8 },
    guarantees: ['queue-contract'],
  }),
  parts: { WampMQ: ForgetfulMQ },
};
