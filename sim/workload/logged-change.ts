// One commit of a recorded history, as a line of a .jsonl file holds it, and the check that a parsed line is one.
// Keys beyond the five are tolerated and dropped.

import { StandinError } from '../../src/core/errors.js';

/** A commit that became a change: what reaches the filters of schedulers, and nothing about its content. */
export interface LoggedChange {
  /** Unique in its history. */
  readonly revision: string;
  /** Committer time, seconds since the epoch, an integer. */
  readonly when: number;
  readonly author: string;
  /** `master` for the main line, else the name of the side branch that brought the commit. */
  readonly branch: string;
  /** Paths relative to the root of the repository, at most MOST_FILES. */
  readonly files: readonly string[];
}

/** A change that touched more files than this keeps the first ones. */
export const MOST_FILES = 40;

/** A history that cannot be read; the message names the file and, for a bad line, its number. Never retryable. */
export class ChangeLogError extends StandinError {
  constructor(message: string) {
    super('change-log', message);
  }
}

/** `value` as a change without further keys. @throws ChangeLogError starting with `place` (`file:line`). */
export function checkLoggedChange(value: unknown, place: string): LoggedChange {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ChangeLogError(`${place}: expected an object, got ${describe(value)}`);
  }
  const { revision, when, author, branch, files } = value as Record<string, unknown>;
  if (!isFilled(revision)) throw wrong(place, 'revision', 'a non-empty string', revision);
  if (!Number.isSafeInteger(when) || (when as number) < 0)
    throw wrong(place, 'when', 'whole seconds since the epoch', when);
  if (!isFilled(author)) throw wrong(place, 'author', 'a non-empty string', author);
  if (!isFilled(branch)) throw wrong(place, 'branch', 'a non-empty string', branch);
  if (!Array.isArray(files) || !files.every(isFilled) || files.length > MOST_FILES) {
    throw wrong(place, 'files', `an array of at most ${MOST_FILES} non-empty strings`, files);
  }
  return { revision, when: when as number, author, branch, files: files as readonly string[] };
}

function isFilled(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0;
}

function wrong(place: string, key: string, expected: string, got: unknown): ChangeLogError {
  return new ChangeLogError(`${place}: '${key}' must be ${expected}, got ${describe(got)}`);
}

function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value);
  return text.length <= 60 ? text : `${text.slice(0, 57)}...`;
}
