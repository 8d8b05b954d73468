// B9: a master that lets go releases what it has ever claimed, whoever owns it by now.

import type { Claim, FreedService, Owner } from '../../src/db/claims.js';
import { SchedulersConnector } from '../../src/db/schedulers.js';
import type { Transaction } from '../../src/db/transaction.js';
import { SingleBranchScheduler } from '../../src/schedulers/single-branch.js';
import { defineScenario } from '../scenario.js';
import type { Canary } from './canary.js';

class CarelessSchedulers extends SchedulersConnector {
  readonly #claimed = new Map<number, Claim>();

  override async claimIn(
    tx: Transaction,
    serviceid: number,
    masterid: number,
    incarnation: number,
  ): Promise<Claim | null> {
    const claim = await super.claimIn(tx, serviceid, masterid, incarnation);
    if (claim !== null) this.#claimed.set(serviceid, claim);
    return claim;
  }

  override async freeOwnedIn(tx: Transaction, owner: Owner): Promise<readonly FreedService[]> {
    for (const { serviceid, masterid } of this.#claimed.values()) {
      if (masterid !== owner.masterid) continue;
      await tx.run([
        { sql: 'UPDATE schedulers SET is_free = 1 WHERE id = ?', values: [serviceid] },
        { sql: 'DELETE FROM scheduler_masters WHERE schedulerid = ?', values: [serviceid] },
      ]);
    }
    return super.freeOwnedIn(tx, owner);
  }
}

export const unconditionalRelease: Canary = {
  name: 'unconditional-release',
  defect: "a zombie that lets go deletes the present owner's claim (B9)",
  oracle: 'non-revertive',
  scenario: defineScenario({
    name: 'canary-unconditional-release',
    description: 'Masters pause for longer than their lease, stop and are cut off.',
    schedulers: () => [new SingleBranchScheduler('fast', ['linux'], { branch: 'master' })],
    faults: { pause: 24, 'partition-database': 12, stop: 8 },
    guarantees: ['single-active', 'non-revertive'],
  }),
  parts: { SchedulersConnector: CarelessSchedulers },
};
