// What a commit changed, row by row, as the history shows it.
//
// SQLite tells which rows a statement touched (its update hook); their contents are read once, at the commit, and the
// contents before it come from a copy of the last committed state. That costs nothing when a transaction is re-executed,
// and a tenth of what triggers that log old and new rows cost. A transaction that changes one row several times shows
// its net effect: insert + update = insert, insert + delete = nothing; delete + insert stays two changes.

import type { Row } from '../../../src/db/driver.js';

export interface RowChange {
  readonly table: string;
  readonly op: 'insert' | 'update' | 'delete';
  /** The row as last committed; null for an insert. */
  readonly old: Row | null;
  /** The row as committed now; null for a delete. */
  readonly row: Row | null;
}

/** One row that a statement touched. */
export interface Touch {
  readonly table: string;
  readonly rowId: number;
  readonly op: RowChange['op'];
}

/** A row that the schema itself inserts. */
export interface InitialRow {
  readonly table: string;
  readonly rowId: number;
  readonly row: Row;
}

/** Whose rows are followed: all that an oracle may want to know. */
export const OBSERVED_TABLES: ReadonlySet<string> = new Set([
  'masters',
  'schedulers',
  'scheduler_masters',
  'changesource_masters',
  'builder_masters',
  'changes',
  'buildsets',
  'buildset_changes',
  'objects',
  'object_state',
  'scheduler_changes',
  'buildrequest_claims',
  'builds',
  'buildset_sourcestamps',
  'buildrequests',
  'events',
  'queues',
  'queue_messages',
]);

/** Shared by all commits that changed no observed row. */
export const NO_CHANGES: readonly RowChange[] = [];

/** Turns the touches of commits into row changes; must see every commit since the database was empty. */
export class RowChanges {
  readonly #committed = new Map<string, Map<number, Row>>();
  readonly #read: (table: string, rowId: number) => Row | null;
  readonly #initial: readonly InitialRow[];

  /** `read` gives the present row, null when there is none; `initial` are the rows that are there from the beginning. */
  constructor(read: (table: string, rowId: number) => Row | null, initial: readonly InitialRow[] = []) {
    this.#read = read;
    this.#initial = initial;
    this.clear();
  }

  /** The changes of a transaction that has just committed, in the order in which each row was first changed. */
  collect(touches: readonly Touch[]): readonly RowChange[] {
    const first = touches[0];
    if (first === undefined) return NO_CHANGES;
    if (touches.length === 1) return [this.#resolve(first)];
    return netTouches(touches).map((touch) => this.#resolve(touch));
  }

  /** The database is as it was in the beginning. */
  clear(): void {
    this.#committed.clear();
    for (const { table, rowId, row } of this.#initial) this.#rowsOf(table).set(rowId, row);
  }

  #rowsOf(table: string): Map<number, Row> {
    let rows = this.#committed.get(table);
    if (rows === undefined) this.#committed.set(table, (rows = new Map<number, Row>()));
    return rows;
  }

  #resolve({ table, rowId, op }: Touch): RowChange {
    const rows = this.#rowsOf(table);
    const old = op === 'insert' ? null : (rows.get(rowId) ?? null);
    const row = op === 'delete' ? null : this.#read(table, rowId);
    if (row === null) rows.delete(rowId);
    else rows.set(rowId, row);
    return { table, op, old, row };
  }
}

/** Merges the touches of one row between its creation and its end. */
function netTouches(touches: readonly Touch[]): readonly Touch[] {
  const net: (Touch | null)[] = [];
  const lives = new Map<string, number>();
  for (const touch of touches) {
    const key = `${touch.table}:${touch.rowId}`;
    const life = lives.get(key);
    if (life === undefined) {
      if (touch.op !== 'delete') lives.set(key, net.length);
      net.push(touch);
    } else if (touch.op === 'delete') {
      if (net[life]?.op === 'update') net.push(touch);
      net[life] = null;
      lives.delete(key);
    }
  }
  return net.filter((touch) => touch !== null);
}
