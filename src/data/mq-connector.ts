// The message queue of a master, `master.mq`: a queue of whatever kind for messages that are hints, and the durable queues of
// the database for consumers with a persistent name. The kind cannot change while a master runs.
// @source buildbot master/buildbot/mq/connector.py

import type { JsonObject } from '../core/json.js';
import { checkFilter, type Filter, type RoutingKey } from '../core/routing-key.js';
import type { Transaction } from '../db/transaction.js';
import { checkCallback } from '../mq/consumer.js';
import { DurableConsumers } from '../mq/durable-consumers.js';
import {
  checkQueueName,
  QueueStoppedError,
  type Delivery,
  type DurableCallback,
  type MessageCallback,
  type MessageQueue,
  type QueueReference,
  type ReceivedMessage,
} from '../mq/message-queue.js';
import { DurableQueues, type DurableQueuesContext } from './durable-queues.js';

export class MQConnector implements MessageQueue {
  readonly #volatile: MessageQueue;
  readonly #queues: DurableQueues;
  readonly #consumers: DurableConsumers;
  #stopped: Promise<void> | null = null;

  constructor(context: DurableQueuesContext) {
    this.#volatile = context.mq;
    this.#queues = new DurableQueues(context);
    this.#consumers = new DurableConsumers(context.runtime);
  }

  get isConnected(): boolean {
    return this.#volatile.isConnected;
  }

  start(): Promise<void> {
    return this.#volatile.start();
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  /** Reaches those who listen, and no durable queue: for those, announce it with a transaction (`master.data.announce`). */
  produce(key: RoutingKey, body: JsonObject): void {
    this.#volatile.produce(key, body);
  }

  startConsuming(
    callback: DurableCallback,
    filter: Filter,
    persistentName?: string,
  ): Promise<QueueReference> {
    if (persistentName !== undefined) return this.#consumeDurably(callback, filter, persistentName);
    return this.#volatile.startConsuming(callback as MessageCallback, filter);
  }

  /** Does `work` and acknowledges the message in one transaction; see DurableQueues.consume. */
  consume<T>(delivery: Delivery, work: (tx: Transaction) => Promise<T>): Promise<T> {
    return this.#queues.consume(delivery, work);
  }

  waitUntilEvent(filter: Filter, check: () => Promise<boolean>): Promise<ReceivedMessage | null> {
    return this.#volatile.waitUntilEvent(filter, check);
  }

  onReconnected(listener: () => void): () => void {
    return this.#volatile.onReconnected(listener);
  }

  async #consumeDurably(callback: DurableCallback, filter: Filter, name: string): Promise<QueueReference> {
    checkFilter(filter);
    checkQueueName(name);
    checkCallback(callback);
    const inbox = await this.#queues.open(name, filter);
    if (this.#stopped !== null) throw new QueueStoppedError();
    return this.#consumers.start(name, inbox, callback);
  }

  async #stop(): Promise<void> {
    await this.#consumers.stop();
    await this.#volatile.stop();
  }
}
