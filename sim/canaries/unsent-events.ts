// B22: what a master has committed and not yet announced when it dies is announced by nobody.

import { EventWriter } from '../../src/data/event-writer.js';
import { SingleBranchScheduler } from '../../src/schedulers/single-branch.js';
import { defineScenario } from '../scenario.js';
import type { Canary } from './canary.js';

class SilentWriter extends EventWriter {
  override async publishOrphans(): Promise<void> {
    // whoever wrote them is to publish them
  }
}

export const unsentEvents: Canary = {
  name: 'unsent-events',
  defect: 'a master that dies between a commit and its messages leaves them unsent for good (B22)',
  oracle: 'data-follows',
  scenario: defineScenario({
    name: 'canary-unsent-events',
    description: 'Masters crash and lose connections at COMMIT while many changes arrive.',
    changes: 200,
    network: 'wan',
    schedulers: () => [new SingleBranchScheduler('fast', ['linux'], { branch: 'master' })],
    faults: { crash: 30, 'partition-database': 20, 'commit-cut': 12 },
    guarantees: ['data-follows'],
  }),
  parts: { EventWriter: SilentWriter },
};
