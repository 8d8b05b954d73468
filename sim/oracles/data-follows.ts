// G13 data-follows: messages and rows say the same. An event row is written in the transaction that makes it true, and
// agrees with the rows as that transaction leaves them; a transaction that changes what the catalogue announces announces
// it; nobody sends a message about an entity that no transaction announced; and no announcement goes unsent.
// So whoever folds all messages in the order of their commits has the database's rows; and whoever watches from outside,
// where somebody does (viewed-rows.ts).
//
// It holds the rows of masters and schedulers, the announcements that have not been sent, and a digest of each
// announcement, since a slow process may send one again long after its row is gone.

import { decodeJson } from '../../src/core/json.js';
import { sha1 } from '../../src/core/digest.js';
import { formatUs } from '../report/virtual-time.js';
import { ANNOUNCED, disagreement, type AnnouncedKind, type Body } from './announced-rows.js';
import {
  NO_VIOLATIONS,
  type CommitHistoryEvent,
  type HistoryEvent,
  type Oracle,
  type OracleContext,
  type OracleRun,
  type ProduceHistoryEvent,
  type Row,
  type RowChange,
  type Violation,
} from './history.js';
import { integer, textOrNull } from './rows.js';
import { nameFilter, nameProcess } from './sentences.js';
import { ViewedRows, type Discrepancy } from './viewed-rows.js';

const NAME = 'data-follows';
/** Of a watcher: a poll of the database, a retry after a failure, a message under way. */
const VIEW_BOUND_US = 60_000_000;

export const dataFollows: Oracle = {
  name: NAME,
  start: (context) => new DataFollowsRun(context),
};

/** An event row that is there. */
interface Announcement {
  readonly digest: string;
  readonly name: string;
  readonly committedUs: number;
  isSent: boolean;
}

/** An entity as a commit leaves it. */
interface Entity {
  /** Null when this commit did not touch its own row, and the row is of a kind that is not kept. */
  row: Row | null;
  isNews: boolean;
  /** By table, ids. */
  readonly linked: Map<string, number[]>;
}

class DataFollowsRun implements OracleRun {
  checks = 0;
  pending: readonly string[] = [];
  readonly #boundUs: number;
  /** The rows of masters and schedulers, by `kind.id`: they are announced again and again, the others once. */
  readonly #kept = new Map<string, Row>();
  /** Master by scheduler. */
  readonly #owners = new Map<number, number>();
  readonly #unsent = new Map<number, Announcement>();
  readonly #digests = new Set<string>();
  #convergenceUs = 0;
  /** Null while nobody watches. */
  #viewed: ViewedRows | null = null;

  constructor(context: OracleContext) {
    this.#boundUs = (context.failoverBoundMs + 2 * context.heartbeatMs) * 1000;
  }

