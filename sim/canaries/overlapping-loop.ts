// A loop that takes a run under way for a hung one when it has lasted a second, and begins the next beside it.

import { Loop } from '../../src/services/loop.js';
import { defineScenario } from '../scenario.js';
import { SingleBranchScheduler } from '../../src/schedulers/single-branch.js';
import type { Canary } from './canary.js';

const PATIENCE_MS = 1_000;

class ImpatientLoop extends Loop {
  /** Since when a run is under way. */
  #sinceMs: number | null = null;

  override wake(): void {
    const isHung = this.#sinceMs !== null && this.clock.monotonicMs() - this.#sinceMs > PATIENCE_MS;
    if (isHung) void this.run(0);
    else super.wake();
  }

  protected override async run(lateMs: number): Promise<boolean> {
    this.#sinceMs = this.clock.monotonicMs();
    const hasFailed = await super.run(lateMs);
    this.#sinceMs = null;
    return hasFailed;
  }
}

export const overlappingLoop: Canary = {
  name: 'overlapping-loop',
  defect:
    'a message that comes while the watching of owners waits for a slow database begins a second pass beside the first',
  oracle: 'tasks-alive',
  scenario: defineScenario({
    name: 'canary-overlapping-loop',
    description: 'Masters come and go while the database is slow.',
    schedulers: () => [new SingleBranchScheduler('fast', ['linux'], { branch: 'master' })],
    faults: { 'slow-database': 24, stop: 24 },
    guarantees: ['tasks-alive'],
  }),
  parts: { Loop: ImpatientLoop },
};
