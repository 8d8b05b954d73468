// What somebody outside sees of the cluster, against the rows: a part of data-follows (G13). A live view never shows what no
// transaction has committed, never goes back, and in the end shows what the database holds, however late messages and replica were. A list
// may be old, but its parts are of one instant: its greatest id and its total were there together.

import { formatUs } from '../report/virtual-time.js';
import type { CommitHistoryEvent, ListHistoryEvent, Row, RowChange, ViewHistoryEvent } from './history.js';
import { integer } from './rows.js';

/** What is compared of the entities of one kind: numbers, by field of a message and by column. */
interface ViewedKind {
  readonly word: string;
  readonly idField: string;
  readonly fields: Readonly<Record<string, string>>;
  /** The field that never goes back. */
  readonly rank: string;
}

const KINDS: ReadonlyMap<string, ViewedKind> = new Map([
  [
    'masters',
    {
      word: 'masters',
      idField: 'masterid',
      fields: { active: 'active', incarnation: 'incarnation' },
      rank: 'incarnation',
    },
  ],
  [
    'schedulers',
    {
      word: 'schedulers',
      idField: 'schedulerid',
      fields: { enabled: 'enabled', revision: 'revision' },
      rank: 'revision',
    },
  ],
  ['buildsets', { word: 'buildsets', idField: 'bsid', fields: { complete: 'complete' }, rank: 'complete' }],
  [
    'buildrequests',
    { word: 'buildrequests', idField: 'buildrequestid', fields: { complete: 'complete' }, rank: 'complete' },
  ],
]);

interface Known {
  readonly row: Row;
  /** When what is compared last changed. */
  readonly sinceUs: number;
}

/** Sentences about what is wrong, with the name of what it is about. */
export interface Discrepancy {
  readonly name: string;
  readonly message: string;
}

const NONE: readonly Discrepancy[] = [];

export class ViewedRows {
  checks = 0;
  readonly #rows = new Map<string, Known>();
  /** Master by scheduler. */
  readonly #owners = new Map<number, number>();
  readonly #seen = new Map<string, Readonly<Record<string, unknown>>>();
  /** How many requests there were, and the greatest id then: requests only come. */
  readonly #latestByTotal = new Map<number, number>([[0, 0]]);
  #requests = 0;
  #latestRequest = 0;

  commit({ atUs, rows }: CommitHistoryEvent): void {
    const before = this.#requests;
    for (const change of rows) this.#learn(change, atUs);
    if (this.#requests !== before) this.#latestByTotal.set(this.#requests, this.#latestRequest);
  }

  view({ atUs, word, state }: ViewHistoryEvent): readonly Discrepancy[] {
    const kind = KINDS.get(word);
    if (kind === undefined) return NONE;
    this.checks++;
    const name = `${word}.${String(state[kind.idField])}`;
    const before = this.#seen.get(name);
    this.#seen.set(name, state);
    const rank = Number(state[kind.rank]);
    if (before !== undefined && rank < Number(before[kind.rank]))
      return [{ name, message: `the live view of ${name} went back at ${formatUs(atUs)}` }];
    const row = this.#rows.get(name)?.row;
    if (row !== undefined && rank <= integer(row, kind.rank)) return NONE;
    const message = `the live view showed ${name} at ${formatUs(atUs)} as nobody had committed it`;
    return [{ name, message }];
  }

  list({ atUs, latestId, total }: ListHistoryEvent): readonly Discrepancy[] {
    this.checks++;
    if (this.#latestByTotal.get(total) === latestId) return NONE;
    const message = `a list of ${total} build requests up to ${latestId}, read at ${formatUs(atUs)}, is of no instant`;
    return [{ name: 'buildrequests', message }];
  }

  /** What the view shows otherwise than the rows that were there by `dueUs`, or not at all. */
  finish(dueUs: number): readonly Discrepancy[] {
    return [...this.#rows].flatMap(([name, { row, sinceUs }]) => {
      if (sinceUs > dueUs) return NONE;
      const seen = this.#seen.get(name);
      const wrong = seen === undefined ? ['all of it'] : this.#differing(name, seen, row);
      if (wrong.length === 0) return NONE;
      const message = `the live view still lacks ${wrong.join(', ')} of ${name}, committed at ${formatUs(sinceUs)}`;
      return [{ name, message }];
    });
  }

  #learn({ table, op, old, row }: RowChange, atUs: number): void {
    if (table === 'scheduler_masters') this.#link(old, row, atUs);
    const kind = KINDS.get(table);
    if (kind === undefined || row === null) return;
    const id = integer(row, 'id');
    const name = `${table}.${id}`;
    const known = this.#rows.get(name);
    const isNews =
      known === undefined || Object.values(kind.fields).some((column) => known.row[column] !== row[column]);
    if (isNews) this.#rows.set(name, { row, sinceUs: atUs });
    if (table !== 'buildrequests' || op !== 'insert') return;
    this.#requests++;
    this.#latestRequest = Math.max(this.#latestRequest, id);
  }

  #link(old: Row | null, row: Row | null, atUs: number): void {
    const schedulerid = integer(row ?? old ?? {}, 'schedulerid');
    if (row === null) this.#owners.delete(schedulerid);
    else this.#owners.set(schedulerid, integer(row, 'masterid'));
    const name = `schedulers.${schedulerid}`;
    const known = this.#rows.get(name);
    if (known !== undefined) this.#rows.set(name, { ...known, sinceUs: atUs });
  }

  #differing(name: string, seen: Readonly<Record<string, unknown>>, row: Row): readonly string[] {
    const [word = '', id] = name.split('.');
    const fields = Object.entries(KINDS.get(word)?.fields ?? {});
    const wrong = fields.flatMap(([field, column]) =>
      Number(seen[field]) === integer(row, column) ? [] : [field],
    );
    if (word === 'schedulers' && (this.#owners.get(Number(id)) ?? null) !== seen['masterid'])
      wrong.push('masterid');
    return wrong;
  }
}
