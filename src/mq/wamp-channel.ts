// All consumers of one filter, and their one subscription at the router.
//
// The subscription follows the consumers: it is wanted while there is one, and `settle` asks the router, one request at a
// time, until what is granted is what is wanted. So the last of two consumers keeps hearing when the first stops, and a
// consumer that starts while the channel is being unsubscribed gets a subscription of its own again. A subscription
// belongs to a session and ends with it.

import type { Filter } from '../core/routing-key.js';
import type { Consumer } from './consumer.js';
import { deferred, type Deferred } from './deferred.js';
import { SubscriptionRefusedError } from './message-queue.js';
import type { EventListener, WampSession } from './wamp-session.js';

export class WampChannel {
  readonly filter: Filter;
  readonly #topic: string;
  readonly #onEvent: (channel: WampChannel, topic: string | null, argument: unknown) => void;
  readonly #consumers = new Set<Consumer>();
  /** Those whose startConsuming has not been answered. */
  readonly #waiting = new Map<Consumer, Deferred<void>>();
  #granted: WampSession | null = null;
  #settling: { readonly session: WampSession; readonly done: Promise<void> } | null = null;

  constructor(
    filter: Filter,
    topic: string,
    onEvent: (channel: WampChannel, topic: string | null, argument: unknown) => void,
  ) {
    this.filter = filter;
    this.#topic = topic;
    this.#onEvent = onEvent;
  }

  /** In the order in which they started; a snapshot. */
  get consumers(): readonly Consumer[] {
    return [...this.#consumers];
  }

  get isEmpty(): boolean {
    return this.#consumers.size === 0;
  }

  /** Resolves when the subscription is in force for `consumer`. @throws what `fail` was called with; SubscriptionRefusedError */
  add(consumer: Consumer): Promise<void> {
    this.#consumers.add(consumer);
    if (this.#granted?.isOpen === true) return Promise.resolve();
    const waiting = deferred<void>();
    this.#waiting.set(consumer, waiting);
    return waiting.promise;
  }

  remove(consumer: Consumer): void {
    this.#consumers.delete(consumer);
    this.#waiting.delete(consumer);
  }

  /** Rejects whoever still waits for the subscription. */
  fail(error: Error): void {
    for (const waiting of this.#waiting.values()) waiting.reject(error);
    this.#waiting.clear();
  }

  /**
   * Resolves when the router has granted what is wanted.
   * @throws StandinError `session-lost`; SubscriptionRefusedError when consumers depend on what is refused that had it
   *   before (those that only wait are told themselves)
   */
  settle(session: WampSession): Promise<void> {
    if (this.#settling?.session !== session) this.#settling = { session, done: this.#follow(session) };
    return this.#settling.done;
  }

  async #follow(session: WampSession): Promise<void> {
    // Not before #settling is set.
    await Promise.resolve();
    try {
      while (this.isEmpty === (this.#granted === session)) {
        if (this.isEmpty) await this.#unsubscribe(session);
        else if (!(await this.#subscribe(session))) return;
      }
    } finally {
      // In the same step as the last look at what is wanted: whoever comes later settles anew.
      if (this.#settling?.session === session) this.#settling = null;
    }
  }

  async #subscribe(session: WampSession): Promise<boolean> {
    const listener: EventListener = (topic, argument) => this.#onEvent(this, topic, argument);
    try {
      await session.subscribe(this.#topic, listener);
    } catch (error) {
      if (!(error instanceof SubscriptionRefusedError)) throw error;
      const isOnlyAwaited = this.#consumers.size === this.#waiting.size;
      this.fail(error);
      if (isOnlyAwaited) return false;
      throw error;
    }
    this.#granted = session;
    for (const waiting of this.#waiting.values()) waiting.resolve();
    this.#waiting.clear();
    return true;
  }

  async #unsubscribe(session: WampSession): Promise<void> {
    await session.unsubscribe(this.#topic);
    this.#granted = null;
  }
}
