// Decisions: what a value depends on, overrides, and the log that a capsule keeps.

import { describe, expect, test } from 'vitest';
import { Decisions } from '../../sim/kernel/decisions.js';

const draws = (decisions: Decisions, count: number, bound = 1000): number[] => {
  const stream = decisions.stream('link.latency', 'a>b');
  return Array.from({ length: count }, () => stream.choose(bound));
};

describe('decisions', () => {
  test('are the same for the same seed, site, entity and ordinal', () => {
    expect(draws(new Decisions('7'), 20)).toEqual(draws(new Decisions('7'), 20));
    expect(draws(new Decisions('7'), 20)).not.toEqual(draws(new Decisions('8'), 20));
  });

  test('do not move when another stream draws more, less or for the first time', () => {
    const alone = draws(new Decisions('7'), 20);
    const decisions = new Decisions('7');
    const stream = decisions.stream('link.latency', 'a>b');
    const between = alone.map(() => {
      decisions.stream('link.latency', 'b>a').chance(500_000);
      decisions.stream('new.site', 'a>b').choose(3);
      return stream.choose(1000);
    });
    expect(between).toEqual(alone);
  });

  test('do not confuse where one name ends and the next begins', () => {
    const decisions = new Decisions('7');
    const first = decisions.stream('ab', 'c').choose(2 ** 53);
    expect(decisions.stream('a', 'bc').choose(2 ** 53)).not.toBe(first);
  });

  test('keep their values for ever: a plan replays under every later version', () => {
    expect(draws(new Decisions('42'), 4, 1_000_000)).toEqual([984_442, 152_712, 184_254, 597_667]);
  });

  test('are spread evenly, for small and for the largest bounds', () => {
    const decisions = new Decisions('9');
    const counts = [0, 0, 0, 0, 0, 0];
    const stream = decisions.stream('die', 'x');
    for (let i = 0; i < 60_000; i++) {
      const face = stream.choose(6);
      counts[face] = (counts[face] ?? 0) + 1;
    }
    for (const count of counts) expect(count).toBeGreaterThan(9_000);
    const wide = Array.from({ length: 100 }, () => stream.choose(2 ** 53));
    expect(wide.every((value) => Number.isSafeInteger(value) && value >= 0 && value < 2 ** 53)).toBe(true);
    expect(Math.max(...wide)).toBeGreaterThan(2 ** 52);
  });

  test('chance comes true as often as it says, and never at 0', () => {
    const stream = new Decisions('9').stream('loss', 'x');
    const hits = Array.from({ length: 100_000 }, () => stream.chance(20_000)).filter(Boolean).length;
    expect(hits).toBeGreaterThan(1_700);
    expect(hits).toBeLessThan(2_300);
    expect(Array.from({ length: 1000 }, () => stream.chance(0)).some(Boolean)).toBe(false);
    expect(Array.from({ length: 1000 }, () => stream.chance(1_000_000)).every(Boolean)).toBe(true);
  });

  test('are all 0 without a seed, unless overridden', () => {
    const decisions = new Decisions(null, { 'link.latency': { 'a>b': { '2': 5 } } });
    expect(draws(decisions, 5)).toEqual([0, 0, 5, 0, 0]);
    expect(decisions.stream('loss', 'a').chance(999_999)).toBe(false);
  });

  test('an override changes its own ordinal and no other', () => {
    const plain = draws(new Decisions('7'), 10);
    const changed = draws(new Decisions('7', { 'link.latency': { 'a>b': { '3': 0 } } }), 10);
    expect(changed).toEqual(plain.map((value, i) => (i === 3 ? 0 : value)));
  });

  test('an override above the bound is clamped and counted as stale', () => {
    const decisions = new Decisions('7', { site: { entity: { '0': 99, '1': 7 } } });
    expect(decisions.stream('site', 'entity').choose(10)).toBe(9);
    expect(decisions.stream('site', 'entity').chance(0)).toBe(true);
    expect(decisions.staleOverrides).toBe(2);
  });

  test('replay from the log of their non-default values without a seed', () => {
    const decisions = new Decisions('7');
    const original = [draws(decisions, 30, 4), decisions.stream('loss', 'y').chance(900_000)];
    const log = JSON.parse(JSON.stringify(decisions.nonDefault())) as ReturnType<Decisions['nonDefault']>;
    const replayed = new Decisions(null, log);
    expect([draws(replayed, 30, 4), replayed.stream('loss', 'y').chance(900_000)]).toEqual(original);
    expect(replayed.nonDefault()).toEqual(log);
  });

  test('a log does not mention decisions that were 0', () => {
    const decisions = new Decisions(null);
    draws(decisions, 10);
    expect(decisions.nonDefault()).toEqual({});
  });
});
