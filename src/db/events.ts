// The outbox: events are written in the transaction that makes them true, and stay until they have been published. Whoever
// wrote them publishes them after the commit; what is still there a heartbeat later is published by any master.

import { present } from '../core/assert.js';
import { decodeJson, type JsonObject } from '../core/json.js';
import type { RoutingKey } from '../core/routing-key.js';
import type { Database } from './database.js';
import type { Row, Statement } from './driver.js';
import { integerOf, placeholders, textOf } from './row.js';

export interface StoredEvent {
  readonly id: number;
  readonly key: RoutingKey;
  readonly body: JsonObject;
}

/** An event whose body is JSON text already. */
export interface EventRow {
  readonly id: number;
  readonly key: RoutingKey;
  readonly body: string;
}

/** Stores events, at least one, in the outbox. */
export function storeEventsStatement(events: readonly EventRow[], createdAt: number): Statement {
  return {
    sql: INSERTS[events.length] ?? insertText(events.length),
    values: events.flatMap(({ id, key, body }) => [id, JSON.stringify(key), body, createdAt]),
  };
}

const INSERTS: readonly string[] = Array.from({ length: 9 }, (_, count) => insertText(count));

function insertText(count: number): string {
  return `INSERT INTO events (id, routing_key, body, created_at) VALUES ${Array.from({ length: count }, () => '(?, ?, ?, ?)').join(', ')}`;
}

export class EventsConnector {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** The ids of at most `limit` events that have not been published, ascending; one shared read. */
  async unpublished(limit: number): Promise<readonly number[]> {
    const statement = { sql: 'SELECT id FROM events ORDER BY id LIMIT ?', values: [limit] };
    const { rows } = await this.#database.readShared(statement);
    return rows.map((row) => integerOf(row, 'id'));
  }

  /** Those of these events that are still there. */
  async get(ids: readonly number[]): Promise<readonly StoredEvent[]> {
    const sql = `SELECT id, routing_key, body FROM events WHERE id IN ${placeholders(ids.length)} ORDER BY id`;
    return present((await this.#database.read([{ sql, values: ids }]))[0], 'events').rows.map(eventOf);
  }

  /** Forgets events that have been published. */
  async forget(ids: readonly number[]): Promise<void> {
    await this.#database.batch([
      { sql: `DELETE FROM events WHERE id IN ${placeholders(ids.length)}`, values: ids },
    ]);
  }
}

function eventOf(row: Row): StoredEvent {
  return {
    id: integerOf(row, 'id'),
    key: decodeJson(textOf(row, 'routing_key'), 'a routing key') as RoutingKey,
    body: decodeJson(textOf(row, 'body'), 'a message body') as JsonObject,
  };
}
