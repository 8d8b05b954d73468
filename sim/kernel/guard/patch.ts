// Replacing a function on an object that others hold: the property keeps its attributes, the function its own
// properties (`util.promisify.custom`, `fs.realpath.native`).

import { createRequire } from 'node:module';

/** Any function at all, as a property of a foreign object. */
export type AnyFunction = (this: unknown, ...values: unknown[]) => unknown;
export type Holder = Record<PropertyKey, unknown>;

const nodeRequire = createRequire(import.meta.url);

/** The CommonJS object of a module of Node's: what `syncBuiltinESMExports` copies to the named ESM exports. */
export function builtin(name: string): Holder {
  return nodeRequire(name) as Holder;
}

/** Replaces the function `holder[key]`, if there is one, by what `wrap` makes of it. */
export function replace(
  holder: Holder,
  key: PropertyKey,
  wrap: (original: AnyFunction) => AnyFunction,
): void {
  const original = holder[key];
  if (typeof original !== 'function') return;
  const replacement = wrap(original as AnyFunction);
  copyProperties(original as AnyFunction, replacement);
  define(holder, key, replacement);
}

/**
 * As `replace`, and stays: what others assign later is what passing through leads to. Test runners put a saved original
 * back at moments of their own.
 */
export function replaceForGood(
  holder: Holder,
  key: PropertyKey,
  wrap: (original: AnyFunction) => AnyFunction,
): void {
  const original = holder[key] as AnyFunction;
  let underlying = original;
  const replacement = wrap(function (this: unknown, ...values: unknown[]): unknown {
    return underlying.apply(this, values);
  });
  copyProperties(original, replacement);
  Object.defineProperty(holder, key, {
    configurable: true,
    enumerable: true,
    get: () => replacement,
    set: (value: AnyFunction) => {
      underlying = value === replacement ? original : value;
    },
  });
}

/** Sets the value of a property that may be inherited or read-only; keeps whether it is enumerable. */
export function define(holder: Holder, key: PropertyKey, value: unknown): void {
  const isEnumerable = Object.getOwnPropertyDescriptor(holder, key)?.enumerable ?? false;
  Object.defineProperty(holder, key, { value, writable: true, configurable: true, enumerable: isEnumerable });
}

function copyProperties(from: AnyFunction, to: AnyFunction): void {
  for (const key of Reflect.ownKeys(from)) {
    if (key === 'prototype') continue;
    const own = Object.getOwnPropertyDescriptor(from, key);
    if (own !== undefined) Object.defineProperty(to, key, own);
  }
}
