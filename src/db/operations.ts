// Results of work by operation id, to be found by an attempt that does not know whether an earlier one was committed.
//
// Who may still ask for a row: an attempt of the process that wrote it, within the deadline of its transaction (half a
// minute), and a caller from outside who tries again with a key of his own (a hook that is delivered again, which the
// great forges do for up to three days). Ids of processes hold their incarnation or fresh ids and are never used again. So
// rows that are a week old are forgotten. The age is that of the writer's wall clock: it may be days wrong and do no harm.

import type { Database } from './database.js';

/** How long results are kept at least. */
export const OPERATION_LIFE_S = 7 * 24 * 3_600;

/** So that no lock is held long. */
const MOST_ROWS = 1_000;

export class OperationsConnector {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Forgets results that are too old at `now` (seconds since the epoch); returns how many. */
  async prune(now: number): Promise<number> {
    const sql = `DELETE FROM operations WHERE id IN (
                   SELECT id FROM operations WHERE done_at < ? ORDER BY done_at, id LIMIT ?)`;
    for (let pruned = 0; ;) {
      const values = [now - OPERATION_LIFE_S, MOST_ROWS];
      const changes = (await this.#database.batch([{ sql, values }]))[0]?.changes ?? 0;
      pruned += changes;
      if (changes < MOST_ROWS) return pruned;
    }
  }
}
