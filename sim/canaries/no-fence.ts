// B1: a master silent for longer than its lease stays active for ever, and nothing stops what it writes.

import type { StatementResult } from '../../src/db/driver.js';
import { SchedulersConnector } from '../../src/db/schedulers.js';
import { Lease } from '../../src/master/lease.js';
import { SingleBranchScheduler } from '../../src/schedulers/single-branch.js';
import { defineScenario } from '../scenario.js';
import type { Canary } from './canary.js';

class CredulousLease extends Lease {
  override isTrusted(): boolean {
    return this.incarnation !== null;
  }
}

class UnfencedSchedulers extends SchedulersConnector {
  override checkFence(_result: StatementResult | undefined): { readonly enabled: boolean } {
    return { enabled: true };
  }
}

export const noFence: Canary = {
  name: 'no-fence',
  defect: 'a paused master goes on believing in its claims, and its writes compare no epoch (B1)',
  oracle: 'single-active',
  scenario: defineScenario({
    name: 'canary-no-fence',
    description: 'Masters pause for longer than their lease.',
    schedulers: () => [new SingleBranchScheduler('fast', ['linux'], { branch: 'master' })],
    faults: { pause: 24 },
    guarantees: ['single-effect', 'single-active'],
  }),
  parts: { Lease: CredulousLease, SchedulersConnector: UnfencedSchedulers },
};
