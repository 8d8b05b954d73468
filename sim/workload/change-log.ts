// Histories as files: one commit a line (JSON), oldest first. A history is read before a run and never during it, since
// it is real input; what a plan uses of it stands in the plan.

import { createHash } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { readGitHistory } from './git-history.js';
import { ChangeLogError, checkLoggedChange, type LoggedChange } from './logged-change.js';

export type { LoggedChange };

/**
 * The changes of `source`, oldest first and at least one: a .jsonl file, or a folder inside a git repository.
 * @throws ChangeLogError naming the source, and the line where one is corrupt.
 */
export function loadChanges(source: string): readonly LoggedChange[] {
  const stats = statSync(source, { throwIfNoEntry: false });
  if (stats === undefined) throw new ChangeLogError(`there is no file or folder ${source}`);
  return stats.isDirectory() ? readGitHistory(source) : readChangeLog(source);
}

/** The changes of a .jsonl file, in the order of its lines. @throws ChangeLogError as `loadChanges`. */
export function readChangeLog(file: string): readonly LoggedChange[] {
  return parseChangeLog(readText(file), file);
}

/** The changes in `text`; `name` is what messages call it. Empty lines are passed over. @throws ChangeLogError. */
export function parseChangeLog(text: string, name: string): readonly LoggedChange[] {
  const changes: LoggedChange[] = [];
  const lineOf = new Map<string, number>();
  text.split('\n').forEach((line, i) => {
    if (line.trim() === '') return;
    const place = `${name}:${i + 1}`;
    const change = checkLoggedChange(parseLine(line, place), place);
    const before = lineOf.get(change.revision);
    if (before !== undefined) {
      throw new ChangeLogError(`${place}: revision ${change.revision} stands in line ${before} already`);
    }
    lineOf.set(change.revision, i + 1);
    changes.push(change);
  });
  if (changes.length === 0) throw new ChangeLogError(`${name} holds no change`);
  return changes;
}

/** The text of a .jsonl file: the same bytes for the same changes. */
export function formatChangeLog(changes: readonly LoggedChange[]): string {
  return changes
    .map(
      ({ revision, when, author, branch, files }) =>
        `${JSON.stringify({ revision, when, author, branch, files })}\n`,
    )
    .join('');
}

/** SHA-256 of a file, in hex, by which a plan names the history that it was drawn from. @throws ChangeLogError. */
export function changeLogSha256(file: string): string {
  return createHash('sha256').update(readText(file)).digest('hex');
}

/**
 * Writes the whole history of a git repository to `outFile` and returns how many changes it holds.
 * @throws ChangeLogError when `repository` is none, has no commit, or `outFile` cannot be written.
 */
export function exportHistory(repository: string, outFile: string): number {
  const changes = readGitHistory(repository);
  try {
    writeFileSync(outFile, formatChangeLog(changes));
  } catch {
    throw new ChangeLogError(`${outFile} cannot be written`);
  }
  return changes.length;
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    throw new ChangeLogError(`${file} cannot be read`);
  }
}

function parseLine(line: string, place: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch {
    // The engine's wording is dropped: it differs between versions.
    throw new ChangeLogError(`${place}: not valid JSON`);
  }
}
