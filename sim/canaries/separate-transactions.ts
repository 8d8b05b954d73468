// B27: a buildset, and the consumption of the changes that it builds, are two transactions.

import { Effect, EffectCommitter, type Actor } from '../../src/data/effects.js';
import { ChangeFilter } from '../../src/schedulers/change-filter.js';
import { SingleBranchScheduler } from '../../src/schedulers/single-branch.js';
import { defineScenario } from '../scenario.js';
import type { Canary } from './canary.js';

class TwoStepCommitter extends EffectCommitter {
  override async commit(actor: Actor, effect: Effect): Promise<void> {
    const consumption = new Effect();
    consumption.flushed.push(...effect.flushed.splice(0));
    consumption.acknowledged.push(...effect.acknowledged.splice(0));
    if (!effect.isEmpty) await super.commit(actor, effect);
    if (!consumption.isEmpty) await super.commit(actor, consumption);
  }
}

export const separateTransactions: Canary = {
  name: 'separate-transactions',
  defect: 'a buildset is committed before the changes that it builds are consumed (B27)',
  oracle: 'no-duplicate',
  scenario: defineScenario({
    name: 'canary-separate-transactions',
    description: 'Masters crash and lose their database while many changes arrive.',
    changes: 200,
    network: 'wan',
    schedulers: () => [new SingleBranchScheduler('fast', ['linux'], { changeFilter: new ChangeFilter() })],
    faults: { crash: 30, 'partition-database': 20, 'cut-database': 20 },
    guarantees: ['no-duplicate'],
  }),
  parts: { EffectCommitter: TwoStepCommitter },
};
