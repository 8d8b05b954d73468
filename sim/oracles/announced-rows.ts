// What the catalogue of events promises, entity by entity: which rows stand behind a message, when a row that changed has
// to be announced, and where a body and its rows disagree. Bodies hold everything that they announce: a field that is
// missing is a disagreement too.

import { decodeJson } from '../../src/core/json.js';
import type { Row, RowChange } from './history.js';

/** A message's body. */
export type Body = Readonly<Record<string, unknown>>;

/** The rows of one entity as committed: its own, and those that belong to it. */
export interface EntityRows {
  readonly row: Row;
  /** Linked ids, by table: the owner of a scheduler, the changes and stamps of a buildset. Missing = not known. */
  readonly linked: ReadonlyMap<string, readonly number[]>;
}

/** One kind of entity. */
export interface AnnouncedKind {
  readonly table: string;
  readonly idColumn: string;
  /** True when consumers must hear of this change of its own row. */
  isNews(change: RowChange): boolean;
  /** Body field to what it must be; undefined = not known. */
  readonly fields: Readonly<Record<string, (rows: EntityRows) => unknown>>;
}

/** The kinds by the first word of their routing keys, `kind.id.event`. */
export const ANNOUNCED: ReadonlyMap<string, AnnouncedKind> = new Map<string, AnnouncedKind>([
  [
    'masters',
    {
      table: 'masters',
      idColumn: 'id',
      // A master that has never been active is nobody's news.
      isNews: ({ old, row }) =>
        row !== null &&
        (old?.['active'] ?? 0) + `/${old?.['incarnation']}` !== `${row['active']}/${row['incarnation']}` &&
        !(row['active'] === 0 && (old?.['active'] ?? 0) === 0),
      fields: {
        masterid: column('id'),
        name: column('name'),
        active: flag('active'),
        incarnation: column('incarnation'),
      },
    },
  ],
  [
    'schedulers',
    {
      table: 'schedulers',
      idColumn: 'id',
      // A new one is enabled and nobody's, as is one of which nothing was heard.
      isNews: ({ old, row }) =>
        old !== null && row !== null && (old['enabled'] !== row['enabled'] || old['name'] !== row['name']),
      fields: {
        schedulerid: column('id'),
        name: column('name'),
        enabled: flag('enabled'),
        masterid: ({ linked }) => linked.get('scheduler_masters')?.[0] ?? null,
        revision: column('revision'),
      },
    },
  ],
  [
    'changes',
    {
      table: 'changes',
      idColumn: 'changeid',
      isNews: ({ op }) => op === 'insert',
      fields: {
        ...columns(
          'changeid',
          'author',
          'committer',
          'comments',
          'branch',
          'revision',
          'revlink',
          'category',
          'repository',
        ),
        ...columns('project', 'codebase', 'when_timestamp', 'sourcestampid'),
        files: json('files'),
        properties: json('properties'),
        parent_changeids: ({ row }) => {
          const parent = row['parent_changeid'] ?? null;
          return parent === null ? [] : [parent];
        },
      },
    },
  ],
  [
    'buildsets',
    {
      table: 'buildsets',
      idColumn: 'id',
      isNews: ({ op, old, row }) => op === 'insert' || old?.['complete'] !== row?.['complete'],
      fields: {
        bsid: column('id'),
        ...columns('external_idstring', 'reason', 'submitted_at', 'complete_at', 'results'),
        complete: flag('complete'),
        changeids: ({ linked }) => linked.get('buildset_changes'),
        sourcestampids: ({ linked }) => linked.get('buildset_sourcestamps'),
      },
    },
  ],
  [
    'buildrequests',
    {
      table: 'buildrequests',
      idColumn: 'id',
      isNews: ({ op, old, row }) => op === 'insert' || old?.['complete'] !== row?.['complete'],
      fields: {
        buildrequestid: column('id'),
        ...columns('buildsetid', 'builderid', 'priority', 'results', 'submitted_at'),
        complete: flag('complete'),
        waited_for: flag('waited_for'),
      },
    },
  ],
]);

/** The first field in which body and rows differ, as `field is this, the row says that`; null when they agree. */
export function disagreement(kind: AnnouncedKind, body: Body, rows: EntityRows): string | null {
  for (const [field, expected] of Object.entries(kind.fields)) {
    const wanted = expected(rows);
    if (wanted === undefined) continue;
    const got = body[field];
    if (canonical(got) === canonical(wanted)) continue;
    return `${field} is ${JSON.stringify(got) ?? 'missing'}, the database says ${JSON.stringify(wanted)}`;
  }
  return null;
}

function column(name: string): (rows: EntityRows) => unknown {
  return ({ row }) => row[name];
}

function columns(...names: readonly string[]): Record<string, (rows: EntityRows) => unknown> {
  return Object.fromEntries(names.map((name) => [name, column(name)]));
}

function flag(name: string): (rows: EntityRows) => unknown {
  return ({ row }) => (row[name] === undefined ? undefined : row[name] !== 0);
}

function json(name: string): (rows: EntityRows) => unknown {
  return ({ row }) =>
    typeof row[name] === 'string' ? decodeJson(row[name], `the ${name} of a row`) : undefined;
}

/** Text that is equal for equal values: keys sorted, and numbers of a list too (a set of ids has no order). */
function canonical(value: unknown): string {
  if (Array.isArray(value)) {
    const isSet = value.every((item) => typeof item === 'number');
    return `[${(isSet ? value.toSorted((left, right) => left - right) : value).map(canonical).join()}]`;
  }
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'undefined';
  const entries = Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1));
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`).join()}}`;
}
