// The events that wait for a scheduler in one durable queue, one after the other, in the order in which they were committed.
//
// The durable queue is the truth. A message of the broker only says that it may be worth looking; a look at every claim
// poll finds what no message announced. A message is gone from the queue when the effect that consumed it has committed,
// so whatever fails or dies half-way gets it again.
//
// Ids follow the order of commits, so nothing new appears before a message that was seen: each look goes on where the last
// one ended, and after an error again at the front. Messages that nobody wants are acknowledged along with an effect, or
// at the poll, not each by itself.

import { describeError } from '../core/errors.js';
import type { QueuedMessage } from '../db/queues.js';
import type { QueuesConnector } from '../db/queues.js';
import type { Filter } from '../core/routing-key.js';
import type { MessageQueue } from '../mq/message-queue.js';
import type { Runtime } from '../runtime/runtime.js';
import { Loop } from '../services/loop.js';
import type { Poll } from '../services/poll.js';
import { Subscription } from '../services/subscription.js';

export interface FeedContext {
  readonly runtime: Runtime;
  readonly queues: QueuesConnector;
  readonly mq: MessageQueue;
  /** What the queue holds. */
  readonly filter: Filter;
  readonly poll: Poll;
  /** Aborts when nothing more may be consumed. */
  readonly signal: AbortSignal;
}

/** What the feed calls: one message at a time, and `settle` now and then, at least once a claim poll. */
export interface FeedConsumer {
  /** Consumes a message; if it throws, the message comes again. */
  consume(message: QueuedMessage): Promise<void>;
  settle(): Promise<void>;
}

const BATCH = 100;
const RETRY_MS = 1_000;

export class EventFeed {
  protected readonly context: FeedContext;
  protected readonly queueName: string;
  protected readonly consumer: FeedConsumer;
  readonly #loop: Loop;
  readonly #subscription: Subscription;
  #seenId = 0;
  /** A poll has come since the consumer last settled. */
  #isSettleDue = false;
  #endPolling = (): void => undefined;

  constructor(context: FeedContext, queueName: string, consumer: FeedConsumer) {
    this.context = context;
    this.queueName = queueName;
    this.consumer = consumer;
    const options = {
      name: `the feed ${queueName}`,
      retryMs: RETRY_MS,
    };
    this.#loop = new Loop(context.runtime, options, () => this.drain());
    this.#subscription = new Subscription(context.runtime, context.mq, context.filter, () => this.wake());
  }

  /** Begins to look. */
  start(): void {
    this.#subscription.start();
    this.#endPolling = this.context.poll.add(() => {
      this.#isSettleDue = true;
      this.#loop.wake();
    });
    this.#loop.start();
  }

  /** Resolves when nothing is being consumed any more. */
  async stop(): Promise<void> {
    this.#endPolling();
    await Promise.all([this.#subscription.stop(), this.#loop.stop()]);
  }

  /** Looks at once. */
  protected wake(): void {
    this.#loop.wake();
  }

  /** Consumes all that waits. */
  protected async drain(): Promise<void> {
    const { queues, signal } = this.context;
    for (;;) {
      if (signal.aborted) return;
      const messages = await queues.peek(this.queueName, { afterId: this.#seenId, limit: BATCH });
      for (const message of messages) {
        if (signal.aborted) return;
        await this.#consume(message);
      }
      if (messages.length < BATCH) break;
      await this.consumer.settle();
    }
    if (!this.#isSettleDue) return;
    this.#isSettleDue = false;
    await this.consumer.settle();
  }

  async #consume(message: QueuedMessage): Promise<void> {
    this.context.runtime.probe.emit('message-taken', { queue: this.queueName, messageId: message.id });
    try {
      await this.consumer.consume(message);
      this.#seenId = message.id;
    } catch (error) {
      this.#seenId = 0;
      const { logger } = this.context.runtime;
      logger.log(
        'error',
        `message ${message.id} of ${this.queueName} will be consumed again: ${describeError(error)}`,
      );
      throw error;
    }
  }
}
