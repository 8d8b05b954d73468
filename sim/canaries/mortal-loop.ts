// B6: a loop that an error ends. Nobody notices: the process goes on, and the claims of its services stay as they were.

import { PeriodicTasks, type PassOptions } from '../../src/periodic/periodic-tasks.js';
import { defineScenario } from '../scenario.js';
import { SingleBranchScheduler } from '../../src/schedulers/single-branch.js';
import type { Canary } from './canary.js';

class MortalTasks<Context> extends PeriodicTasks<Context> {
  #isDead = false;

  override async runPeriodicTasks(context: Context, options?: PassOptions): Promise<number> {
    if (this.#isDead) return Number.POSITIVE_INFINITY;
    try {
      return await super.runPeriodicTasks(context, { ...options, raiseOnError: true });
    } catch (error) {
      this.#isDead = true;
      throw error;
    }
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
  parts: { PeriodicTasks: MortalTasks },
};
