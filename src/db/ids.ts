// Ids, handed out by the `sequences` table in blocks, outside the transactions that use them. An id that was handed out
// and not used is burnt. Ids of changes come one by one, so that their order follows that of arrival closely (never
// exactly: a greater id may commit first); the order of other ids means nothing.

import { present } from '../core/assert.js';
import type { Database } from './database.js';
import { integerOf } from './row.js';
import type { SequencedTable } from './schema.js';

const BLOCK_SIZES: Partial<Record<SequencedTable, number>> = {
  events: 50,
  buildrequests: 50,
  buildsets: 10,
  sourcestamps: 10,
};

interface Block {
  next: number;
  end: number;
}

export class IdAllocator {
  readonly #database: Database;
  readonly #blocks = new Map<SequencedTable, Block>();

  constructor(database: Database) {
    this.#database = database;
  }

  /** `count` fresh ids of `table`, ascending. @throws DatabaseError when the database cannot be reached. */
  async take(table: SequencedTable, count = 1): Promise<readonly number[]> {
    const ids: number[] = [];
    while (ids.length < count) {
      const block = this.#blocks.get(table);
      if (block === undefined || block.next === block.end) {
        await this.#refill(table, Math.max(count - ids.length, BLOCK_SIZES[table] ?? 1));
      } else {
        ids.push(block.next++);
      }
    }
    return ids;
  }

  /** One fresh id of `table`. */
  async takeOne(table: SequencedTable): Promise<number> {
    return present((await this.take(table))[0], 'id');
  }

  async #refill(table: SequencedTable, size: number): Promise<void> {
    const sql = 'UPDATE sequences SET next_id = next_id + ? WHERE name = ? RETURNING next_id';
    const results = await this.#database.batch([{ sql, values: [size, table] }]);
    const end = integerOf(present(results[0]?.rows[0], `the sequence of ${table}`), 'next_id');
    const block = this.#blocks.get(table);
    // Two callers may refill at once; the ids of a block that is replaced here before it is used up would only be burnt.
    if (block === undefined || block.next === block.end) this.#blocks.set(table, { next: end - size, end });
  }
}
