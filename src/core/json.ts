// JSON values as types, and the check that a value survives a round trip through JSON unchanged.

import { StandinError } from './errors.js';

export type JsonPrimitive = string | number | boolean | null;
export type JsonValue = JsonPrimitive | readonly JsonValue[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

/** A value that JSON cannot hold, with the path at which it stands. */
export class NotJsonError extends StandinError {
  constructor(path: string, got: string) {
    super(
      'not-json',
      `${path} is ${got}, expected a JSON value (null, boolean, finite number, string, array or plain object)`,
    );
  }
}

/**
 * Returns the canonical text of `value`.
 * @throws NotJsonError naming the path (`$.a[2]`) of the first Date, undefined, function, symbol, bigint, non-finite
 *   number, class instance or cycle.
 */
export function encodeJson(value: unknown, root = '$'): string {
  check(value, root, []);
  return JSON.stringify(value);
}

/** Parses text that this project wrote itself; @throws StandinError `bad-json` (without the engine's wording). */
export function decodeJson(text: string, what: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    throw new StandinError('bad-json', `${what} is not valid JSON`);
  }
}

function check(value: unknown, path: string, ancestors: readonly object[]): void {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return;
    case 'number':
      if (!Number.isFinite(value)) throw new NotJsonError(path, String(value));
      return;
    case 'object':
      if (value !== null) checkObject(value, path, ancestors);
      return;
    default:
      throw new NotJsonError(path, typeof value);
  }
}

function checkObject(value: object, path: string, ancestors: readonly object[]): void {
  if (ancestors.includes(value)) throw new NotJsonError(path, 'a cycle');
  const inside = [...ancestors, value];
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) check(value[i], `${path}[${i}]`, inside);
    return;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    const cure = value instanceof Date ? 'keep its getTime()' : 'keep a plain object or array';
    throw new NotJsonError(path, `a ${value.constructor.name} (${cure} instead)`);
  }
  for (const [key, item] of Object.entries(value)) check(item, `${path}.${key}`, inside);
}
