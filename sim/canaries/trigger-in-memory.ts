// B20: the owner of a NightlyTriggerable builds the trigger that it remembers. One that another master has taken, and of
// which no message reached the owner, is cleared with the next slot all the same.

import type { JsonObject } from '../../src/core/json.js';
import type { Filter } from '../../src/core/routing-key.js';
import type { SourceStamp } from '../../src/db/sourcestamps.js';
import { NightlyTriggerable } from '../../src/schedulers/nightly-triggerable.js';
import { slotKey } from '../../src/schedulers/timed.js';
import { Subscription } from '../../src/services/subscription.js';
import { defineScenario } from '../scenario.js';
import type { Canary } from './canary.js';

const MANY = 1_000;

class RememberingTriggerable extends NightlyTriggerable {
  #latest: JsonObject | null = null;
  #subscription: Subscription | null = null;

  protected override async startActivity(): Promise<void> {
    const waiting = await this.peek(this.#triggers, MANY);
    this.#latest = (waiting.at(-1)?.body ?? null) as JsonObject | null;
    this.#subscription = new Subscription(this.runtime, this.attached().mq, this.#triggers, (message) => {
      if (message !== null) this.#latest = message.body;
    });
    this.#subscription.start();
    await super.startActivity();
  }

  protected override async stopActivity(): Promise<void> {
    await this.#subscription?.stop();
    await super.stopActivity();
  }

  protected override async startBuild(slotMs: number): Promise<void> {
    const latest = this.#latest;
    await this.acknowledge((await this.peek(this.#triggers, MANY)).map(({ id }) => id));
    if (latest === null) return;
    const sourcestamps = latest['sourcestamps'] as unknown as readonly Partial<SourceStamp>[];
    await this.addBuildsetForSourceStampsWithDefaults({ sourcestamps, triggerKey: slotKey(slotMs) });
    this.afterCommit(() => {
      if (this.#latest === latest) this.#latest = null;
    });
  }

  get #triggers(): Filter {
    return ['triggers', this.name, 'new'];
  }
}

export const triggerInMemory: Canary = {
  name: 'trigger-in-memory',
  defect:
    'a trigger that another master took is not built by the owner, which clears it with its next slot (B20)',
  oracle: 'no-lost-change',
  scenario: defineScenario({
    name: 'canary-trigger-in-memory',
    description: 'Triggers wait for their slots, while messages are lost and masters crash.',
    masters: 2,
    durationS: 300,
    changes: 0,
    schedulers: () => [new RememberingTriggerable('slots', ['nightly'], { minute: '*' })],
    operations: { trigger: 120 },
    faults: { 'message-drop': 24, 'cut-router': 12, crash: 12 },
    guarantees: ['no-lost-change'],
  }),
  parts: {},
};
