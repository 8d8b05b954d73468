// Source stamps: what to build. Equal stamps share one row.
// @source buildbot master/buildbot/db/sourcestamps.py

import { sha1 } from '../core/digest.js';
import type { Row, Statement } from './driver.js';
import type { IdAllocator } from './ids.js';
import { integerOf, textOf, textOrNull } from './row.js';
import type { Transaction } from './transaction.js';

/** What identifies the source to build; a null branch or revision means the default, or the newest. */
export interface SourceStamp {
  readonly branch: string | null;
  readonly revision: string | null;
  readonly repository: string;
  readonly project: string;
  readonly codebase: string;
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
    sql: `INSERT INTO sourcestamps (id, ss_hash, branch, revision, repository, project, codebase, created_at)
          VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    values: [id, hash, branch, revision, repository, project, codebase, createdAt],
  };
}

/** An id that is burnt if every stamp exists already. */
export function spareStampId(ids: IdAllocator): Promise<number> {
  return ids.takeOne('sourcestamps');
}

/** By which stamps are found. */
export function stampHash(stamp: SourceStamp): string {
  const words = [stamp.branch, stamp.revision, stamp.repository, stamp.project, stamp.codebase];
  return sha1(words.map((word) => (word === null ? '\u00f5' : word)).join('\0'));
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
