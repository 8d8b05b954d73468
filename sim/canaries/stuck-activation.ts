// B10: an activation that fails counts as done: the claim stays where it is, and nothing runs under it.

import { StandinError } from '../../src/core/errors.js';
import { SingleBranchScheduler } from '../../src/schedulers/single-branch.js';
import { defineScenario } from '../scenario.js';
import type { Canary } from './canary.js';

const MINUTE_MS = 60_000;

/** Needs something outside when it begins, which is there every other minute. */
class NeedyScheduler extends SingleBranchScheduler {
  protected override async startActivity(): Promise<void> {
    if (Math.floor(this.clock.wallMs() / MINUTE_MS) % 2 === 1)
      throw new StandinError('unreachable', `'${this.name}' does not reach what it needs`);
    await super.startActivity();
  }
}

class StuckScheduler extends NeedyScheduler {
  override async activate(): Promise<void> {
    try {
      await super.activate();
    } catch (error) {
      if (!(error instanceof StandinError)) throw error; // else lost, as the defect has it
    }
  }
}

export const stuckActivation: Canary = {
  name: 'stuck-activation',
  defect:
    'a scheduler whose activation fails keeps its claim and does nothing, and nobody takes it over (B10)',
  oracle: 'no-lost-change',
  scenario: defineScenario({
    name: 'canary-stuck-activation',
    description: 'Masters crash and stop, and a scheduler cannot be activated at all times.',
    masters: 2,
    schedulers: () => [new StuckScheduler('stuck', ['linux'], { branch: 'master' })],
    faults: { crash: 12, stop: 12 },
    guarantees: ['no-lost-change'],
  }),
  parts: {},
};
