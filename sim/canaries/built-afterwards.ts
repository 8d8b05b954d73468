// B14: without a tree-stable timer a change is consumed first, and its buildset added in a second transaction.

import type { Change } from '../../src/db/changes.js';
import { SingleBranchScheduler } from '../../src/schedulers/single-branch.js';
import { defineScenario } from '../scenario.js';
import type { Canary } from './canary.js';

class ForgetfulScheduler extends SingleBranchScheduler {
  override async gotChange(change: Change, important: boolean): Promise<void> {
    this.afterCommit(() => {
      this.act(() => super.gotChange(change, important)).catch(() => undefined); // lost, as the defect has it
    });
  }
}

export const builtAfterwards: Canary = {
  name: 'built-afterwards',
  defect:
    'a change is consumed before its buildset is committed, and lost when its master dies in between (B14)',
  oracle: 'no-lost-change',
  scenario: defineScenario({
    name: 'canary-built-afterwards',
    description: 'Masters crash and lose their database while many changes arrive.',
    masters: 2,
    changes: 400,
    network: 'wan',
    schedulers: () => [new ForgetfulScheduler('fast', ['linux'], { branch: 'master' })],
    faults: { crash: 30, 'partition-database': 20, 'cut-database': 20 },
    guarantees: ['no-lost-change'],
  }),
  parts: {},
};
