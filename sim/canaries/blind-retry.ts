// A write whose outcome stayed unknown is done again as if it had not been: it looks up no operation, takes fresh ids, and
// does not mind that what it consumes is gone.

import { StandinError } from '../../src/core/errors.js';
import { Effect, EffectCommitter, type Actor, type BuildsetDraft } from '../../src/data/effects.js';
import { SingleBranchScheduler } from '../../src/schedulers/single-branch.js';
import { defineScenario } from '../scenario.js';
import type { Canary } from './canary.js';

class BlindCommitter extends EffectCommitter {
  override async commit(actor: Actor, effect: Effect): Promise<void> {
    try {
      await this.#commitOnce(actor, effect);
    } catch (error) {
      if (!(error instanceof StandinError) || error.isDefinite || actor.signal.aborted) throw error;
      await super.commit(actor, await this.#again(effect));
    }
  }

  async #commitOnce(actor: Actor, effect: Effect): Promise<void> {
    const count = effect.buildsets.reduce((sum, { requests }) => sum + 1 + requests.length, 0);
    const eventIds = await this.writer.takeIds(count);
    await this.db.database.transaction((tx) => this.write(tx, actor, effect, eventIds), {
      signal: actor.signal,
    });
  }

  async #again(effect: Effect): Promise<Effect> {
    const again = new Effect();
    for (const [key, value] of effect.state) again.state.set(key, value);
    for (const draft of effect.buildsets) again.buildsets.push(await this.#withFreshIds(draft));
    return again;
  }

  async #withFreshIds(draft: BuildsetDraft): Promise<BuildsetDraft> {
    const bsid = await this.db.ids.takeOne('buildsets');
    const brids = await this.db.ids.take('buildrequests', draft.requests.length);
    return {
      ...draft,
      bsid,
      requests: draft.requests.map((request, i) => ({ ...request, brid: brids[i] ?? 0 })),
    };
  }
}

export const blindRetry: Canary = {
  name: 'blind-retry',
  defect: 'an effect whose commit got no answer is committed again, without looking whether it was done',
  oracle: 'no-duplicate',
  scenario: defineScenario({
    name: 'canary-blind-retry',
    description: 'Connections end at COMMIT while many changes arrive.',
    changes: 120,
    schedulers: () => [new SingleBranchScheduler('fast', ['linux'], { branch: 'master' })],
    faults: { 'commit-cut': 40 },
    guarantees: ['no-duplicate'],
  }),
  parts: { EffectCommitter: BlindCommitter },
};
