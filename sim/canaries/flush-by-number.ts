// B15: when the timer of one branch fires, the classifications of all changes up to its newest one are flushed, of whatever
// branch. While the same master goes on it knows the others all the same; the next one does not.

import { AnyBranchScheduler } from '../../src/schedulers/any-branch.js';
import { defineScenario } from '../scenario.js';
import type { Canary } from './canary.js';

class FlushingScheduler extends AnyBranchScheduler {
  protected override async flushChangeClassifications(changeids: readonly number[]): Promise<void> {
    const newest = Math.max(...changeids);
    const classified = [...(await this.getChangeClassifications()).keys()];
    await super.flushChangeClassifications(classified.filter((changeid) => changeid <= newest));
  }
}

export const flushByNumber: Canary = {
  name: 'flush-by-number',
  defect:
    'a branch that is built flushes what waits for other branches, which a new owner then forgets (B15)',
  oracle: 'no-lost-change',
  scenario: defineScenario({
    name: 'canary-flush-by-number',
    description: 'Masters crash while the trees of several branches become stable.',
    changes: 80,
    schedulers: () => [new FlushingScheduler('branches', ['linux'], { treeStableTimer: 40 })],
    faults: { crash: 20, stop: 10 },
    guarantees: ['no-lost-change'],
  }),
  parts: {},
};
