import { describe, expect, test } from 'vitest';
import { freshSeeds, parseSeed, parseSeeds } from '../../sim/explore/seeds.js';

describe('one seed', () => {
  test('is a decimal number or a commit hash, in its canonical form', () => {
    expect(parseSeed('17')).toBe('17');
    expect(parseSeed(' 0 ')).toBe('0');
    expect(parseSeed('ABCDEF0123456789abcdef0123456789abcdef01')).toBe(
      'abcdef0123456789abcdef0123456789abcdef01',
    );
  });

  test.each(['', 'x', '-1', '1.5', '007', '1e3', '1234567890123456', 'abcdef'])('is not %j', (text) => {
    expect(() => parseSeed(text)).toThrow(/is no seed: expected a number/);
  });
});

describe('a sequence of seeds', () => {
  test('of a range includes both ends', () => {
    const seeds = parseSeeds('3-5');
    expect(seeds.count).toBe(3);
    expect([0, 1, 2].map((index) => seeds.at(index))).toEqual(['3', '4', '5']);
    expect(seeds.base).toBeNull();
  });

  test('of a commit hash is that one seed, also when the hash has digits only', () => {
    const hash = '1'.repeat(40);
    const seeds = parseSeeds(hash);
    expect([seeds.count, seeds.at(0), seeds.base]).toEqual([1, hash, null]);
  });

  test('of a count is so many fresh seeds from a base that is told', () => {
    const seeds = parseSeeds('4');
    expect(seeds.count).toBe(4);
    expect(seeds.at(0)).toBe(seeds.base);
    expect(Number(seeds.at(3))).toBe(Number(seeds.base) + 3);
  });

  test('that nobody bounds is endless', () => {
    expect(freshSeeds().count).toBe(Number.POSITIVE_INFINITY);
  });

  test.each(['1-', '-5', '1-2-3', 'many', '1..5', '0.5'])('is not %j', (text) => {
    expect(() => parseSeeds(text)).toThrow(
      /are no seeds: expected A-B, a count N, or a 40-digit commit hash/,
    );
  });

  test('does not run backwards and is not empty', () => {
    expect(() => parseSeeds('5-1')).toThrow('the seeds 5-1 run backwards: expected 1-5');
    expect(() => parseSeeds('0')).toThrow('expected at least 1');
  });
});
