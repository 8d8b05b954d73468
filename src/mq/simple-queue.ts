// SimpleMQ: the queue of a single master, within its process. Nothing is lost and nothing is late: each message goes, in
// a microtask of its own and in the order of `produce`, to those who consumed at that instant and still do.
// A consumer that answers each message with another one keeps the process from ever doing anything else.
// @source buildbot master/buildbot/mq/simple.py

import type { JsonObject } from '../core/json.js';
import { checkRoutingKey, type Filter, type RoutingKey } from '../core/routing-key.js';
import type { Runtime } from '../runtime/runtime.js';
import { Consumer, deliverSoon } from './consumer.js';
import { Listeners } from './listeners.js';
import { frozenBody } from './message-body.js';
import {
  QueueStoppedError,
  type MessageCallback,
  type MessageQueue,
  type QueueReference,
  type ReceivedMessage,
} from './message-queue.js';
import { Subscriptions } from './subscriptions.js';
import { waitUntilEvent } from './wait-until-event.js';

export class SimpleMQ implements MessageQueue {
  readonly #runtime: Runtime;
  readonly #subscriptions = new Subscriptions<Consumer>();
  readonly #consumers = new Map<Consumer, () => void>();
  readonly #stopping: Listeners;
  #stopped: Promise<void> | null = null;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
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
    if (this.#stopped === null) deliverSoon(this.#subscriptions.match(key), Object.freeze([...key]), frozen);
  }

  async startConsuming(callback: MessageCallback, filter: Filter): Promise<QueueReference> {
    if (this.#stopped !== null) throw new QueueStoppedError();
    const consumer = new Consumer(this.#runtime, filter, callback, (stopped) => this.#forget(stopped));
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

  #forget(consumer: Consumer): void {
    this.#consumers.get(consumer)?.();
    this.#consumers.delete(consumer);
  }

  async #stop(): Promise<void> {
    const ended = [...this.#consumers.keys()].map((consumer) => consumer.stopConsuming());
    this.#stopping.emit();
    await Promise.all(ended);
  }
}
