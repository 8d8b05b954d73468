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

/** A look into a queue that waits to be sent. */
interface Peek {
  readonly statement: Statement;
  readonly resolve: (messages: readonly QueuedMessage[]) => void;
  readonly reject: (error: unknown) => void;
}

export class QueuesConnector {
  readonly #database: Database;
  #peeks: Peek[] = [];

  constructor(database: Database) {
    this.#database = database;
  }

  /**
   * At most `limit` messages that wait in the queue of this name after message `afterId`, in the order of their commits.
   * Looks that begin at the same instant (one message wakes many consumers) share a round trip.
   */
  peek(
    name: string,
    { afterId, limit }: { readonly afterId: number; readonly limit: number },
  ): Promise<readonly QueuedMessage[]> {
    const sql = `SELECT m.id, m.routing_key, m.body FROM queue_messages m JOIN queues q ON q.id = m.queueid
                 WHERE q.name = ? AND m.id > ? ORDER BY m.id LIMIT ?`;
    return new Promise((resolve, reject) => {
      this.#peeks.push({ statement: { sql, values: [name, afterId, limit] }, resolve, reject });
      if (this.#peeks.length === 1) void Promise.resolve().then(() => this.#sendPeeks());
    });
  }

  async #sendPeeks(): Promise<void> {
    const peeks = this.#peeks;
    this.#peeks = [];
    try {
      const statements = peeks.map(({ statement }) => statement);
      const results = await this.#database.read(statements, PEEK_DEADLINE_MS);
      for (const [i, { resolve }] of peeks.entries())
        resolve(present(results[i], 'messages').rows.map(messageOf));
    } catch (error) {
      for (const { reject } of peeks) reject(error);
    }
  }
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
