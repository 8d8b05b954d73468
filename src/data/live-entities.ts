// The state of entities, kept from messages that may be late, doubled, out of order or lost.
//
// A body holds all that it announces, and a rank that only grows (see docs/decisions/0010): so the message of the highest
// rank wins, in whatever order they come, and one that is heard late or twice is dropped. A message that does not follow
// what is known shows that another one is missing or still under way: its state counts, and the database has to be asked.
// What the database says is folded in by the same rule, so a reload never takes back what a message said meanwhile.

import type { JsonObject } from '../core/json.js';
import type { RoutingKey } from '../core/routing-key.js';

/** What became of a message: taken; not the latest, dropped; taken or not, but something is missing; none of this kind. */
export type Folded = 'applied' | 'stale' | 'gap' | 'foreign';

/** How the messages of one kind of entity are told apart and ordered. */
export interface EntityKind {
  /** The first word of their keys, `kind.id.event`. */
  readonly word: string;
  readonly idField: string;
  /** The fields of a body that are kept. */
  readonly fields: readonly string[];
  /** Grows from each state of an entity to the next; null = a body that tells no rank, and nothing else either. */
  rank(body: JsonObject): number | null;
  /** True when `body` may come right after what is known. */
  follows(known: JsonObject | null, body: JsonObject): boolean;
}

export class LiveEntities {
  readonly kind: EntityKind;
  readonly #keep: number;
  readonly #states = new Map<number, JsonObject>();

  /** Keeps the `keep` entities of the highest ids, or a few more. */
  constructor(kind: EntityKind, keep = Number.POSITIVE_INFINITY) {
    this.kind = kind;
    this.#keep = keep;
  }

  get(id: number): JsonObject | undefined {
    return this.#states.get(id);
  }

  /** All of them, by id. */
  get all(): readonly JsonObject[] {
    return [...this.#states].sort(([left], [right]) => left - right).map(([, state]) => state);
  }

  /** Folds a message in. */
  hear(key: RoutingKey, body: JsonObject): Folded {
    const { word, idField, rank, follows } = this.kind;
    const id = body[idField];
    if (key.length !== 3 || key[0] !== word || typeof id !== 'number') return 'foreign';
    const state = stateIn(this.kind, body);
    if (state === null) return 'gap';
    const next = rank(state) ?? 0;
    const known = this.#states.get(id) ?? null;
    if (known !== null && (rank(known) ?? 0) >= next) return 'stale';
    this.#set(id, state);
    return follows(known, state) ? 'applied' : 'gap';
  }

  /** Folds in what the database says; returns the states that are new by that. */
  load(bodies: readonly JsonObject[]): readonly JsonObject[] {
    const { idField, fields, rank } = this.kind;
    const news: JsonObject[] = [];
    for (const body of bodies) {
      const id = body[idField];
      if (typeof id !== 'number') continue;
      const known = this.#states.get(id);
      if (known !== undefined && (rank(known) ?? 0) >= (rank(body) ?? 0)) continue;
      const state = pick(body, fields);
      this.#set(id, state);
      news.push(state);
    }
    return news;
  }

  #set(id: number, state: JsonObject): void {
    this.#states.set(id, state);
    if (this.#states.size < 2 * this.#keep) return;
    const ids = [...this.#states.keys()].sort((left, right) => left - right);
    for (const old of ids.slice(0, -this.#keep)) this.#states.delete(old);
  }
}

/** The state that a body announces, with the fields that are kept; null when it does not tell all of it. */
export function stateIn({ fields, rank }: EntityKind, body: JsonObject): JsonObject | null {
  const state = pick(body, fields);
  return rank(state) === null || fields.some((field) => state[field] === undefined) ? null : state;
}

export const LIVE_MASTERS: EntityKind = {
  word: 'masters',
  idField: 'masterid',
  fields: ['masterid', 'name', 'active', 'incarnation'],
  rank: ({ incarnation, active }) =>
    typeof incarnation === 'number' ? 2 * incarnation + (active === true ? 0 : 1) : null,
  // A process that dies and is started again says nothing in between.
  follows: (known, { incarnation, active }) => {
    const before = Number(known?.['incarnation'] ?? 0);
    return active === true ? incarnation === before + 1 : incarnation === before;
  },
};

export const LIVE_SCHEDULERS: EntityKind = {
  word: 'schedulers',
  idField: 'schedulerid',
  fields: ['schedulerid', 'name', 'enabled', 'masterid', 'revision'],
  rank: ({ revision }) => (typeof revision === 'number' ? revision : null),
  follows: (known, { revision }) => revision === Number(known?.['revision'] ?? 0) + 1,
};

export const LIVE_BUILDSETS: EntityKind = {
  word: 'buildsets',
  idField: 'bsid',
  fields: [
    ...[
      'bsid',
      'scheduler',
      'external_idstring',
      'reason',
      'submitted_at',
      'complete',
      'complete_at',
      'results',
    ],
    ...['sourcestampids', 'changeids'],
  ],
  rank: byCompletion,
  follows: beginsIncomplete,
};

export const LIVE_BUILDREQUESTS: EntityKind = {
  word: 'buildrequests',
  idField: 'buildrequestid',
  fields: [
    ...['buildrequestid', 'buildsetid', 'builderid', 'priority', 'complete', 'results', 'submitted_at'],
    'waited_for',
  ],
  rank: byCompletion,
  follows: beginsIncomplete,
};

function byCompletion({ complete }: JsonObject): number | null {
  return typeof complete === 'boolean' ? Number(complete) : null;
}

function beginsIncomplete(known: JsonObject | null, { complete }: JsonObject): boolean {
  return known !== null || complete === false;
}

function pick(body: JsonObject, fields: readonly string[]): JsonObject {
  return Object.fromEntries(
    fields.flatMap((field) => (body[field] === undefined ? [] : [[field, body[field]]])),
  );
}
