// A loop whose pause counts from the end of its last run: it is late by what each run takes, for good.

import { type EndedRun, Loop } from '../../src/services/loop.js';
import { defineScenario } from '../scenario.js';
import { SingleBranchScheduler } from '../../src/schedulers/single-branch.js';
import type { Canary } from './canary.js';

class DriftingLoop extends Loop {
  protected override dueAfter(_run: EndedRun, intervalMs: number | null): number | null {
    return intervalMs === null ? null : this.clock.monotonicMs() + intervalMs;
  }
}

export const driftingLoop: Canary = {
  name: 'drifting-loop',
  defect:
    'the time to the next heartbeat counts from the end of the last one, so that a slow database makes it ever later',
  oracle: 'tasks-alive',
  scenario: defineScenario({
    name: 'canary-drifting-loop',
    description: 'The database is slow now and then.',
    schedulers: () => [new SingleBranchScheduler('fast', ['linux'], { branch: 'master' })],
    faults: { 'slow-database': 24 },
    guarantees: ['tasks-alive'],
  }),
  parts: { Loop: DriftingLoop },
};
