// Texts from outside: what JavaScript calls a string and every database stores exactly.

import { StandinError } from './errors.js';

/** A value that should be a text, and the name of where it stands. */
export class NotTextError extends StandinError {
  constructor(what: string, got: string) {
    super('not-text', `${what} is ${got}, expected a well-formed text without NUL`);
  }
}

/** @throws NotTextError unless `value` is a text that every database stores exactly */
export function checkText(what: string, value: unknown): asserts value is string {
  if (typeof value !== 'string') throw new NotTextError(what, value === null ? 'null' : `a ${typeof value}`);
  if (!isStorable(value)) throw new NotTextError(what, JSON.stringify(value));
}

/** PostgreSQL refuses NUL, where SQLite would cut the text, and half a surrogate pair has no UTF-8. */
export function isStorable(text: string): boolean {
  return !/[\0\p{Surrogate}]/u.test(text);
}
