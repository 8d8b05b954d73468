import { expect, test } from 'vitest';
import type { HistoryEvent } from '../../sim/oracles/history.js';
import { nonRevertive } from '../../sim/oracles/non-revertive.js';
import { claim, commit, fastRow, judge, masterRow, REGISTERED, release, renew, update } from './story.js';

const A_OWNS = [...REGISTERED, claim(4, 'master-a#1', [1, 1]), renew(14, 1, 1), renew(24, 1, 2)];

test('an owner that releases its claim itself may be followed by anybody', () => {
  const events = [...A_OWNS, release(30, 'master-a#1', [1, 1]), claim(31, 'master-b#1', [2, 1])];
  const { sentences, run } = judge(nonRevertive, events, 99);
  expect(sentences).toEqual([]);
  expect(run.checks).toBe(1);
});

test('an observer may end a claim a lease after the last renewal, less one percent of drift', () => {
  const events = [...A_OWNS, release(83.4, 'master-b#1', [1, 1]), claim(83.4, 'master-b#1', [2, 1])];
  expect(judge(nonRevertive, events, 99).sentences).toEqual([]);
});

test('a claim that was ended and is taken up by the same owner moves nothing', () => {
  const events = [...A_OWNS, release(30, 'master-b#1', [1, 1]), claim(31, 'master-a#1', [1, 1])];
  const { sentences, run } = judge(nonRevertive, events, 99);
  expect(sentences).toEqual([]);
  expect(run.checks).toBe(0);
});

test('a transaction that ends a claim and takes it is judged like one after the other', () => {
  const steal = (atS: number): HistoryEvent =>
    commit(atS, 'master-b#1', update('schedulers', fastRow([1, 1], 0), fastRow([2, 1], 0)));
  expect(judge(nonRevertive, [...A_OWNS, steal(83.4)], 400).sentences).toEqual([]);
  expect(judge(nonRevertive, [...A_OWNS, steal(83.3)], 400).sentences).toEqual([
    'scheduler fast went from master-a#1 (incarnation 1) to master-b#1 (incarnation 1) at 1m23.3s, although ' +
      "master-b#1 ended that claim at 1m23.3s, 59.3s after its owner's last renewal (the lease is 1m0s)",
  ]);
});

test('a claim ended by another master before the lease was over is a violation once it moves', () => {
  const events = [...A_OWNS, release(83.3, 'master-b#1', [1, 1]), claim(84, 'master-b#1', [2, 1])];
  const { sentences, subjects } = judge(nonRevertive, events, 99);
  expect(sentences).toEqual([
    'scheduler fast went from master-a#1 (incarnation 1) to master-b#1 (incarnation 1) at 1m24s, although master-b#1 ' +
      "ended that claim at 1m23.3s, 59.3s after its owner's last renewal (the lease is 1m0s)",
  ]);
  expect(subjects).toEqual(['fast']);
});

test('the lease of an inactive owner runs from its last renewal', () => {
  const inactive = commit(25, 'master-b#1', update('masters', masterRow(1, 1, 2), masterRow(1, 1, 2, 0)));
  const early = [...A_OWNS, inactive, release(26, 'master-b#1', [1, 1]), claim(27, 'master-b#1', [2, 1])];
  const late = [...A_OWNS, inactive, release(85, 'master-b#1', [1, 1]), claim(86, 'master-b#1', [2, 1])];
  expect(judge(nonRevertive, early, 99).sentences).toHaveLength(1);
  expect(judge(nonRevertive, late, 99).sentences).toEqual([]);
});

test('an owner that was superseded by its own next process keeps the claim for a lease', () => {
  const restarted = commit(30, 'master-a#2', update('masters', masterRow(1, 1, 2), masterRow(1, 2)));
  const early = [...A_OWNS, restarted, release(31, 'master-a#2', [1, 1]), claim(32, 'master-a#2', [1, 2])];
  const late = [...A_OWNS, restarted, release(84, 'master-a#2', [1, 1]), claim(85, 'master-a#2', [1, 2])];
  expect(judge(nonRevertive, early, 99).sentences).toEqual([
    'scheduler fast went from master-a#1 (incarnation 1) to master-a#2 (incarnation 2) at 32s, although master-a#2 ' +
      "ended that claim at 31s, 7s after its owner's last renewal (the lease is 1m0s)",
  ]);
  expect(judge(nonRevertive, late, 99).sentences).toEqual([]);
});

test('a zombie that releases its successor’s claim and gets it back is a violation', () => {
  const events = [
    ...A_OWNS,
    release(90, 'master-b#1', [1, 1]),
    claim(90, 'master-b#1', [2, 1]),
    renew(91, 2, 1),
    release(95, 'master-a#1', [2, 1]),
    claim(96, 'master-a#1', [1, 1]),
  ];
  expect(judge(nonRevertive, events, 99).sentences).toEqual([
    'scheduler fast went from master-b#1 (incarnation 1) to master-a#1 (incarnation 1) at 1m36s, although master-a#1 ' +
      "ended that claim at 1m35s, 4s after its owner's last renewal (the lease is 1m0s)",
  ]);
});
