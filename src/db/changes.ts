// The changes connector: what happened to the source. A change is identified by its caller's key: adding it again, after
// an unknown outcome or by a second hook, finds the first one.
// @source buildbot master/buildbot/db/changes.py

import { present } from '../core/assert.js';
import { StandinError } from '../core/errors.js';
import { decodeJson, encodeJson, type JsonObject } from '../core/json.js';
import { checkText } from '../core/texts.js';
import type { Database } from './database.js';
import type { Transaction } from './transaction.js';
import type { Row, Statement } from './driver.js';
import { integerOf, integerOrNull, placeholders, textOf, textOrNull } from './row.js';

/** What the caller says of a change. */
export interface NewChange {
  readonly author: string;
  readonly committer?: string | null;
  /** The id of the user that its author is known to be. */
  readonly uid?: number | null;
  readonly files?: readonly string[];
  readonly comments?: string;
  readonly branch?: string | null;
  readonly revision?: string | null;
  readonly revlink?: string | null;
  readonly category?: string | null;
  readonly repository?: string;
  readonly project?: string;
  readonly codebase?: string;
  /** Seconds since the epoch; default now. */
  readonly when?: number;
  /** Name to [value, 'Change']. */
  readonly properties?: JsonObject;
}

/** What a caller says of a change is of the wrong type. */
export class BadChangeError extends StandinError {
  constructor(what: string) {
    super('bad-change', `a change was refused: ${what}`);
  }
}

const TEXTS = ['author', 'comments', 'repository', 'project', 'codebase'] as const;
const NULLABLE_TEXTS = ['committer', 'branch', 'revision', 'revlink', 'category'] as const;

/** @throws NotTextError, NotJsonError or BadChangeError for what is not what its type says */
export function checkChange(change: NewChange): void {
  const { author, uid = null, files = [], when = 0, properties = {} } = change;
  checkText('the author of a change', author);
  for (const field of TEXTS)
    if (change[field] !== undefined) checkText(`the ${field} of a change`, change[field]);
  for (const field of NULLABLE_TEXTS)
    if (change[field] !== undefined && change[field] !== null)
      checkText(`the ${field} of a change`, change[field]);
  if (!Array.isArray(files)) throw new BadChangeError(`its files are a ${typeof files}, expected an array`);
  for (const file of files as readonly unknown[]) checkText('a file of a change', file);
  if (!Number.isSafeInteger(when))
    throw new BadChangeError(`it happened at ${String(when)}, expected whole seconds since the epoch`);
  if (uid !== null && !Number.isSafeInteger(uid))
    throw new BadChangeError(`its uid is ${String(uid)}, expected a whole number or null`);
  encodeJson(properties, 'properties');
}

export interface Change {
  readonly changeid: number;
  readonly author: string;
  readonly committer: string | null;
  readonly files: readonly string[];
  readonly comments: string;
  readonly branch: string | null;
  readonly revision: string | null;
  readonly revlink: string | null;
  readonly category: string | null;
  readonly repository: string;
  readonly project: string;
  readonly codebase: string;
  /** Seconds since the epoch. */
  readonly when: number;
  readonly properties: JsonObject;
  /** The newest earlier change of the same branch, repository, project and codebase. */
  readonly parentChangeid: number | null;
  readonly sourcestampid: number;
}

/** Changes that one transaction of a pruning looks at. */
const PRUNED_AT_ONCE = 100;

const COLUMNS = `changeid, author, comments, branch, revision, revlink, category, repository, project, codebase,
  when_timestamp, files, properties, parent_changeid, sourcestampid, committer`;

export class ChangesConnector {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** The change, or null. */
  async getChange(changeid: number): Promise<Change | null> {
    return (await this.getChangesByIds([changeid]))[0] ?? null;
  }

