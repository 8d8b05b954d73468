// Message bodies: checked on the way in, and frozen so that no consumer can change what the next one sees.

import { StandinError } from '../core/errors.js';
import { frozenJson, type JsonObject } from '../core/json.js';

/**
 * A deep-frozen copy of `body`.
 * @throws StandinError `bad-body` unless it is an object (no array, not null); NotJsonError naming the path of what JSON
 *   cannot hold.
 */
export function frozenBody(body: JsonObject): JsonObject {
  if (!isJsonObject(body)) {
    throw new StandinError('bad-body', `a message body is a JSON object, got ${describe(body)}`);
  }
  return frozenJson(body) as JsonObject;
}

/** True for what JSON calls an object. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function describe(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'an array' : typeof value;
}
