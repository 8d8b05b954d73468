import { expect, test } from 'vitest';
import { singleActive } from '../../sim/oracles/single-active.js';
import { active, judge } from './story.js';

test('one master after another is fine, a paused one included', () => {
  const { sentences, run } = judge(
    singleActive,
    [
      active(1, []),
      active(2, ['master-a']),
      active(3, ['master-a'], []),
      active(70, []),
      active(71, ['master-b']),
    ],
    99,
  );
  expect(sentences).toEqual([]);
  expect(run.checks).toBe(5);
});

test('two active masters are one violation for as long as the overlap lasts', () => {
  const both = ['master-a', 'master-b'];
  const { sentences, subjects } = judge(
    singleActive,
    [active(192.4, both), active(193, both), active(194, ['master-b']), active(200, both)],
    300,
  );
  expect(sentences).toEqual([
    'scheduler fast is active on master-a and master-b at 3m12.4s',
    'scheduler fast is active on master-a and master-b at 3m20s',
  ]);
  expect(subjects).toEqual(['fast', 'fast']);
});

test('a paused master that still believes counts, and is named as paused', () => {
  const events = [active(65, ['master-a', 'master-b'], ['master-b'])];
  expect(judge(singleActive, events, 70).sentences).toEqual([
    'scheduler fast is active on master-a (paused) and master-b at 1m5s',
  ]);
});
