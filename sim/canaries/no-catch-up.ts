// B12, B13: a scheduler hears of changes by messages only. What arrives while none is active, or whose message is lost, is
// never built.

import { NEW_CHANGES } from '../../src/data/events.js';
import { EventFeed } from '../../src/schedulers/event-feed.js';
import type { QueueReference } from '../../src/mq/message-queue.js';
import { SingleBranchScheduler } from '../../src/schedulers/single-branch.js';
import { defineScenario } from '../scenario.js';
import type { Canary } from './canary.js';

const EVERYTHING = 1_000_000;

class DeafFeed extends EventFeed {
  #reference: QueueReference | null = null;
  #isStopped = false;
  /** One message at a time: that is not the defect. */
  #turn: Promise<void> = Promise.resolve();

  override start(): void {
    void this.context.mq
      .startConsuming((key) => {
        this.#turn = this.#turn.then(() => this.#heard(Number(key[1]))).catch(() => undefined);
      }, NEW_CHANGES)
      .then(
        (reference) => {
          this.#reference = reference;
        },
        () => undefined, // never subscribed, hears nothing
      );
  }

  override async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#reference?.stopConsuming();
  }

  async #heard(changeid: number): Promise<void> {
    if (this.#isStopped) return;
    const waiting = await this.context.queues.peek(this.queueName, { afterId: 0, limit: EVERYTHING });
    const message = waiting.find(({ key }) => Number(key[1]) === changeid);
    if (message !== undefined && !this.#isStopped) await this.consumer.consume(message);
  }
}

export const noCatchUp: Canary = {
  name: 'no-catch-up',
  defect:
    'changes that come while no master is active, or whose message is lost, are never looked up (B12, B13)',
  oracle: 'no-lost-change',
  scenario: defineScenario({
    name: 'canary-no-catch-up',
    description: 'Masters crash and messages are lost while changes arrive.',
    schedulers: () => [new SingleBranchScheduler('fast', ['linux'], { branch: 'master' })],
    faults: { crash: 16, 'message-drop': 12 },
    guarantees: ['no-lost-change'],
  }),
  parts: { EventFeed: DeafFeed },
};
