// The message queue port, which every layer above sees as `master.mq`, and its errors.
//
// Messages are hints: they may be lost, late, doubled or out of order across producers, and never carry the only copy of
// a fact. What an implementation does promise:
//   - a consumer gets exactly the messages whose key its filter matches, each as a deep-frozen JSON object;
//   - messages of one producer to one consumer keep their order as long as the transport keeps it;
//   - no callback starts inside `produce` (each message is delivered in a microtask of its own), nor after
//     `stopConsuming` was called, whoever started or stopped consuming meanwhile;
//   - a callback that throws or rejects is logged once and disturbs nobody else;
//   - after an interruption all subscriptions are in force again before `onReconnected` listeners run.
// Callbacks of one consumer may overlap when they await: a second delivery does not wait for the first to finish.
//
// A consumer with a persistent name is another matter: its messages wait in a durable queue, come one at a time in the
// order in which they were produced, and come again until they have been acknowledged (see durable-consumer.ts).

import { StandinError } from '../core/errors.js';
import type { JsonObject } from '../core/json.js';
import type { Filter, RoutingKey } from '../core/routing-key.js';

/** What a consumer is called with; both arguments are deep-frozen. */
export type MessageCallback = (key: RoutingKey, body: JsonObject) => void | Promise<void>;

/** The same for a durable queue. A message is acknowledged when the callback has ended well; else it comes again. */
export type DurableCallback = (key: RoutingKey, body: JsonObject, delivery: Delivery) => void | Promise<void>;

/** One message of a durable queue on its way through the callback. */
export interface Delivery {
  /** Unique in all durable queues of a database (or process), ascending in each. */
  readonly id: number;
  /** Says that the consumer has acknowledged it itself, in a transaction of its own that has committed. */
  settle(): void;
}

/** A message as it was received. */
export interface ReceivedMessage {
  readonly key: RoutingKey;
  readonly body: JsonObject;
}

/** A consumer that has been started. */
export interface QueueReference {
  /**
   * No callback starts once this was called. Resolves when the callbacks that had started have ended: not counting one
   * that calls it synchronously, and after 30 s at the latest (logged), so that a callback which awaits it later on, and
   * thereby itself, does not hang for ever. Idempotent; never rejects.
   */
  stopConsuming(): Promise<void>;
}

export interface MessageQueue {
  /** Begins work; resolves also when the router cannot be reached yet (see `isConnected`). Once in a lifetime. */
  start(): Promise<void>;
  /** Stops all consumers, waits for the callbacks that had started (30 s at most), and takes leave. Idempotent. */
  stop(): Promise<void>;
  /**
   * Sends a message and returns at once.
   * @throws StandinError `bad-routing-key`, `bad-body`, `not-json`: for wrong arguments only.
   */
  produce(key: RoutingKey, body: JsonObject): void;
  /**
   * Resolves when the subscription is in force: what anybody produces from then on reaches `callback`. (So may what was
   * on its way at that moment.)
   * @throws StandinError `bad-filter`
   * @throws QueueTimeoutError when it was not in force in time; then nothing of it is left behind
   * @throws QueueStoppedError, SubscriptionRefusedError
   */
  startConsuming(callback: MessageCallback, filter: Filter): Promise<QueueReference>;
  /**
   * Consumes the durable queue of this name, which is registered when it does not exist: from then on what `filter` matches
   * waits in it, whoever consumes or does not. What waits comes first, one message at a time.
   * @throws StandinError `bad-filter`, `bad-queue-name`
   * @throws QueueInUseError, QueueFilterError, QueueStoppedError; StandinError `no-durable-queues` where there are none
   */
  startConsuming(callback: DurableCallback, filter: Filter, persistentName: string): Promise<QueueReference>;
  /**
   * Subscribes, then asks `check`: null if it says true, else the first message that `filter` matches, one that came
   * while `check` ran included. After an interruption `check` is asked again.
   * @throws whatever `startConsuming` and `check` throw; QueueStoppedError when the queue stops meanwhile
   */
  waitUntilEvent(filter: Filter, check: () => Promise<boolean>): Promise<ReceivedMessage | null>;
  /**
   * Calls `listener` whenever messages may have been missed and all subscriptions are in force (again): consumers then
   * reload from the database. Returns what removes the listener.
   */
  onReconnected(listener: () => void): () => void;
  /** False while this process neither hears nor is heard. */
  readonly isConnected: boolean;
}

/** A subscription was not in force in time: the router cannot be reached, or is silent. */
export class QueueTimeoutError extends StandinError {
  constructor(message: string) {
    super('queue-timeout', message, { isRetryable: true });
  }
}

/** The queue was stopped before or during the call. */
export class QueueStoppedError extends StandinError {
  constructor() {
    super('queue-stopped', 'the message queue has been stopped');
  }
}

/** The router answered a subscription with an error. */
export class SubscriptionRefusedError extends StandinError {
  constructor(topic: string, reason: string) {
    super('subscription-refused', `the router refused to subscribe ${topic}: ${reason}`);
  }
}

/** The durable queue has a consumer in this process already. */
export class QueueInUseError extends StandinError {
  constructor(name: string) {
    super('queue-in-use', `the durable queue '${name}' has a consumer, and its callback may still run`);
  }
}

/** The durable queue was registered with another filter: what waits in it is not what was asked for. */
export class QueueFilterError extends StandinError {
  constructor(name: string, registered: Filter, wanted: Filter) {
    super(
      'queue-filter',
      `the durable queue '${name}' is registered for ${showFilter(registered)}, expected ${showFilter(wanted)}`,
    );
  }
}

/** @throws StandinError `bad-queue-name` unless `name` is a text that is not empty. */
export function checkQueueName(name: unknown): void {
  if (typeof name === 'string' && name !== '') return;
  throw new StandinError('bad-queue-name', `the name of a durable queue is a text that is not empty`);
}

/** `changes.*.new`, for people. */
export function showFilter(filter: Filter): string {
  return filter.map((word) => word ?? '*').join('.');
}
