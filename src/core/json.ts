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
      { isMistake: true },
    );
  }
}

/**
 * Returns the canonical text of `value`.
 * @throws NotJsonError naming the path (`$.a[2]`) of the first Date, undefined, function, symbol, bigint, non-finite
 *   number, class instance or cycle.
 */
export function encodeJson(value: unknown, root = '$'): string {
  const flaw = Sealed.has(value) ? null : flawOf(value, []);
  if (flaw !== null) throw new NotJsonError(`${root}${flaw.path}`, flaw.got);
  return JSON.stringify(value);
}

/**
 * A deep-frozen copy of `value`, as it would come back from its JSON text; `value` itself where it is deep-frozen already.
 * @throws NotJsonError as `encodeJson` does
 */
export function frozenJson(value: JsonValue, root = '$'): JsonValue {
  if (Sealed.has(value)) return value;
  const copy = frozenCopy(value, 0);
  // What the quick way does not take is either flawed, or so unusual that its text tells best what it is.
  return copy === undefined ? deepFreeze(JSON.parse(encodeJson(value, root)) as JsonValue) : copy;
}

/**
 * As `frozenJson`, of an object that is the caller's own: it is frozen itself, with frozen copies of what it holds, and known
 * again from then on, so that it is looked through once, however many hands it goes through.
 * @throws NotJsonError as `encodeJson` does
 */
export function sealedJson<T extends JsonObject>(own: T, root = '$'): T {
  if (Sealed.has(own)) return own;
  if (!Object.isExtensible(own) || Object.getPrototypeOf(own) !== Object.prototype)
    return frozenJson(own, root) as T;
  const fields = own as Record<string, JsonValue>;
  for (const key of Object.keys(fields)) {
    const item = fields[key];
    const copy = frozenCopy(item, 1);
    if (copy === undefined || key === '__proto__') return frozenJson(own, root) as T;
    if (!Object.is(copy, item)) fields[key] = copy;
  }
  new Sealed(own);
  return Object.freeze(own);
}

/** Freezes a tree of plain objects and arrays, and returns it. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  for (const item of Object.values(value)) deepFreeze(item);
  return Object.freeze(value);
}

/** Parses text that this project wrote itself; @throws StandinError `bad-json` (without the engine's wording). */
export function decodeJson(text: string, what: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    throw new StandinError('bad-json', `${what} is not valid JSON`);
  }
}

/** Lets a class extend it and put its private field on whatever object it is given. */
class Given {
  constructor(value: object) {
    return value;
  }
}

/**
 * The seal of `sealedJson`: a private field, which nobody can forge, see or copy, and which is as quick to look for as any
 * other. (To remember the objects in a WeakSet would cost more than to look through them again.)
 */
class Sealed extends Given {
  readonly #isFrozenJson = true;

  static has(value: unknown): boolean {
    return typeof value === 'object' && value !== null && #isFrozenJson in value && value.#isFrozenJson;
  }
}

/** Deeper than anything but a cycle. */
const MAX_DEPTH = 50;

/** Undefined for what is no JSON, a cycle, or a key that assigning would not set. */
function frozenCopy(value: unknown, depth: number): JsonValue | undefined {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      // JSON has no negative zero.
      return Number.isFinite(value) ? value + 0 : undefined;
    case 'object':
      if (value === null) return null;
      if (Sealed.has(value)) return value as JsonValue;
      if (depth === MAX_DEPTH) return undefined;
      return Array.isArray(value) ? frozenArray(value, depth + 1) : frozenObject(value, depth + 1);
    default:
      return undefined;
  }
}

function frozenArray(value: readonly unknown[], depth: number): JsonValue | undefined {
  const copy: JsonValue[] = [];
  let isSame = Object.isFrozen(value);
  for (const item of value) {
    const itemCopy = frozenCopy(item, depth);
    if (itemCopy === undefined) return undefined;
    isSame &&= Object.is(itemCopy, item);
    copy.push(itemCopy);
  }
  return isSame ? (value as readonly JsonValue[]) : Object.freeze(copy);
}

function frozenObject(value: object, depth: number): JsonValue | undefined {
  if (Object.getPrototypeOf(value) !== Object.prototype) return undefined;
  const isFrozen = Object.isFrozen(value);
  // A clone keeps its shape, which is several times quicker than building it key by key.
  let copy = (isFrozen ? value : { ...value }) as Record<string, JsonValue>;
  for (const key of Object.keys(copy)) {
    const item = copy[key];
    const itemCopy = frozenCopy(item, depth);
    if (itemCopy === undefined) return undefined;
    if (Object.is(itemCopy, item)) continue;
    if (key === '__proto__') return undefined; // assigning it would set no key
    if (copy === value) copy = { ...copy };
    copy[key] = itemCopy;
  }
  return copy === value ? copy : Object.freeze(copy);
}

/** The first thing that JSON cannot hold, and where it stands. */
interface Flaw {
  readonly path: string;
  readonly got: string;
}

/** Null for what JSON can hold; the path is put together only where there is a flaw. */
function flawOf(value: unknown, ancestors: readonly object[]): Flaw | null {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return null;
    case 'number':
      return Number.isFinite(value) ? null : { path: '', got: String(value) };
    case 'object':
      return value === null ? null : flawOfObject(value, ancestors);
    default:
      return { path: '', got: typeof value };
  }
}

function flawOfObject(value: object, ancestors: readonly object[]): Flaw | null {
  if (ancestors.includes(value)) return { path: '', got: 'a cycle' };
  const inside = [...ancestors, value];
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const flaw = flawOf(value[i], inside);
      if (flaw !== null) return { path: `[${i}]${flaw.path}`, got: flaw.got };
    }
    return null;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    const cure = value.constructor.name === 'Date' ? 'keep its getTime()' : 'keep a plain object or array';
    return { path: '', got: `a ${value.constructor.name} (${cure} instead)` };
  }
  for (const key of Object.keys(value)) {
    const flaw = flawOf((value as Record<string, unknown>)[key], inside);
    if (flaw !== null) return { path: `.${key}${flaw.path}`, got: flaw.got };
  }
  return null;
}
