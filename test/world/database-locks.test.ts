// Named locks: order of waiting, deadlocks, and what a withdrawal leaves behind.

import { describe, expect, test } from 'vitest';
import { LockTable } from '../../sim/world/database/locks.js';

describe('LockTable', () => {
  test('gives a lock to those who wait for it, first come first served', () => {
    const locks = new LockTable<string>();
    expect(locks.request('a', 'x')).toBe('granted');
    expect(locks.request('a', 'x')).toBe('granted');
    expect(locks.request('b', 'x')).toBe('waiting');
    expect(locks.request('c', 'x')).toBe('waiting');
    expect(locks.releaseAll('a')).toEqual(['b']);
    expect(locks.releaseAll('b')).toEqual(['c']);
    expect(locks.releaseAll('c')).toEqual([]);
    expect(locks.request('d', 'x')).toBe('granted');
  });

  test('refuses the request that would close a circle, also over three owners', () => {
    const locks = new LockTable<string>();
    for (const [owner, name] of [
      ['a', 'x'],
      ['b', 'y'],
      ['c', 'z'],
    ] as const)
      locks.request(owner, name);
    expect(locks.request('a', 'y')).toBe('waiting');
    expect(locks.request('b', 'z')).toBe('waiting');
    expect(locks.request('c', 'x')).toBe('deadlock');
    expect(locks.releaseAll('c')).toEqual(['b']);
  });

  test('a withdrawn request is skipped', () => {
    const locks = new LockTable<string>();
    locks.request('a', 'x');
    locks.request('b', 'x');
    locks.request('c', 'x');
    locks.withdraw('b');
    locks.withdraw('b');
    expect(locks.releaseAll('a')).toEqual(['c']);
  });

  test('one release may grant several locks', () => {
    const locks = new LockTable<string>();
    for (const name of ['x', 'y']) locks.request('a', name);
    locks.request('b', 'y');
    locks.request('c', 'x');
    expect(locks.releaseAll('a')).toEqual(['c', 'b']);
  });
});
