// Source stamps: what to build. Equal stamps share one row.
// @source buildbot master/buildbot/db/sourcestamps.py

import { sha1 } from '../core/digest.js';
import { decodeJson, encodeJson } from '../core/json.js';
import { checkText } from '../core/texts.js';
import type { Row, Statement } from './driver.js';
import type { IdAllocator } from './ids.js';
import { integerOf, placeholders, textOf, textOrNull } from './row.js';
import type { Transaction } from './transaction.js';

/** What identifies the source to build; a null branch or revision means the default, or the newest. */
export interface SourceStamp {
  readonly branch: string | null;
  readonly revision: string | null;
  readonly repository: string;
  readonly project: string;
  readonly codebase: string;
  /** What is changed before the build. Default nothing. */
  readonly patch?: Patch | null;
}

export interface Patch {
  readonly body: string;
  /** How many leading folders of its paths are taken away. */
  readonly level: number;
  readonly author: string;
  readonly comment: string;
  /** The folder that it applies in. */
  readonly subdir: string;
}

/** Whether there is nothing in a patch. */
export function isEmptyPatch(patch: Patch | null | undefined): patch is null | undefined {
  return patch === null || patch === undefined || patch.body === '';
}

/** Finds a stamp in a transaction, or inserts it under `spareId`. A caller retries unique violations. */
export async function findSourceStampIn(
  tx: Transaction,
  stamp: SourceStamp,
  spareId: number,
  now: number,
): Promise<number> {
  const hash = stampHash(stamp);
  const { sql, values } = findStampStatement(hash);
  const found = await tx.one(sql, values);
  if (found !== null) return integerOf(found, 'id');
  await tx.run([insertStampStatement(stamp, hash, { id: spareId, createdAt: now })]);
  return spareId;
}

/** Selects the `id` of the stamp of this hash, if it exists. */
export function findStampStatement(hash: string): Statement {
  return { sql: 'SELECT id FROM sourcestamps WHERE ss_hash = ?', values: [hash] };
}

/** Inserts a stamp that does not exist. */
export function insertStampStatement(
  stamp: SourceStamp,
  hash: string,
  { id, createdAt }: { readonly id: number; readonly createdAt: number },
): Statement {
  const { branch, revision, repository, project, codebase } = stamp;
  return {
    sql: `INSERT INTO sourcestamps (id, ss_hash, branch, revision, repository, project, codebase, created_at, patch)
          VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    values: [id, hash, branch, revision, repository, project, codebase, createdAt, patchText(stamp)],
  };
}

/** Selects those of these stamps that exist, by id; `sourceStampOf` reads its rows. */
export function stampsStatement(ids: readonly number[]): Statement {
  const columns = 'id, branch, revision, repository, project, codebase, patch';
  return {
    sql: `SELECT ${columns} FROM sourcestamps WHERE id IN ${placeholders(ids.length)} ORDER BY id`,
    values: ids,
  };
}

/** Id and stamp of a row of `stampsStatement`. */
export function sourceStampOf(row: Row): readonly [number, SourceStamp] {
  return [
    integerOf(row, 'id'),
    {
      branch: textOrNull(row, 'branch'),
      revision: textOrNull(row, 'revision'),
      repository: textOf(row, 'repository'),
      project: textOf(row, 'project'),
      codebase: textOf(row, 'codebase'),
      patch: patchOf(row),
    },
  ];
}

/** The keys in an order of our own: equal patches have equal texts. */
function patchText({ patch }: SourceStamp): string | null {
  if (isEmptyPatch(patch)) return null;
  const { body, level, author, comment, subdir } = patch;
  return encodeJson({ body, level, author, comment, subdir }, 'a patch');
}

function patchOf(row: Row): Patch | null {
  const text = textOrNull(row, 'patch');
  return text === null ? null : (decodeJson(text, 'a patch') as unknown as Patch);
}

/** An id that is burnt if every stamp exists already. */
export function spareStampId(ids: IdAllocator): Promise<number> {
  return ids.takeOne('sourcestamps');
}

/** By which stamps are found. */
export function stampHash(stamp: SourceStamp): string {
  const words = [stamp.branch, stamp.revision, stamp.repository, stamp.project, stamp.codebase];
  for (const word of words) if (word !== null) checkText('a word of a source stamp', word);
  const patch = patchText(stamp);
  // No branch may be taken for none, nor two words for others that join alike.
  return sha1(JSON.stringify(patch === null ? words : [...words, patch]));
}

/** The stamp in a row that has its columns. */
export function stampOf(row: Row): SourceStamp {
  return {
    branch: textOrNull(row, 'branch'),
    revision: textOrNull(row, 'revision'),
    repository: textOf(row, 'repository'),
    project: textOf(row, 'project'),
    codebase: textOf(row, 'codebase'),
  };
}
