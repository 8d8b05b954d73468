// B6: a loop that an error ends. Nobody notices: the process goes on, and the claims of its services stay as they were.

import { type EndedRun, Loop } from '../../src/services/loop.js';
import { defineScenario } from '../scenario.js';
import { SingleBranchScheduler } from '../../src/schedulers/single-branch.js';
import type { Canary } from './canary.js';

/** 24 days. */
const NEVER_MS = 2 ** 31 - 1;

class MortalLoop extends Loop {
  protected override dueAfter(run: EndedRun, intervalMs: number | null): number | null {
    return run.hasFailed ? this.clock.monotonicMs() + NEVER_MS : super.dueAfter(run, intervalMs);
  }
}

export const mortalLoop: Canary = {
  name: 'mortal-loop',
  defect: 'the first error of the heartbeat, or of the watching, is its last (B6)',
  oracle: 'tasks-alive',
  scenario: defineScenario({
    name: 'canary-mortal-loop',
    description: 'The database is restarted, or away for a while.',
    schedulers: () => [new SingleBranchScheduler('fast', ['linux'], { branch: 'master' })],
    faults: { 'database-restart': 12, 'database-outage': 6 },
    guarantees: ['tasks-alive'],
  }),
  parts: { Loop: MortalLoop },
};
