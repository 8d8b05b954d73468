// B7: a master is judged by `last_active`, which its own wall clock wrote, against the wall clock of the judge.

import type { Ownership } from '../../src/db/claims.js';
import { OwnerWatch } from '../../src/master/owner-watch.js';
import { SingleBranchScheduler } from '../../src/schedulers/single-branch.js';
import { defineScenario } from '../scenario.js';
import type { Canary } from './canary.js';

class WallClockWatch extends OwnerWatch {
  protected override isOver(_sinceMs: number, ownership: Ownership): boolean {
    return this.clock.wallMs() - (ownership.masterLastActive ?? 0) * 1000 >= this.leaseMs;
  }
}

export const wallClockExpiry: Canary = {
  name: 'wall-clock-expiry',
  defect: "a master's own wall-clock time stamp is judged by another master's wall clock (B7)",
  oracle: 'non-revertive',
  scenario: defineScenario({
    name: 'canary-wall-clock-expiry',
    description: 'Clocks step by seconds to hours, and now and then a master crashes.',
    schedulers: () => [new SingleBranchScheduler('fast', ['linux'], { branch: 'master' })],
    faults: { 'clock-step': 24, crash: 6 },
    guarantees: ['non-revertive', 'single-active'],
  }),
  parts: { OwnerWatch: WallClockWatch },
};
