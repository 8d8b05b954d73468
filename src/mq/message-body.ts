// Message bodies: checked on the way in, and frozen so that no consumer can change what the next one sees.

import { StandinError } from '../core/errors.js';
import { encodeJson, type JsonObject } from '../core/json.js';

/**
 * A deep-frozen copy of `body`.
 * @throws StandinError `bad-body` unless it is an object (no array, not null); NotJsonError naming the path of what JSON
 *   cannot hold.
 */
export function frozenBody(body: JsonObject): JsonObject {
  if (!isJsonObject(body)) {
    throw new StandinError('bad-body', `a message body is a JSON object, got ${describe(body)}`);
  }
  return deepFreeze(JSON.parse(encodeJson(body)) as JsonObject);
}

/** True for what JSON calls an object. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Freezes a tree of plain objects and arrays, and returns it. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  for (const item of Object.values(value)) deepFreeze(item);
  return Object.freeze(value);
}

function describe(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'an array' : typeof value;
}
