// B18: a Dependent hears of its upstream by messages only: what is complete while none is active, or whose message is lost,
// is never built downstream.

import type { JsonObject } from '../../src/core/json.js';
import type { Filter } from '../../src/core/routing-key.js';
import { SUCCESS, WARNINGS } from '../../src/core/results.js';
import { COMPLETE_BUILDSETS } from '../../src/schedulers/buildset-waiters.js';
import { Dependent } from '../../src/schedulers/dependent.js';
import { SingleBranchScheduler } from '../../src/schedulers/single-branch.js';
import { Subscription } from '../../src/services/subscription.js';
import { defineScenario } from '../scenario.js';
import type { Canary } from './canary.js';

class HearsayDependent extends Dependent {
  #subscription: Subscription | null = null;

  override get queueFilters(): readonly Filter[] {
    return [];
  }

  protected override async startActivity(): Promise<void> {
    const { mq } = this.attached();
    this.#subscription = new Subscription(this.runtime, mq, COMPLETE_BUILDSETS, (message) => {
      if (message !== null) this.act(() => this.#heard(message.body)).catch(() => undefined); // logged by the original
    });
    this.#subscription.start();
  }

  protected override async stopActivity(): Promise<void> {
    await this.#subscription?.stop();
  }

  async #heard({ scheduler, results, bsid, sourcestampids }: JsonObject): Promise<void> {
    const triggerKey = `upstream:${Number(bsid)}`;
    const isWanted = scheduler === this.upstream && (results === SUCCESS || results === WARNINGS);
    if (!isWanted || (await this.hasBuilt(triggerKey))) return;
    const sourcestamps = sourcestampids as readonly number[];
    await this.addBuildsetForSourceStamps({ sourcestamps, reason: 'downstream', triggerKey });
  }
}

export const upstreamByMessage: Canary = {
  name: 'upstream-by-message',
  defect: 'an upstream buildset that is complete while no Dependent listens is never built downstream (B18)',
  oracle: 'no-lost-change',
  scenario: defineScenario({
    name: 'canary-upstream-by-message',
    description: 'Builds that wait for others, while masters crash and messages are lost.',
    masters: 2,
    durationS: 300,
    changes: 20,
    schedulers: () => {
      const upstream = new SingleBranchScheduler('upstream', ['linux'], { branch: 'master' });
      return [upstream, new HearsayDependent('downstream', ['packages'], { upstream })];
    },
    operations: { build: 360 },
    faults: { crash: 24, 'message-drop': 24 },
    guarantees: ['no-lost-change'],
  }),
  parts: {},
};
