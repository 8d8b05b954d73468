// The generator against the figures that its constants come from: 2,400 generated changes, several seeds, each figure
// within a quarter of the measured one.

import { describe, expect, test } from 'vitest';
import { Decisions } from '../../sim/kernel/decisions.js';
import { generateChanges } from '../../sim/workload/change-generator.js';
import { formatChangeLog, parseChangeLog } from '../../sim/workload/change-log.js';
import type { LoggedChange } from '../../sim/workload/logged-change.js';

const COUNT = 2400;

describe.each(['1', '2', '3'])('2,400 changes of seed %s', (seed) => {
  const changes = generate(seed, COUNT);
  const gaps = changes.slice(1).map(({ when }, i) => when - (changes[i]?.when ?? 0));
  const merges = changes.filter(({ branch }) => branch === 'master');

  test('come in as many bursts as in the history (337 with gaps of at most an hour)', () => {
    expect(near(gaps.filter((gap) => gap > 3600).length + 1, 337)).toBe(true);
  });

  test('have the gaps of the history (1,391 of at most a second, 1,770 of at most five minutes)', () => {
    expect(near(gaps.filter((gap) => gap <= 1).length, 1391)).toBe(true);
    expect(near(gaps.filter((gap) => gap <= 300).length, 1770)).toBe(true);
    expect(gaps.every((gap) => Number.isSafeInteger(gap) && gap >= 0)).toBe(true);
  });

  test('have the branches of the history (405 merges, 405 branches, each merged once)', () => {
    expect(near(merges.length, 405)).toBe(true);
    const branches = new Set(changes.map(({ branch }) => branch));
    expect(Math.abs(branches.size - 1 - merges.length)).toBeLessThanOrEqual(5);
  });

  test('have the files of the history (3.57 a change, 8.3 a merge, 1,042 changes in one directory)', () => {
    expect(near(files(changes), 3.57 * COUNT)).toBe(true);
    expect(near(files(merges), 8.3 * merges.length)).toBe(true);
    expect(near(changes.filter((change) => directories(change) === 1).length, 1042)).toBe(true);
    expect(changes.every((change) => change.files.length >= 1 && change.files.length <= 40)).toBe(true);
  });

  test('have the authors of the history (42)', () => {
    expect(near(new Set(changes.map(({ author }) => author)).size, 42)).toBe(true);
  });

  test('are a valid log', () => {
    expect(parseChangeLog(formatChangeLog(changes), 'generated')).toEqual(changes);
  });
});

test('the same seed gives the same changes, another seed gives others, and fewer are the beginning of more', () => {
  expect(generate('7', 100)).toEqual(generate('7', 100));
  expect(generate('8', 100)).not.toEqual(generate('7', 100));
  expect(generate('7', 200).slice(0, 100)).toEqual(generate('7', 100));
  expect(generate('7', 0)).toEqual([]);
});

function generate(seed: string, count: number): readonly LoggedChange[] {
  return generateChanges(new Decisions(seed).stream('workload', 'changes'), count);
}

function near(got: number, measured: number): boolean {
  return got * 4 >= measured * 3 && got * 4 <= measured * 5;
}

function files(changes: readonly LoggedChange[]): number {
  return changes.reduce((sum, change) => sum + change.files.length, 0);
}

function directories(change: LoggedChange): number {
  return new Set(change.files.map((file) => file.split('/').slice(0, -1).join('/'))).size;
}
