// Durable queues: the transactional inbox. What a transaction announces is queued, in that same transaction, for every
// registered queue whose filter matches; a consumer deletes a message in the transaction of what it does with it.
//
// The rows are inserted in the last batch before COMMIT under the lock `inbox`, so that their ids are in commit order:
// a consumer that reads in order of ids misses nothing. The registrations are read by that very statement.

import { present } from '../core/assert.js';
import type { JsonValue } from '../core/json.js';
import { decodeJson } from '../core/json.js';
import type { Filter, RoutingKey } from '../core/routing-key.js';
import type { Database } from './database.js';
import type { Row, Statement } from './driver.js';
import { findOrInsert } from './find-or-insert.js';
import type { IdAllocator } from './ids.js';
import { integerOf, placeholders, textOf } from './row.js';

export interface QueuedMessage {
  readonly id: number;
  readonly key: RoutingKey;
  readonly body: JsonValue;
}

/** Registers a queue; from the end of the transaction on, nothing that matches is missed. */
export function queueRegistration(id: number, name: string, filter: Filter): Statement {
  return {
    sql: 'INSERT INTO queues (id, name, filter) VALUES (?, ?, ?)',
    values: [id, name, JSON.stringify(filter)],
  };
}

/** Queues a message for all registered queues that match; must be in the last batch of its transaction. */
export function enqueueStatement(key: RoutingKey, body: string): Statement {
  const filters = matchingFilters(key);
  return {
    sql: `INSERT INTO queue_messages (queueid, routing_key, body)
          SELECT id, ?, ? FROM queues WHERE filter IN ${placeholders(filters.length)} ORDER BY id`,
    values: [JSON.stringify(key), body, ...filters],
    lock: 'inbox',
  };
}

/** Deletes exactly these messages; its `changes` says how many there were. */
export function acknowledgeStatement(ids: readonly number[]): Statement {
  return { sql: `DELETE FROM queue_messages WHERE id IN ${placeholders(ids.length)}`, values: ids };
}

/** A consumer looks again soon; meanwhile it may have to end, and waits for no dead database. */
const PEEK_DEADLINE_MS = 5_000;

/** How far into its queue a consumer has looked. */
export interface Look {
  /** The message after which it looks. */
  readonly afterId: number;
  /** At most so many messages. */
  readonly limit: number;
}

/** A look into a queue that waits to be sent. */
interface Peek extends Look {
  readonly name: string;
  readonly resolve: (messages: readonly QueuedMessage[]) => void;
  readonly reject: (error: unknown) => void;
}

export class QueuesConnector {
  readonly #database: Database;
  readonly #ids: IdAllocator;
  #peeks: Peek[] = [];

  constructor(database: Database, ids: IdAllocator) {
    this.#database = database;
    this.#ids = ids;
  }

  /**
   * Registers a queue of this name unless there is one: what commits from then on and matches is queued. Returns the filter
   * that it is registered with.
   */
  async register(name: string, filter: Filter): Promise<Filter> {
    const id = await findOrInsert(this.#database, this.#ids, {
      table: 'queues',
      find: { sql: 'SELECT id FROM queues WHERE name = ?', values: [name] },
      insert: { name, filter: JSON.stringify(filter) },
    });
    const [found] = await this.#database.read([
      { sql: 'SELECT filter FROM queues WHERE id = ?', values: [id] },
    ]);
    return decodeJson(textOf(present(found?.rows[0], `queue ${id}`), 'filter'), 'a filter') as Filter;
  }

  /** Deletes a message, in a transaction of its own; harmless when it is gone. */
  async acknowledge(id: number): Promise<void> {
    await this.#database.batch([acknowledgeStatement([id])]);
  }

  /**
   * The first messages that wait in the queue of this name after message `afterId`, in the order of their commits: at
   * most `limit`. Looks that begin at the same instant (one message wakes many consumers) are one statement.
   */
  peek(name: string, look: Look): Promise<readonly QueuedMessage[]> {
    return new Promise((resolve, reject) => {
      this.#peeks.push({ ...look, name, resolve, reject });
      if (this.#peeks.length === 1) void Promise.resolve().then(() => this.#sendPeeks());
    });
  }

  async #sendPeeks(): Promise<void> {
    const peeks = this.#peeks;
    this.#peeks = [];
    try {
      const found = await this.#look(peeks);
      for (const [i, { resolve }] of peeks.entries()) resolve(present(found[i], 'messages'));
    } catch (error) {
      for (const { reject } of peeks) reject(error);
    }
  }

  /** One list of messages for each peek. */
  async #look(peeks: readonly Peek[]): Promise<readonly (readonly QueuedMessage[])[]> {
    const limit = Math.max(...peeks.map((peek) => peek.limit));
    const conditions = peeks.map(() => '(q.name = ? AND m.id > ?)').join(' OR ');
    const statement: Statement = {
      sql: `SELECT q.name, m.id, m.routing_key, m.body FROM queues q JOIN queue_messages m ON m.queueid = q.id
            WHERE ${conditions} ORDER BY m.id LIMIT ?`,
      values: [...peeks.flatMap(({ name, afterId }) => [name, afterId]), limit],
    };
    const { rows } = present((await this.#database.read([statement], PEEK_DEADLINE_MS))[0], 'messages');
    // One queue may have crowded out the others.
    if (rows.length === limit && peeks.length > 1)
      return (await Promise.all(peeks.map((peek) => this.#look([peek])))).flat();
    return peeks.map((peek) =>
      rows
        .filter((row) => isFor(peek, row))
        .slice(0, peek.limit)
        .map(messageOf),
    );
  }
}

function isFor({ name, afterId }: Peek, row: Row): boolean {
  return row['name'] === name && integerOf(row, 'id') > afterId;
}

function messageOf(row: Row): QueuedMessage {
  return {
    id: integerOf(row, 'id'),
    key: decodeJson(textOf(row, 'routing_key'), 'a routing key') as RoutingKey,
    body: decodeJson(textOf(row, 'body'), 'a message body'),
  };
}

/** The texts of all filters that match `key`: each word as it is, or null; as `JSON.stringify` writes them. */
function matchingFilters(key: RoutingKey): readonly string[] {
  let heads = ['['];
  for (const [i, word] of key.entries()) {
    const text = JSON.stringify(word);
    const end = i === key.length - 1 ? ']' : ',';
    heads = heads.flatMap((head) => [`${head}${text}${end}`, `${head}null${end}`]);
  }
  return heads;
}