  /** Those of these changes that exist, by id. */
  async getChangesByIds(changeids: readonly number[]): Promise<readonly Change[]> {
    if (changeids.length === 0) return [];
    const marks = changeids.map(() => '?').join(', ');
    const sql = `SELECT ${COLUMNS} FROM changes WHERE changeid IN (${marks}) ORDER BY changeid`;
    return present((await this.#database.read([{ sql, values: changeids }]))[0], 'changes').rows.map(
      changeOfRow,
    );
  }

  /** The users that a change is known to be of, ascending; none of one that does not exist. */
  async getChangeUids(changeid: number): Promise<readonly number[]> {
    const sql = 'SELECT uid FROM change_users WHERE changeid = ? ORDER BY uid';
    const rows = present((await this.#database.read([{ sql, values: [changeid] }]))[0], 'users').rows;
    return rows.map((row) => integerOf(row, 'uid'));
  }

  /** The greatest id of a change, null when there is none. Of two that were added at once the lesser may come later. */
  async getLatestChangeid(): Promise<number | null> {
    const latest = { sql: 'SELECT MAX(changeid) AS latest FROM changes', values: [] };
    const row = (await this.#database.read([latest]))[0]?.rows[0];
    return row === undefined ? null : integerOrNull(row, 'latest');
  }

  /**
   * Forgets changes, and that they were in buildsets, save the newest `keep`; null keeps all. One that a scheduler still
   * has to look at, or has yet to build, stays however old it is. A change that is forgotten is new to whoever adds it
   * again under its key. Returns how many were forgotten. @throws BadChangeError
   */
  async pruneChanges(keep: number | null): Promise<number> {
    if (keep === null) return 0;
    if (!Number.isSafeInteger(keep) || keep < 0)
      throw new BadChangeError(`${String(keep)} are to be kept, expected a whole number or null`);
    const oldest = 'SELECT changeid FROM changes ORDER BY changeid DESC LIMIT 1 OFFSET ?';
    const row = (await this.#database.read([{ sql: oldest, values: [keep] }]))[0]?.rows[0];
    if (row === undefined) return 0;
    const last = integerOf(row, 'changeid');
    let pruned = 0;
    for (let after: number | null = 0; after !== null;) {
      const from: number = after;
      const done = await this.#database.transaction((tx) => pruneSome(tx, from, last), {
        isIdempotent: true,
      });
      pruned += done.pruned;
      after = done.next;
    }
    return pruned;
  }

  /** Selects the `changeid` of the change that was added under this key, if any. */
  findByKeyStatement(key: string): Statement {
    return { sql: 'SELECT changeid FROM changes WHERE change_key = ?', values: [key] };
  }

  /** Selects, as `parent`, the newest change of the same origin before this one, or null. */
  findParentStatement(change: Omit<Change, 'parentChangeid' | 'sourcestampid'>): Statement {
    const { repository, project, codebase, branch, changeid } = change;
    const sql = `SELECT MAX(changeid) AS parent FROM changes WHERE repository = ? AND project = ? AND codebase = ?
                 AND changeid < ? AND ${branch === null ? 'branch IS NULL' : 'branch = ?'}`;
    return { sql, values: [repository, project, codebase, changeid, ...(branch === null ? [] : [branch])] };
  }

  /** Inserts a change whose id, stamp and parent are known. */
  insertStatement(change: Change, key: string): Statement {
    return {
      sql: `INSERT INTO changes (${COLUMNS}, change_key) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      values: [
        change.changeid, change.author, change.comments, change.branch, change.revision, change.revlink, change.category,
        change.repository, change.project, change.codebase, change.when, JSON.stringify(change.files),
        encodeJson(change.properties, 'properties'), change.parentChangeid, change.sourcestampid, change.committer, key,
      ], // prettier-ignore
    };
  }

  /** A change is known to be of this user. */
  insertUserStatement(changeid: number, uid: number): Statement {
    return { sql: 'INSERT INTO change_users (changeid, uid) VALUES (?, ?)', values: [changeid, uid] };
  }
}

/**
 * Forgets those of the next changes in (after, last] that nobody waits for; `next` is where to go on, null = at the end. A
 * change begins to wait in the transaction that adds it, and is classified in the one that takes it from its queue: so one
 * that is seen neither waiting nor classified never will be.
 */
async function pruneSome(
  tx: Transaction,
  after: number,
  last: number,
): Promise<{ readonly pruned: number; readonly next: number | null }> {
  const candidates = `SELECT c.changeid, COUNT(s.changeid) AS classified FROM changes c
    LEFT JOIN scheduler_changes s ON s.changeid = c.changeid
    WHERE c.changeid > ? AND c.changeid <= ? GROUP BY c.changeid ORDER BY c.changeid LIMIT ${PRUNED_AT_ONCE}`;
  const rows = await tx.all(candidates, [after, last]);
  const ids = rows.map((row) => integerOf(row, 'changeid'));
  const unclassified = ids.filter((_, i) => integerOf(present(rows[i], 'a change'), 'classified') === 0);
  const keys = unclassified.map((id) => JSON.stringify(['changes', String(id), 'new']));
  const marks = placeholders(unclassified.length);
  const waiting =
    unclassified.length === 0
      ? []
      : await tx.all(
          `SELECT DISTINCT routing_key FROM queue_messages WHERE routing_key IN ${marks} ORDER BY routing_key`,
          keys,
        );
  const isWaiting = new Set(waiting.map((row) => textOf(row, 'routing_key')));
  const pruned = unclassified.filter((_, i) => !isWaiting.has(present(keys[i], 'a key')));
  if (pruned.length > 0) {
    for (const table of ['buildset_changes', 'change_users', 'changes'])
      await tx.change(`DELETE FROM ${table} WHERE changeid IN ${placeholders(pruned.length)}`, pruned);
  }
  return { pruned: pruned.length, next: ids.length < PRUNED_AT_ONCE ? null : (ids.at(-1) ?? null) };
}

/** Selects the changes of these source stamps, by id; `changeOfRow` reads its rows. */
export function changesOfStampsStatement(sourcestampids: readonly number[]): Statement {
  return {
    sql: `SELECT ${COLUMNS} FROM changes WHERE sourcestampid IN ${placeholders(sourcestampids.length)} ORDER BY changeid`,
    values: sourcestampids,
  };
}

/** Columns of `changes` under this alias, for a statement that joins it; `changeOfRow` reads them. */
export function changeColumns(alias: string): string {
  return COLUMNS.split(/,\s+/)
    .map((column) => `${alias}.${column}`)
    .join(', ');
}

/** The change in a row of `changes`. */
export function changeOfRow(row: Row): Change {
  return {
    changeid: integerOf(row, 'changeid'),
    author: textOf(row, 'author'),
    committer: textOrNull(row, 'committer'),
    files: decodeJson(textOf(row, 'files'), 'the files of a change') as readonly string[],
    comments: textOf(row, 'comments'),
    branch: textOrNull(row, 'branch'),
    revision: textOrNull(row, 'revision'),
    revlink: textOrNull(row, 'revlink'),
    category: textOrNull(row, 'category'),
    repository: textOf(row, 'repository'),
    project: textOf(row, 'project'),
    codebase: textOf(row, 'codebase'),
    when: integerOf(row, 'when_timestamp'),
    properties: decodeJson(textOf(row, 'properties'), 'the properties of a change') as JsonObject,
    parentChangeid: integerOrNull(row, 'parent_changeid'),
    sourcestampid: integerOf(row, 'sourcestampid'),
  };
}
