// B17: a slot is recorded as built in one transaction, and built in the next.

import { Periodic } from '../../src/schedulers/periodic.js';
import { defineScenario } from '../scenario.js';
import type { Canary } from './canary.js';

class HastyPeriodic extends Periodic {
  protected override async startBuild(slotMs: number): Promise<void> {
    this.afterCommit(() => {
      this.act(() => super.startBuild(slotMs)).catch(() => undefined); // lost, as the defect has it
    });
  }
}

export const slotBeforeBuild: Canary = {
  name: 'slot-before-build',
  defect:
    'a slot is called built before its buildset is committed, and lost when its owner dies in between (B17)',
  oracle: 'slot-once',
  scenario: defineScenario({
    name: 'canary-slot-before-build',
    description: 'Masters crash and lose their database while slots come often.',
    changes: 0,
    network: 'wan',
    schedulers: () => [new HastyPeriodic('often', ['linux'], { periodicBuildTimer: 5 })],
    faults: { crash: 30, 'partition-database': 20, 'cut-database': 20 },
    guarantees: ['slot-once'],
  }),
  parts: {},
};
