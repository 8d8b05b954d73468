// WampMQ: the queue of several masters, over a WAMP v2 router. A master hears its own messages through the router too.
//
// What is lost with a connection is not repeated: publications in flight, and what others published meanwhile. What is
// produced while there is no connection waits in a bounded buffer; when that is full it is dropped and counted. After any
// of that, as soon as all subscriptions are in force again, `onReconnected` listeners run, after the buffer was sent.
// @source buildbot master/buildbot/mq/wamp.py, without its silence after the router was lost

import { ConfigError, describeError, StandinError } from '../core/errors.js';
import { deepFreeze, type JsonObject } from '../core/json.js';
import { checkRoutingKey, type Filter, type RoutingKey } from '../core/routing-key.js';
import type { Runtime } from '../runtime/runtime.js';
import { Consumer, deliverSoon } from './consumer.js';
import { withDeadline } from './deferred.js';
import { Listeners } from './listeners.js';
import { frozenBody, isJsonObject } from './message-body.js';
import {
  QueueStoppedError,
  QueueTimeoutError,
  showFilter,
  type DurableCallback,
  type MessageCallback,
  type MessageQueue,
  type QueueReference,
  type ReceivedMessage,
} from './message-queue.js';
import { waitUntilEvent } from './wait-until-event.js';
import { WampChannel } from './wamp-channel.js';
import { WampLink } from './wamp-link.js';
import type { WampSession } from './wamp-session.js';
import { DEFAULT_TOPIC_PREFIX, TopicSpace } from './wamp-topic.js';
import type { WebSocketClass } from './web-socket.js';

export interface WampOptions {
  /** `ws://` or `wss://`. */
  readonly url: string;
  readonly realm: string;
  /** The WebSocket implementation. */
  readonly webSocket: WebSocketClass;
  /** Masters that share it hear each other. Default `org.standin.mq`. */
  readonly topicPrefix?: string;
  /**
   * Whether the router acknowledges what is published, so that what it did not get is counted as unconfirmed. Default true;
   * without it a message costs half of the traffic.
   */
  readonly acknowledge?: boolean;
  /** How long `startConsuming` waits. Default 10,000. */
  readonly subscribeTimeoutMs?: number;
  /** For connecting, joining and resubscribing together. Default 4,000. */
  readonly connectTimeoutMs?: number;
  /** A silent router is noticed within three of these. Default 20,000. */
  readonly probeIntervalMs?: number;
  /** Delays between attempts to connect: random, doubling from here … Default 250. */
  readonly reconnectMinMs?: number;
  /** … to here. Default 3,000. */
  readonly reconnectMaxMs?: number;
  /** How many messages wait for a connection. Default 1,000. */
  readonly maxBuffered?: number;
}

/** Counts since the queue was made. */
export interface WampStatistics {
  /** Sessions that were established with all their subscriptions. */
  readonly sessions: number;
  /** Messages that were given up: the buffer was full, or the queue stopped. */
  readonly dropped: number;
  /** Messages that were sent and not acknowledged: they may have been lost. */
  readonly unconfirmed: number;
  /** Events that were no message of ours. */
  readonly ignored: number;
}

interface OutgoingMessage {
  readonly topic: string;
  readonly body: JsonObject;
}

export class WampMQ implements MessageQueue {
  readonly #runtime: Runtime;
  readonly #topics: TopicSpace;
  readonly #link: WampLink;
  readonly #subscribeTimeoutMs: number;
  readonly #maxBuffered: number;
  readonly #acknowledge: boolean;
  /** By topic, in the order of their first consumer. */
  readonly #channels = new Map<string, WampChannel>();
  readonly #reconnected: Listeners;
  readonly #stopping: Listeners;
  readonly #counts = { sessions: 0, dropped: 0, unconfirmed: 0, ignored: 0 };
  #buffer: OutgoingMessage[] = [];
  #hasMissed = false;
  #isStopping = false;
  #isOver = false;
  #stopped: Promise<void> | null = null;

