// B16: a consumer that stops is told so before the router is, and what was on its way is delivered to it all the same.

import type { Filter } from '../../src/core/routing-key.js';
import type { DurableCallback, QueueReference } from '../../src/mq/message-queue.js';
import { WampMQ, type WampOptions } from '../../src/mq/wamp-queue.js';
import { sleep } from '../../src/runtime/clock.js';
import type { Runtime } from '../../src/runtime/runtime.js';
import { SingleBranchScheduler } from '../../src/schedulers/single-branch.js';
import { defineScenario } from '../scenario.js';
import type { Canary } from './canary.js';

/** Until the router has been told. */
const LATE_MS = 2_000;

class HastyMQ extends WampMQ {
  readonly #runtime: Runtime;

  constructor(runtime: Runtime, options: WampOptions) {
    super(runtime, options);
    this.#runtime = runtime;
  }

  override async startConsuming(callback: DurableCallback, filter: Filter): Promise<QueueReference> {
    const reference = await super.startConsuming(callback, filter);
    return {
      stopConsuming: async () => {
        void sleep(this.#runtime.clock, LATE_MS).then(() => reference.stopConsuming());
      },
    };
  }
}

export const lateDelivery: Canary = {
  name: 'late-delivery',
  defect: 'stopConsuming resolves while messages may still be delivered (B16)',
  oracle: 'queue-contract',
  scenario: defineScenario({
    name: 'canary-late-delivery',
    description: 'Masters pause, are cut off and stop while many changes arrive.',
    changes: 120,
    schedulers: () => [new SingleBranchScheduler('fast', ['linux'], { branch: 'master' })],
    faults: { pause: 20, 'partition-database': 12, stop: 12 },
    guarantees: ['queue-contract'],
  }),
  parts: { WampMQ: HastyMQ },
};
