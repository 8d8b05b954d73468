// B5: what a dead master has claimed is released by nobody but itself, at its next start.

import { Housekeeping } from '../../src/master/housekeeping.js';
import { defineScenario } from '../scenario.js';
import { BuildingScheduler } from './building-scheduler.js';
import type { Canary } from './canary.js';

class OwnHousekeeping extends Housekeeping {
  protected override async release(masterid: number): Promise<void> {
    if (masterid === this.context.masterid) await super.release(masterid);
  }
}

export const unreleasedRequests: Canary = {
  name: 'unreleased-requests',
  defect: 'a dead master keeps its build requests and its builds until it starts again (B5)',
  oracle: 'dead-released',
  scenario: defineScenario({
    name: 'canary-unreleased-requests',
    description: 'Masters crash, stop and pause while they build.',
    durationS: 900,
    schedulers: () => [new BuildingScheduler('builder', ['linux'], { branch: 'master' })],
    faults: { crash: 16, stop: 8, pause: 12, 'partition-database': 8 },
    guarantees: ['dead-released', 'no-duplicate'],
  }),
  parts: { Housekeeping: OwnHousekeeping },
};