  /** @throws ConfigError */
  constructor(runtime: Runtime, options: WampOptions) {
    checkOptions(options);
    const prefix = options.topicPrefix ?? DEFAULT_TOPIC_PREFIX;
    this.#runtime = runtime;
    this.#topics = new TopicSpace(prefix);
    this.#subscribeTimeoutMs = options.subscribeTimeoutMs ?? 10_000;
    this.#maxBuffered = options.maxBuffered ?? 1_000;
    this.#acknowledge = options.acknowledge ?? true;
    this.#reconnected = new Listeners('the reconnection of the message queue', runtime.logger);
    this.#stopping = new Listeners('the stop of the message queue', runtime.logger);
    this.#link = this.#makeLink(options, prefix);
  }

  get isConnected(): boolean {
    return this.#link.isUp;
  }

  get statistics(): WampStatistics {
    return { ...this.#counts };
  }

  async start(): Promise<void> {
    if (this.#isStopping) throw new QueueStoppedError();
    await this.#link.start();
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  produce(key: RoutingKey, body: JsonObject): void {
    checkRoutingKey(key);
    const message = { topic: this.#topics.topicOf(key), body: frozenBody(body) };
    if (this.#link.isUp) this.#send(message);
    else if (!this.#isOver && this.#buffer.length < this.#maxBuffered) this.#buffer.push(message);
    else this.#drop();
  }

  /** A durable queue is more than a router can give: the data layer has them (`no-durable-queues`). */
  async startConsuming(
    callback: DurableCallback,
    filter: Filter,
    persistentName?: string,
  ): Promise<QueueReference> {
    if (persistentName !== undefined) throw noDurableQueues(persistentName);
    return this.#consume(callback as MessageCallback, filter);
  }

  /** The session that has joined; null when there is none. */
  protected get session(): WampSession | null {
    return this.#link.session;
  }

  /** The topic that a session subscribes for a filter. */
  protected topicOf(filter: Filter): string {
    return this.#topics.topicOf(filter);
  }

  async #consume(callback: MessageCallback, filter: Filter): Promise<QueueReference> {
    const consumer = new Consumer(this.#runtime, filter, callback, (stopped) => this.#forget(stopped));
    if (this.#isStopping) throw new QueueStoppedError();
    const channel = this.#channelOf(consumer.filter);
    const inForce = channel.add(consumer);
    this.#settle(channel);
    try {
      await withDeadline(this.#runtime.clock, inForce, this.#subscribeTimeoutMs, () =>
        this.#timedOut(filter),
      );
    } catch (error) {
      void consumer.stopConsuming();
      // A session that is up has asked for it long ago: a router that does not answer is no router.
      if (error instanceof QueueTimeoutError && this.isConnected)
        this.#link.session?.end('no answer to SUBSCRIBE');
      throw error;
    }
    return consumer;
  }

  waitUntilEvent(filter: Filter, check: () => Promise<boolean>): Promise<ReceivedMessage | null> {
    return waitUntilEvent(this, this.#stopping, filter, check);
  }

  onReconnected(listener: () => void): () => void {
    return this.#reconnected.add(listener);
  }

  #makeLink(options: WampOptions, prefix: string): WampLink {
    const { url, realm, webSocket } = options;
    const linkOptions = {
      url,
      realm,
      webSocket,
      // Keys have at least one word, and none is escaped as `_p`.
      probeTopic: `${prefix}._p`,
      probeIntervalMs: options.probeIntervalMs ?? 20_000,
      connectTimeoutMs: options.connectTimeoutMs ?? 4_000,
      reconnectMinMs: options.reconnectMinMs ?? 250,
      reconnectMaxMs: options.reconnectMaxMs ?? 3_000,
    };
    return new WampLink(this.#runtime, linkOptions, {
      restore: (session) => this.restore(session),
      onUp: () => this.#onUp(),
      onDown: () => {
        this.#hasMissed = true;
      },
    });
  }

  /** Asks a new session for the subscriptions of all consumers. */
  protected async restore(session: WampSession): Promise<void> {
    // Consumers that start meanwhile settle their channels themselves.
    await Promise.all([...this.#channels.values()].map((channel) => channel.settle(session)));
  }

  #onUp(): void {
    this.#counts.sessions++;
    const waiting = this.#buffer;
    this.#buffer = [];
    for (const message of waiting) this.#send(message);
    if (!this.#hasMissed) return;
    this.#hasMissed = false;
    this.#reconnected.emit();
  }

  #send(message: OutgoingMessage): void {
    const { topic, body } = message;
    void this.#link.session?.publish(topic, body, this.#acknowledge).then((isDone) => {
      if (!isDone) this.#counts.unconfirmed++;
    });
  }

  #drop(): void {
    if (this.#counts.dropped === 0) {
      this.#runtime.logger.log(
        'warning',
        'messages are dropped while there is no connection to the message router',
      );
    }
    this.#counts.dropped++;
    this.#hasMissed = true;
  }

  #channelOf(filter: Filter): WampChannel {
    const topic = this.#topics.topicOf(filter);
    let channel = this.#channels.get(topic);
    if (channel === undefined) {
      channel = new WampChannel(filter, topic, (...event) => this.#onEvent(...event));
      this.#channels.set(topic, channel);
    }
    return channel;
  }

  /** Lets the router follow what the channel wants now; when there is no session, the next one does. */
  #settle(channel: WampChannel): void {
    const session = this.#link.session;
    if (session === null) {
      this.#removeIfIdle(channel);
      return;
    }
    void channel
      .settle(session)
      .catch((error: unknown) => session.end(describeError(error)))
      .finally(() => this.#removeIfIdle(channel));
  }

  #removeIfIdle(channel: WampChannel): void {
    const topic = this.#topics.topicOf(channel.filter);
    if (channel.isEmpty && this.#channels.get(topic) === channel) this.#channels.delete(topic);
  }

  #forget(consumer: Consumer): void {
    const channel = this.#channels.get(this.#topics.topicOf(consumer.filter));
    if (channel === undefined) return;
    channel.remove(consumer);
    // At a stop the session ends as a whole.
    if (channel.isEmpty && !this.#isStopping) this.#settle(channel);
  }

  #onEvent(channel: WampChannel, topic: string | null, argument: unknown): void {
    const key = topic === null ? exactKey(channel.filter) : this.#topics.keyOf(topic);
    if (key === null || !isJsonObject(argument)) {
      this.#counts.ignored++;
      return;
    }
    deliverSoon(channel.consumers, Object.freeze(key), deepFreeze(argument));
  }

  #timedOut(filter: Filter): QueueTimeoutError {
    const where = this.isConnected ? 'has not answered' : 'is not connected';
    return new QueueTimeoutError(
      `the subscription of ${showFilter(filter)} is not in force after ${this.#subscribeTimeoutMs} ms: the router ${where}`,
    );
  }

  async #stop(): Promise<void> {
    this.#isStopping = true;
    const channels = [...this.#channels.values()];
    for (const channel of channels) channel.fail(new QueueStoppedError());
    const consumers = channels.flatMap((channel) => channel.consumers);
    const ended = consumers.map((consumer) => consumer.stopConsuming());
    this.#stopping.emit();
    // What callbacks produce while they end is still sent.
    await Promise.all(ended);
    await this.#link.stop();
    this.#isOver = true;
    this.#counts.dropped += this.#buffer.length;
    this.#buffer = [];
    this.#channels.clear();
  }
}

function noDurableQueues(name: string): StandinError {
  return new StandinError(
    'no-durable-queues',
    `a message router keeps no durable queue '${name}': consume it through a master, whose database does`,
  );
}

/** The key of what an exact subscription hears; null for a filter that is none. */
function exactKey(filter: Filter): RoutingKey | null {
  return filter.every((word) => word !== null) ? filter : null;
}

function checkOptions(options: WampOptions): void {
  if (!/^wss?:\/\/./.test(options.url)) {
    throw new ConfigError(
      `the url of the message router begins with ws:// or wss://, got ${JSON.stringify(options.url)}`,
    );
  }
  if (typeof options.realm !== 'string' || options.realm === '') {
    throw new ConfigError(`the realm of the message router is a word, got ${JSON.stringify(options.realm)}`);
  }
  for (const [name, value] of Object.entries(options)) {
    const isWrong = typeof value === 'number' && !(Number.isSafeInteger(value) && value >= 1);
    if (isWrong) throw new ConfigError(`${name} of the message queue is an integer from 1, got ${value}`);
  }
}
