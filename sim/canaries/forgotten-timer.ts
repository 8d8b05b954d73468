// A new owner does not take up the tree-stable timers that the last one had running.

import { SingleBranchScheduler } from '../../src/schedulers/single-branch.js';
import { defineScenario } from '../scenario.js';
import type { Canary } from './canary.js';

class ForgetfulScheduler extends SingleBranchScheduler {
  protected override async resume(): Promise<void> {
    // takes up nothing
  }
}

export const forgottenTimer: Canary = {
  name: 'forgotten-timer',
  defect: 'a tree-stable timer that runs when its owner dies is not taken up by the next one',
  oracle: 'no-lost-change',
  scenario: defineScenario({
    name: 'canary-forgotten-timer',
    description: 'Masters crash while tree-stable timers run.',
    changes: 12,
    schedulers: () => [new ForgetfulScheduler('tree', ['linux'], { branch: 'master', treeStableTimer: 60 })],
    faults: { crash: 20 },
    guarantees: ['no-lost-change'],
  }),
  parts: {},
};
