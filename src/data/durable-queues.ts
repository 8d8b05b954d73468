// Durable queues in the database: the transactional inbox, as consumers see it. It stands here because it needs both the
// database, which keeps the messages, and the message queue, whose hints say that it may be worth looking; those two do not
// know each other.
//
// What waits is the truth: a queue holds exactly what committed transactions announced since its registration, in the order
// of their commits. A hint only shortens the wait for the next look, which comes once a poll without any.

import { present } from '../core/assert.js';
import { StandinError } from '../core/errors.js';
import { deepFreeze, type JsonObject } from '../core/json.js';
import { isSameFilter, type Filter } from '../core/routing-key.js';
import type { DatabaseConnector } from '../db/connector.js';
import { acknowledgeStatement } from '../db/queues.js';
import type { Transaction } from '../db/transaction.js';
import type { Inbox, WaitingMessage } from '../mq/inbox.js';
import {
  QueueFilterError,
  type Delivery,
  type MessageQueue,
  type QueueReference,
} from '../mq/message-queue.js';
import type { Timer } from '../runtime/clock.js';
import type { Runtime } from '../runtime/runtime.js';

/** Somebody else has acknowledged the message: nothing was done. */
export class MessageGoneError extends StandinError {
  constructor(id: number) {
    super('message-gone', `message ${id} of a durable queue has been acknowledged by another consumer`);
  }
}

export interface DurableQueuesContext {
  readonly runtime: Runtime;
  readonly db: DatabaseConnector;
  /** Where hints come from. */
  readonly mq: MessageQueue;
  /** How often each consumer looks without a hint. */
  readonly pollMs: number;
}

export class DurableQueues {
  readonly #context: DurableQueuesContext;

  constructor(context: DurableQueuesContext) {
    this.#context = context;
  }

  /**
   * The queue of this name, registered when it does not exist.
   * @throws QueueFilterError; DatabaseError
   */
  async open(name: string, filter: Filter): Promise<Inbox> {
    // Schedulers have queues of their own, in the same table.
    const row = `consumer:${name}`;
    const registered = await this.#context.db.queues.register(row, filter);
    if (!isSameFilter(registered, filter)) throw new QueueFilterError(name, registered, filter);
    return new DatabaseInbox(this.#context, row, filter);
  }

  /**
   * Does `work` and acknowledges the message in one transaction: both happen once, or neither does, however often and
   * wherever the message is delivered. `work` may run several times; its result is JSON.
   * @throws MessageGoneError when the message was acknowledged otherwise; DatabaseError
   */
  async consume<T>(delivery: Delivery, work: (tx: Transaction) => Promise<T>): Promise<T> {
    const attempt = async (tx: Transaction): Promise<T> => {
      const [deleted] = await tx.run([acknowledgeStatement([delivery.id])]);
      if (present(deleted, 'deletion').changes !== 1) throw new MessageGoneError(delivery.id);
      return work(tx);
    };
    const result = await this.#context.db.database.transaction(attempt, {
      operation: `consume.${delivery.id}`,
    });
    delivery.settle();
    return result;
  }
}

class DatabaseInbox implements Inbox {
  readonly #context: DurableQueuesContext;
  readonly #name: string;
  readonly #filter: Filter;

  constructor(context: DurableQueuesContext, name: string, filter: Filter) {
    this.#context = context;
    this.#name = name;
    this.#filter = filter;
  }

  async peek(limit: number): Promise<readonly WaitingMessage[]> {
    const messages = await this.#context.db.queues.peek(this.#name, { afterId: 0, limit });
    return messages.map(({ id, key, body }) => deepFreeze({ id, key, body: body as JsonObject }));
  }

  taking(messageId: number): void {
    this.#context.runtime.probe.emit('message-taken', { queue: this.#name, messageId });
  }

  acknowledge(id: number): Promise<void> {
    return this.#context.db.queues.acknowledge(id);
  }

  watch(wake: () => void): () => Promise<void> {
    const watch = new Watch(this.#context, this.#filter, wake);
    return () => watch.stop();
  }
}

/** Wakes at each message, after each interruption, and once a poll. */
class Watch {
  readonly #context: DurableQueuesContext;
  readonly #filter: Filter;
  readonly #wake: () => void;
  readonly #removeReconnected: () => void;
  #poll: Timer;
  #isSubscribing = false;
  #reference: QueueReference | null = null;
  #isStopped = false;

  constructor(context: DurableQueuesContext, filter: Filter, wake: () => void) {
    this.#context = context;
    this.#filter = filter;
    this.#wake = wake;
    this.#removeReconnected = context.mq.onReconnected(wake);
    void this.#subscribe();
    this.#poll = this.#setPoll();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#poll.cancel();
    this.#removeReconnected();
    await this.#reference?.stopConsuming();
  }

  #setPoll(): Timer {
    return this.#context.runtime.clock.setTimer(() => {
      this.#poll = this.#setPoll();
      void this.#subscribe();
      this.#wake();
    }, this.#context.pollMs);
  }

  async #subscribe(): Promise<void> {
    if (this.#isSubscribing || this.#reference !== null) return;
    this.#isSubscribing = true;
    try {
      const reference = await this.#context.mq.startConsuming(() => this.#wake(), this.#filter);
      if (this.#isStopped) return await reference.stopConsuming();
      this.#reference = reference;
      this.#wake();
    } catch {
      // Out of reach, or stopped: the polls find what waits, and each of them tries again.
    } finally {
      this.#isSubscribing = false;
    }
  }
}
