// The changes connector: what happened to the source. A change is identified by its caller's key: adding it again, after
// an unknown outcome or by a second hook, finds the first one.
// @source buildbot master/buildbot/db/changes.py

import { present } from '../core/assert.js';
import { StandinError } from '../core/errors.js';
import { decodeJson, encodeJson, type JsonObject } from '../core/json.js';
import { checkText } from '../core/texts.js';
import type { Database } from './database.js';
import type { Row, Statement } from './driver.js';
import { integerOf, integerOrNull, placeholders, textOf, textOrNull } from './row.js';

/** What the caller says of a change. */
export interface NewChange {
  readonly author: string;
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
const NULLABLE_TEXTS = ['branch', 'revision', 'revlink', 'category'] as const;

/** @throws NotTextError, NotJsonError or BadChangeError for what is not what its type says */
export function checkChange(change: NewChange): void {
  const { author, files = [], when = 0, properties = {} } = change;
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
  encodeJson(properties, 'properties');
}

export interface Change {
  readonly changeid: number;
  readonly author: string;
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

const COLUMNS = `changeid, author, comments, branch, revision, revlink, category, repository, project, codebase,
  when_timestamp, files, properties, parent_changeid, sourcestampid`;

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
      sql: `INSERT INTO changes (${COLUMNS}, change_key) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      values: [
        change.changeid, change.author, change.comments, change.branch, change.revision, change.revlink, change.category,
        change.repository, change.project, change.codebase, change.when, JSON.stringify(change.files),
        encodeJson(change.properties, 'properties'), change.parentChangeid, change.sourcestampid, key,
      ], // prettier-ignore
    };
  }
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
