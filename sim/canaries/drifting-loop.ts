// A runner that sleeps a whole spacing after each pass, as the reference does after one in which a task ran: every run is
// late by what those before it took, until one is left out.

import { PeriodicTasks, type PassOptions } from '../../src/periodic/periodic-tasks.js';
import { defineScenario } from '../scenario.js';
import { SingleBranchScheduler } from '../../src/schedulers/single-branch.js';
import type { Canary } from './canary.js';

/** Of the heartbeat and the watching; the other tasks have the same or multiples. */
const SPACING_S = 10;

class DriftingTasks<Context> extends PeriodicTasks<Context> {
  override async runPeriodicTasks(context: Context, options?: PassOptions): Promise<number> {
    await super.runPeriodicTasks(context, options);
    return SPACING_S;
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
  parts: { PeriodicTasks: DriftingTasks },
};