  observe(event: HistoryEvent): readonly Violation[] {
    if (event.kind === 'commit') {
      this.#viewed?.commit(event);
      return this.#commit(event);
    }
    if (event.kind === 'produce') return this.#produce(event);
    if (event.kind === 'watch') this.#viewed = new ViewedRows();
    if (event.kind === 'view') return discrepancies(this.#viewed?.view(event), event.atUs);
    if (event.kind === 'list') return discrepancies(this.#viewed?.list(event), event.atUs);
    if (event.kind === 'phase' && event.phase === 'convergence') this.#convergenceUs = event.atUs;
    return NO_VIOLATIONS;
  }

  finish(atUs: number): readonly Violation[] {
    const violations: Violation[] = [];
    const pending: string[] = [];
    for (const { name, committedUs, isSent } of this.#unsent.values()) {
      if (isSent) continue;
      const dueUs = Math.max(committedUs, this.#convergenceUs) + this.#boundUs;
      if (atUs <= dueUs) pending.push(name);
      else
        violations.push(
          violation(name, atUs, `${name}, announced at ${formatUs(committedUs)}, was never sent`),
        );
    }
    this.pending = pending;
    this.checks += this.#viewed?.checks ?? 0;
    if (atUs >= this.#convergenceUs + VIEW_BOUND_US)
      violations.push(...discrepancies(this.#viewed?.finish(atUs - VIEW_BOUND_US), atUs));
    return violations;
  }

  #produce(event: ProduceHistoryEvent): readonly Violation[] {
    const { key, body, atUs } = event;
    if (kindOf(key) === undefined) return NO_VIOLATIONS;
    this.checks++;
    const digest = digestOf(JSON.stringify(key), body);
    for (const announcement of this.#unsent.values())
      if (announcement.digest === digest) announcement.isSent = true;
    if (this.#digests.has(digest)) return NO_VIOLATIONS;
    const name = nameFilter(key);
    const message = `${nameProcess(event)} sent ${name} at ${formatUs(atUs)}, which no transaction announced so`;
    return [violation(name, atUs, message)];
  }

  #commit(commit: CommitHistoryEvent): readonly Violation[] {
    const violations: Violation[] = [];
    const entities = this.#entitiesOf(commit);
    for (const { table, op, old, row } of commit.rows) {
      if (table !== 'events') continue;
      if (op === 'insert' && row !== null) this.#announce(commit, row, entities, violations);
      if (op === 'delete' && old !== null) this.#forget(commit, old, violations);
    }
    for (const [name, { isNews }] of entities) {
      if (!isNews) continue;
      const message = `${nameProcess(commit)} changed ${name} at ${formatUs(commit.atUs)} and did not announce it`;
      violations.push(violation(name, commit.atUs, message));
    }
    return violations.length === 0 ? NO_VIOLATIONS : violations;
  }

  #announce(
    commit: CommitHistoryEvent,
    event: Row,
    entities: ReadonlyMap<string, Entity>,
    violations: Violation[],
  ): void {
    const keyText = textOrNull(event, 'routing_key') ?? '[]';
    const bodyText = textOrNull(event, 'body') ?? '{}';
    const key = decodeJson(keyText, 'a routing key') as readonly string[];
    const kind = kindOf(key);
    if (kind === undefined) return;
    this.checks++;
    const name = nameFilter(key);
    const digest = digestOf(keyText, bodyText);
    this.#digests.add(digest);
    const announcement = { digest, name, committedUs: commit.atUs, isSent: false };
    this.#unsent.set(integer(event, 'id'), announcement);
    const entity = entities.get(`${key[0]}.${key[1]}`) ?? this.#known(`${key[0]}.${key[1]}`);
    entity.isNews = false;
    if (entity.row === null) return;
    const wrong = disagreement(kind, decodeJson(bodyText, 'a message body') as Body, {
      ...entity,
      row: entity.row,
    });
    if (wrong === null) return;
    const message = `${nameProcess(commit)} announced ${name} at ${formatUs(commit.atUs)}, whose ${wrong}`;
    violations.push(violation(name, commit.atUs, message));
  }

  #forget(commit: CommitHistoryEvent, event: Row, violations: Violation[]): void {
    const id = integer(event, 'id');
    const announcement = this.#unsent.get(id);
    this.#unsent.delete(id);
    if (announcement === undefined || announcement.isSent) return;
    const message =
      `${nameProcess(commit)} forgot ${announcement.name}, announced at ${formatUs(announcement.committedUs)}, ` +
      `at ${formatUs(commit.atUs)}, before anybody had sent it`;
    violations.push(violation(announcement.name, commit.atUs, message));
  }

  /** Every entity that this commit touched, by `kind.id`. */
  #entitiesOf(commit: CommitHistoryEvent): ReadonlyMap<string, Entity> {
    const entities = new Map<string, Entity>();
    const entityOf = (name: string): Entity => {
      const entity = entities.get(name) ?? this.#known(name);
      entities.set(name, entity);
      return entity;
    };
    for (const change of commit.rows) {
      const word = KIND_OF_TABLE.get(change.table);
      const kind = word === undefined ? undefined : ANNOUNCED.get(word);
      if (kind !== undefined && change.row !== null) {
        const name = `${word}.${integer(change.row, kind.idColumn)}`;
        const entity = entityOf(name);
        entity.row = change.row;
        if (kind.isNews(change)) entity.isNews = true;
        if (KEPT.has(change.table)) this.#kept.set(name, change.row);
      }
      this.#link(change, entityOf);
    }
    for (const [name, entity] of entities) if (name.startsWith('schedulers.')) this.#follow(name, entity);
    return entities;
  }

  #known(name: string): Entity {
    const owner = this.#owners.get(Number(name.split('.')[1]));
    const linked = new Map<string, number[]>();
    if (name.startsWith('schedulers.')) linked.set('scheduler_masters', owner === undefined ? [] : [owner]);
    return { row: this.#kept.get(name) ?? null, isNews: false, linked };
  }

  #link({ table, old, row }: RowChange, entityOf: (name: string) => Entity): void {
    const link = LINKS.get(table);
    if (link === undefined) return;
    const { word, idColumn, linkedColumn } = link;
    const { linked } = entityOf(`${word}.${integer(row ?? old ?? {}, idColumn)}`);
    const ids = table === 'scheduler_masters' ? [] : (linked.get(table) ?? []);
    if (row !== null) ids.push(integer(row, linkedColumn));
    linked.set(table, ids);
  }

  /** A scheduler is news when its owner has changed. */
  #follow(name: string, entity: Entity): void {
    const id = Number(name.split('.')[1]);
    const owner = entity.linked.get('scheduler_masters')?.[0];
    if (owner !== this.#owners.get(id)) entity.isNews = true;
    if (owner === undefined) this.#owners.delete(id);
    else this.#owners.set(id, owner);
  }
}

const KEPT: ReadonlySet<string> = new Set(['masters', 'schedulers']);
const KIND_OF_TABLE: ReadonlyMap<string, string> = new Map(
  [...ANNOUNCED].map(([word, { table }]) => [table, word]),
);

/** Rows that belong to an entity. */
const LINKS: ReadonlyMap<
  string,
  { readonly word: string; readonly idColumn: string; readonly linkedColumn: string }
> = new Map([
  ['scheduler_masters', { word: 'schedulers', idColumn: 'schedulerid', linkedColumn: 'masterid' }],
  ['buildset_changes', { word: 'buildsets', idColumn: 'buildsetid', linkedColumn: 'changeid' }],
  ['buildset_sourcestamps', { word: 'buildsets', idColumn: 'buildsetid', linkedColumn: 'sourcestampid' }],
]);

function kindOf(key: readonly string[]): AnnouncedKind | undefined {
  return key.length === 3 ? ANNOUNCED.get(key[0] ?? '') : undefined;
}

function digestOf(key: string, body: string): string {
  return sha1(`${key} ${body}`).slice(0, 16);
}

function discrepancies(found: readonly Discrepancy[] | undefined, atUs: number): readonly Violation[] {
  if (found === undefined || found.length === 0) return NO_VIOLATIONS;
  return found.map(({ name, message }) => violation(name, atUs, message));
}

function violation(name: string, atUs: number, message: string): Violation {
  return { guarantee: NAME, atUs, message, subject: name.replace(/[.]\d+/, '') };
}
