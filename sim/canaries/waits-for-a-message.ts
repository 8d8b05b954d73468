// B19: who waits for the results of a trigger waits for one message, and nobody looks whether it has been lost.

import { present } from '../../src/core/assert.js';
import type { TriggerCall, Triggered } from '../../src/schedulers/triggerable.js';
import { Triggerable } from '../../src/schedulers/triggerable.js';
import { defineScenario } from '../scenario.js';
import type { Canary } from './canary.js';

class HopefulTriggerable extends Triggerable {
  override async trigger(call: TriggerCall): Promise<Triggered> {
    const added = await super.trigger(call);
    return { ...added, results: () => this.#hear(added.bsid) };
  }

  async #hear(bsid: number): Promise<number> {
    const { mq } = this.attached();
    const heard = await mq.waitUntilEvent(['buildsets', String(bsid), 'complete'], async () => false);
    return (present(heard, 'a message').body as { results: number }).results;
  }
}

export const waitsForAMessage: Canary = {
  name: 'waits-for-a-message',
  defect: 'who waits for a triggered build waits for ever when its message is lost, or came before him (B19)',
  oracle: 'no-lost-change',
  scenario: defineScenario({
    name: 'canary-waits-for-a-message',
    description: 'Triggered builds, of which somebody wants to know the results, while messages are lost.',
    masters: 2,
    durationS: 300,
    changes: 0,
    schedulers: () => [new HopefulTriggerable('trigger', ['linux'])],
    operations: { trigger: 120, build: 240 },
    faults: { 'message-drop': 20, 'router-restart': 12, crash: 12 },
    guarantees: ['no-lost-change'],
  }),
  parts: {},
};
