// Events from the transaction that makes them true to the message queue: written with it (outbox and durable queues),
// published after it has committed, and published by any master when their writer did not live to do it.
//
// 1. A transaction announces: rows in `events` and `queue_messages`, in its last batch.
// 2. It commits: the messages are handed to the queue, their ids remembered as published.
// 3. At the next heartbeat the writer forgets the rows of published events.
// 4. A row that is seen at two polls in a row has no living writer: whoever sees it publishes it, and forgets it.

import { present } from '../core/assert.js';
import { StandinError } from '../core/errors.js';
import { encodeJson, sealedJson } from '../core/json.js';
import type { DatabaseConnector } from '../db/connector.js';
import { storeEventsStatement, type StoredEvent } from '../db/events.js';
import { enqueueStatement } from '../db/queues.js';
import type { Transaction } from '../db/transaction.js';
import type { MessageQueue } from '../mq/message-queue.js';
import { wallSeconds, type Clock } from '../runtime/clock.js';
import type { Event } from './events.js';

const SCAN_LIMIT = 200;

/** A transaction had more to announce than there were ids for; it has done nothing. */
class TooFewIdsError extends StandinError {
  readonly missing: number;

  constructor(missing: number) {
    super('too-few-ids', `${missing} more events than ids`);
    this.missing = missing;
  }
}

export class EventWriter {
  readonly #db: DatabaseConnector;
  readonly #mq: MessageQueue;
  readonly #clock: Clock;
  #published: number[] = [];
  #seenBefore: ReadonlySet<number> = new Set();

  constructor(db: DatabaseConnector, mq: MessageQueue, clock: Clock) {
    this.#db = db;
    this.#mq = mq;
    this.#clock = clock;
  }

  /** Hands out the ids of `count` events, before the transaction that announces them. */
  takeIds(count: number): Promise<readonly number[]> {
    return this.#db.ids.take('events', count);
  }

  /**
   * Has `work` run a transaction with ids for `count` events. Where that number was read before the transaction, the rows
   * may have become more meanwhile; then `work` runs once more, with enough of them. The first id stays the first.
   */
  async withIds<T>(count: number, work: (ids: readonly number[]) => Promise<T>): Promise<T> {
    let ids = await this.takeIds(count);
    for (;;) {
      try {
        return await work(ids);
      } catch (error) {
        if (!(error instanceof TooFewIdsError)) throw error;
        ids = [...ids, ...(await this.takeIds(error.missing))];
      }
    }
  }

  /** Announces events with this transaction: never before it has committed, never if it does not. */
  announce(tx: Transaction, events: readonly Event[], ids: readonly number[]): void {
    if (events.length > ids.length) throw new TooFewIdsError(events.length - ids.length);
    const now = wallSeconds(this.#clock);
    // Looked through once, here: what is written and what is published are the same, and nobody can change it.
    const stored = events.map(({ key, body }, i) => ({
      id: present(ids[i], 'event id'),
      key: Object.freeze([...key]),
      body: sealedJson(body, 'body'),
    }));
    if (stored.length === 0) return;
    const rows = stored.map(({ id, key, body }) => ({ id, key, body: encodeJson(body) }));
    tx.tail(storeEventsStatement(rows, now));
    for (const { key, body } of rows) tx.tail(enqueueStatement(key, body));
    tx.afterCommit(() => this.#publish(stored));
  }

  /** Step 4, once a poll. */
  async publishOrphans(): Promise<void> {
    const ids = await this.#db.events.unpublished(SCAN_LIMIT);
    const mine = new Set(this.#published);
    const orphans = ids.filter((id) => this.#seenBefore.has(id) && !mine.has(id));
    this.#seenBefore = new Set(ids);
    if (orphans.length > 0) this.#publish(await this.#db.events.get(orphans));
  }

  /** Whether there is something to forget. */
  get hasPublished(): boolean {
    return this.#published.length > 0;
  }

  /** Step 3, once a heartbeat. */
  async forgetPublished(): Promise<void> {
    const done = this.#published;
    if (done.length === 0) return;
    this.#published = [];
    try {
      await this.#db.events.forget(done);
    } catch (error) {
      this.#published.push(...done);
      throw error;
    }
  }

  #publish(events: readonly StoredEvent[]): void {
    for (const event of events) {
      this.#mq.produce(event.key, event.body);
      this.#published.push(event.id);
    }
  }
}
