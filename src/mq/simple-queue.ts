// SimpleMQ: the queue of a single master, within its process. Nothing is lost and nothing is late: each message goes, in
// the next microtask and in the order of `produce`, to those who consumed at that instant and still do.
// Durable queues live as long as the process does: what is produced while nobody consumes one waits for its next consumer.
// A consumer that answers each message with another one keeps the process from ever doing anything else.
// @source buildbot master/buildbot/mq/simple.py

import type { JsonObject } from '../core/json.js';
import {
  checkFilter,
  checkRoutingKey,
  isSameFilter,
  type Filter,
  type RoutingKey,
} from '../core/routing-key.js';
import type { Runtime } from '../runtime/runtime.js';
import { checkCallback, Consumer } from './consumer.js';
import { DurableConsumers } from './durable-consumers.js';
import { Listeners } from './listeners.js';
import { MemoryInbox } from './memory-inbox.js';
import { frozenBody } from './message-body.js';
import {
  checkQueueName,
  QueueFilterError,
  QueueStoppedError,
  type DurableCallback,
  type MessageCallback,
  type MessageQueue,
  type QueueReference,
  type ReceivedMessage,
} from './message-queue.js';
import { Subscriptions } from './subscriptions.js';
import { waitUntilEvent } from './wait-until-event.js';

/** A message on its way, with those who consumed when it was produced. */
interface MessageInFlight {
  readonly consumers: readonly Consumer[];
  readonly key: RoutingKey;
  readonly body: JsonObject;
}

export class SimpleMQ implements MessageQueue {
  readonly #runtime: Runtime;
  readonly #subscriptions = new Subscriptions<Consumer>();
  readonly #consumers = new Map<Consumer, () => void>();
  /** The durable queues, by name and by filter. */
  readonly #inboxes = new Map<string, MemoryInbox>();
  readonly #inboxesByFilter = new Subscriptions<MemoryInbox>();
  readonly #durable: DurableConsumers;
  readonly #stopping: Listeners;
  readonly #inFlight: MessageInFlight[] = [];
  #messages = 0;
  #stopped: Promise<void> | null = null;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
    this.#durable = new DurableConsumers(runtime);
    this.#stopping = new Listeners('the stop of the message queue', runtime.logger);
  }

  get isConnected(): boolean {
    return this.#stopped === null;
  }

  async start(): Promise<void> {
    if (this.#stopped !== null) throw new QueueStoppedError();
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  produce(key: RoutingKey, body: JsonObject): void {
    checkRoutingKey(key);
    const frozen = frozenBody(body);
    if (this.#stopped !== null) return;
    const sent = Object.isFrozen(key) ? key : Object.freeze([...key]);
    const id = ++this.#messages;
    if (this.#inboxes.size > 0) {
      for (const inbox of this.#inboxesByFilter.match(sent)) inbox.append(id, sent, frozen);
    }
    const consumers = this.#subscriptions.match(sent);
    if (consumers.length > 0) this.#deliverSoon({ consumers, key: sent, body: frozen });
  }

  async startConsuming(
    callback: DurableCallback,
    filter: Filter,
    persistentName?: string,
  ): Promise<QueueReference> {
    if (this.#stopped !== null) throw new QueueStoppedError();
    checkCallback(callback);
    if (persistentName !== undefined) {
      return this.#durable.start(persistentName, this.#inboxOf(persistentName, filter), callback);
    }
    const volatile = callback as MessageCallback;
    const consumer = new Consumer(this.#runtime, filter, volatile, (stopped) => this.#forget(stopped));
    this.#consumers.set(consumer, this.#subscriptions.add(consumer.filter, consumer));
    return consumer;
  }

  waitUntilEvent(filter: Filter, check: () => Promise<boolean>): Promise<ReceivedMessage | null> {
    return waitUntilEvent(this, this.#stopping, filter, check);
  }

  /** Never calls it: within a process nothing is interrupted. */
  onReconnected(_listener: () => void): () => void {
    return () => undefined;
  }

  #deliverSoon(message: MessageInFlight): void {
    // One microtask delivers all that is produced before it runs, and what is produced while it does.
    if (this.#inFlight.push(message) === 1) void Promise.resolve().then(() => this.#deliverAll());
  }

  #deliverAll(): void {
    for (const { consumers, key, body } of this.#inFlight) {
      for (const consumer of consumers) consumer.deliver(key, body);
    }
    this.#inFlight.length = 0;
  }

  #inboxOf(name: string, filter: Filter): MemoryInbox {
    checkFilter(filter);
    checkQueueName(name);
    const registered = this.#inboxes.get(name);
    if (registered === undefined) return this.#register(name, filter);
    if (!isSameFilter(registered.filter, filter)) throw new QueueFilterError(name, registered.filter, filter);
    return registered;
  }

  #register(name: string, filter: Filter): MemoryInbox {
    const inbox = new MemoryInbox(filter);
    this.#inboxes.set(name, inbox);
    this.#inboxesByFilter.add(inbox.filter, inbox);
    return inbox;
  }

  #forget(consumer: Consumer): void {
    this.#consumers.get(consumer)?.();
    this.#consumers.delete(consumer);
  }

  async #stop(): Promise<void> {
    const ended = [...this.#consumers.keys()].map((consumer) => consumer.stopConsuming());
    this.#stopping.emit();
    await Promise.all([...ended, this.#durable.stop()]);
  }
}
