// A manager that spares a slow database: after a pass that took a second it waits a whole spacing, so that the next run
// counts from the end of the last one instead of the boundary. (The reference does so after every pass that ran a task.)

import {
  PeriodicTasks,
  type PassOptions,
  type PeriodicTasksOptions,
} from '../../src/periodic/periodic-tasks.js';
import type { Clock } from '../../src/runtime/clock.js';
import type { Runtime } from '../../src/runtime/runtime.js';
import { defineScenario } from '../scenario.js';
import { SingleBranchScheduler } from '../../src/schedulers/single-branch.js';
import type { Canary } from './canary.js';

/** Of the heartbeat and the watching. */
const SPACING_S = 10;
const SLOW_MS = 1_000;

class DriftingTasks<Context> extends PeriodicTasks<Context> {
  readonly #clock: Clock;

  constructor(runtime: Runtime, options?: PeriodicTasksOptions) {
    super(runtime, options);
    this.#clock = runtime.clock;
  }

  override async runPeriodicTasks(context: Context, options?: PassOptions): Promise<number> {
    const beganMs = this.#clock.monotonicMs();
    const idleS = await super.runPeriodicTasks(context, options);
    return this.#clock.monotonicMs() - beganMs < SLOW_MS ? idleS : SPACING_S;
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
