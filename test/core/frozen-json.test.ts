// A frozen copy is what the JSON text would give back, and nobody can change it.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeJson, frozenJson, sealedJson, type JsonObject, type JsonValue } from '../../src/core/json.js';

function isDeepFrozen(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return Object.isFrozen(value) && Object.values(value).every(isDeepFrozen);
}

describe('frozenJson', () => {
  test('gives what comes back from the JSON text, deep-frozen, and leaves its argument alone', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
        const before = JSON.stringify(value);
        const copy = frozenJson(value as JsonValue);
        expect(copy).toStrictEqual(JSON.parse(before));
        expect(isDeepFrozen(copy)).toBe(true);
        expect(JSON.stringify(value)).toBe(before);
        if (typeof value === 'object' && value !== null) expect(Object.isFrozen(value)).toBe(false);
        expect(frozenJson(copy)).toBe(copy);
      }),
      { numRuns: 1_000 },
    );
  });

  test('copies what is frozen only at the top', () => {
    const inner = [1];
    const copy = frozenJson(Object.freeze({ inner }));
    inner.push(2);
    expect(copy).toEqual({ inner: [1] });
  });

  test('takes what is unusual as its JSON text does', () => {
    const strange = JSON.parse('{"__proto__":{"a":[1]},"b":1}') as JsonValue;
    expect(JSON.stringify(frozenJson(strange))).toBe('{"__proto__":{"a":[1]},"b":1}');
    expect(isDeepFrozen(frozenJson(strange))).toBe(true);
    expect(frozenJson(Object.assign(Object.create(null) as object, { a: 1 }))).toEqual({ a: 1 });
    expect(Object.is((frozenJson({ zero: -0 }) as { zero: number }).zero, 0)).toBe(true);
    expect(Object.is((frozenJson(Object.freeze([-0])) as number[])[0], 0)).toBe(true);
    let deep: JsonValue = 1;
    for (let i = 0; i < 200; i++) deep = [deep];
    expect(encodeJson(frozenJson(deep))).toBe(encodeJson(deep));
  });

  test.each([
    ['a Date', { a: [0, { b: new Date(0) }] }, '$.a[1].b is a Date'],
    ['undefined', { a: undefined }, '$.a is undefined'],
    ['a hole', [1, , 2], '$[1] is undefined'], // oxlint-disable-line no-sparse-arrays
    ['a bigint', [1n], '$[0] is bigint'],
    ['NaN', { a: NaN }, '$.a is NaN'],
    ['an instance', { a: new Map() }, '$.a is a Map'],
  ])('names where %s stands', (_what, value, message) => {
    expect(() => frozenJson(value as JsonValue)).toThrow(message);
  });

  test('names a cycle', () => {
    const cycle: Record<string, unknown> = {};
    cycle['a'] = [cycle];
    expect(() => frozenJson(cycle as JsonValue)).toThrow('$.a[0] is a cycle');
  });
});

describe('sealedJson', () => {
  const anObject = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 4 }) as fc.Arbitrary<JsonValue>);

  test('freezes the object itself, with what its JSON text would give back', () => {
    fc.assert(
      fc.property(anObject, (value) => {
        const before = JSON.stringify(value);
        const sealed = sealedJson(value);
        expect(sealed).toStrictEqual(JSON.parse(before));
        expect(isDeepFrozen(sealed)).toBe(true);
        expect(sealedJson(sealed)).toBe(sealed);
        expect(frozenJson(sealed)).toBe(sealed);
        expect([encodeJson(sealed), encodeJson({ in: [sealed] })]).toEqual([before, `{"in":[${before}]}`]);
      }),
      { numRuns: 1_000 },
    );
  });

  test('leaves alone what the object holds of others', () => {
    const files = ['a'];
    const own = { files, id: 1 };
    expect(sealedJson(own)).toBe(own);
    files.push('b');
    expect(own).toEqual({ files: ['a'], id: 1 });
  });

  test('takes an object that is frozen already as frozenJson does', () => {
    const inner = [1];
    const sealed = sealedJson(Object.freeze({ inner }));
    inner.push(2);
    expect(sealed).toEqual({ inner: [1] });
  });

  test('cannot be fooled by a copy, or by an object that was made from a sealed one', () => {
    const sealed = sealedJson({ a: 1 });
    for (const other of [
      { ...sealed, b: new Date(0) },
      Object.assign(Object.create(sealed) as object, { b: 1n }),
    ])
      expect(() => encodeJson(other)).toThrow('expected a JSON value');
  });

  test.each([
    ['a Date', { a: 1, b: [new Date(0)] }, 'what.b[0] is a Date'],
    ['undefined', { a: undefined }, 'what.a is undefined'],
    ['an instance', { a: new Map() }, 'what.a is a Map'],
  ])('names where %s stands', (_what, value, message) => {
    expect(() => sealedJson(value as unknown as JsonObject, 'what')).toThrow(message);
  });
});
