// B24: a scheduler that is taken over while it is disabled begins to act all the same, and no effect asks.

import type { StatementResult } from '../../src/db/driver.js';
import type { Claim } from '../../src/db/claims.js';
import { SchedulersConnector } from '../../src/db/schedulers.js';
import { SingleBranchScheduler } from '../../src/schedulers/single-branch.js';
import { defineScenario } from '../scenario.js';
import type { Canary } from './canary.js';

class ZealousScheduler extends SingleBranchScheduler {
  #heeds = false;

  override setEnabled(isEnabled: boolean): void {
    if (isEnabled) this.#heeds = this.claim !== null;
    if (isEnabled || this.#heeds) super.setEnabled(isEnabled);
  }
}

class UnaskedSchedulers extends SchedulersConnector {
  override checkFence(
    result: StatementResult | undefined,
    claim: Claim,
    what: string,
  ): { readonly enabled: boolean } {
    return { ...super.checkFence(result, claim, what), enabled: true };
  }
}

export const zealousWhenDisabled: Canary = {
  name: 'zealous-when-disabled',
  defect: 'a scheduler that changes hands while it is disabled builds all the same (B24)',
  oracle: 'disabled-idle',
  scenario: defineScenario({
    name: 'canary-zealous-when-disabled',
    description: 'Schedulers are disabled for a while, and their masters crash and stop.',
    masters: 2,
    schedulers: () => [new ZealousScheduler('zealous', ['linux'], { branch: 'master' })],
    operations: { disable: 40 },
    faults: { crash: 20, stop: 20 },
    guarantees: ['disabled-idle', 'no-duplicate'],
  }),
  parts: { SchedulersConnector: UnaskedSchedulers },
};
