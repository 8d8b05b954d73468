// A scheduler that, beside its feed of changes, uses the message queue as users do: it listens to a filter of its own, and
// after each interruption waits once for the next change. The canaries of the message queue run with it.

import type { Filter } from '../../src/core/routing-key.js';
import { NEW_CHANGES } from '../../src/data/events.js';
import type { MessageQueue, QueueReference } from '../../src/mq/message-queue.js';
import type { SchedulerContext } from '../../src/schedulers/context.js';
import { SingleBranchScheduler } from '../../src/schedulers/single-branch.js';

/** Keys of changes have three words: nothing matches. */
const TOO_SHORT: Filter = ['changes', null];

export class WaitingScheduler extends SingleBranchScheduler {
  #mq: MessageQueue | null = null;
  #listening: Promise<QueueReference | null> | null = null;
  #removeReconnected: () => void = () => undefined;

  override attach(context: SchedulerContext, objectid: number): void {
    super.attach(context, objectid);
    this.#mq = context.mq;
  }

  protected override async startActivity(): Promise<void> {
    await super.startActivity();
    const mq = this.#mq;
    if (mq === null) return;
    this.#listening = mq.startConsuming(() => undefined, TOO_SHORT).catch(() => null);
    this.#removeReconnected = mq.onReconnected(() => {
      // Nobody needs the answer.
      mq.waitUntilEvent(NEW_CHANGES, async () => false).catch(() => undefined);
    });
  }

  protected override async stopActivity(): Promise<void> {
    this.#removeReconnected();
    await (await this.#listening)?.stopConsuming();
    await super.stopActivity();
  }
}
