// Durable queues: the transactional inbox. What a transaction announces is queued, in that same transaction, for every
// registered queue whose filter matches; a consumer deletes a message in the transaction of what it does with it.
//
// The rows are inserted in the last batch before COMMIT under the lock `inbox`, so that their ids are in commit order:
// a consumer that reads in order of ids misses nothing. The registrations are read by that very statement.

import { present } from '../core/assert.js';
import type { JsonValue } from '../core/json.js';
import { decodeJson } from '../core/json.js';
import { checkFilter, type Filter, type RoutingKey } from '../core/routing-key.js';
import { checkText } from '../core/texts.js';
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

/** A queue, and how many messages wait in it. */
export interface QueueReport {
  readonly name: string;
  readonly filter: Filter;
  readonly waiting: number;
}

/**
 * Belongs into each transaction that registers a queue; its result is of no use. Without it, on PostgreSQL:
 * 1. A begins, and does not see the queue. 2. B registers the queue, commits, and is told that it misses nothing from then on.
 * 3. A looks for queues as of its beginning, announces, and commits, in the legal order A, B.
 * With it B has read what A writes without seeing it, and so cannot come after A: A is refused, and begins again.
 */
export const REGISTRATION_GUARD: Statement = { sql: 'SELECT COUNT(*) AS count FROM events', values: [] };

/**
 * Registers a queue unless it is; together with REGISTRATION_GUARD nothing that matches is missed from the end of the
 * transaction on.
 */
export function queueRegistration(id: number, name: string, filter: Filter): Statement {
  return {
    sql: 'INSERT INTO queues (id, name, filter) VALUES (?, ?, ?) ON CONFLICT (name) DO NOTHING',
    values: [id, name, JSON.stringify(filter)],
  };
}

/** Queues a message for all registered queues that match; must be in the last batch of its transaction. */
export function enqueueStatement(key: RoutingKey, body: string): Statement {
  const filters = matchingFilters(key);
  return {
    sql: ENQUEUES[key.length] ?? enqueueText(filters.length),
    values: [JSON.stringify(key), body, ...filters],
    lock: 'inbox',
  };
}

/** By the number of words of a key: each may be itself or any in a filter. */
const ENQUEUES: readonly string[] = Array.from({ length: 6 }, (_, words) => enqueueText(2 ** words));

function enqueueText(filters: number): string {
  return `INSERT INTO queue_messages (queueid, routing_key, body)
          SELECT id, ?, ? FROM queues WHERE filter IN ${placeholders(filters)} ORDER BY id`;
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
   * that it is registered with. @throws NotTextError; StandinError `bad-filter`
   */
  async register(name: string, filter: Filter): Promise<Filter> {
    checkText('the name of a queue', name);
    checkFilter(filter);
    const id = await findOrInsert(this.#database, this.#ids, {
      table: 'queues',
      find: { sql: 'SELECT id FROM queues WHERE name = ?', values: [name] },
      insert: { name, filter: JSON.stringify(filter) },
      alongside: () => [REGISTRATION_GUARD],
    });
    const [found] = await this.#database.read([
      { sql: 'SELECT filter FROM queues WHERE id = ?', values: [id] },
    ]);
    return decodeJson(textOf(present(found?.rows[0], `queue ${id}`), 'filter'), 'a filter') as Filter;
  }

  /** All queues, by name. It reads every message: for people, and once in a while. */
  async list(): Promise<readonly QueueReport[]> {
    const sql = `SELECT q.name, q.filter, COUNT(m.id) AS waiting FROM queues q
                 LEFT JOIN queue_messages m ON m.queueid = q.id GROUP BY q.id, q.name, q.filter ORDER BY q.name`;
    const [found] = await this.#database.read([{ sql, values: [] }]);
    return present(found, 'queues').rows.map((row) => ({
      name: textOf(row, 'name'),
      filter: decodeJson(textOf(row, 'filter'), 'a filter') as Filter,
      waiting: integerOf(row, 'waiting'),
    }));
  }

  /** Ends a queue with all that waits in it; returns how many messages that were, null when there is no such queue. */
  drop(name: string): Promise<number | null> {
    return this.#database.transaction(
      async (tx) => {
        // Under the lock nobody queues a message for it any more, and none is missed here.
        const row = await tx.one('SELECT id FROM queues WHERE name = ?', [name], 'inbox');
        if (row === null) return null;
        const id = integerOf(row, 'id');
        const dropped = await tx.change('DELETE FROM queue_messages WHERE queueid = ?', [id]);
        await tx.change('DELETE FROM queues WHERE id = ?', [id]);
        return dropped;
      },
      { isIdempotent: true },
    );
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
    const statement: Statement = {
      sql: PEEKS[peeks.length] ?? peeksText(peeks.length),
      values: peeks.flatMap(({ name, afterId, limit }) => [name, afterId, limit]),
    };
    const { rows } = present((await this.#database.read([statement], PEEK_DEADLINE_MS))[0], 'messages');
    const found: QueuedMessage[][] = peeks.map(() => []);
    for (const row of rows) found[integerOf(row, 'peek')]?.push(messageOf(row));
    return found.map((messages) => messages.toSorted((a, b) => a.id - b.id));
  }
}

const PEEKS: readonly string[] = Array.from({ length: 9 }, (_, count) => peeksText(count));

function peeksText(count: number): string {
  return Array.from({ length: count }, (_, i) => peekText(i)).join(' UNION ALL ');
}

/** Selects what peek number `peek` asks for; of several in one statement no order can be asked. */
function peekText(peek: number): string {
  return `SELECT * FROM (SELECT ${peek} AS peek, m.id, m.routing_key, m.body
    FROM queue_messages m JOIN queues q ON q.id = m.queueid
    WHERE q.name = ? AND m.id > ? ORDER BY m.id LIMIT ?) AS peek_${peek}`;
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
