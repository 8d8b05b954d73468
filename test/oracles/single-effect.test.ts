import { expect, test } from 'vitest';
import { singleEffect } from '../../sim/oracles/single-effect.js';
import {
  claim,
  commit,
  fastRow,
  insert,
  judge,
  masterRow,
  REGISTERED,
  release,
  remove,
  update,
} from './story.js';

const buildset = (id: number, triggerKey: string | null) =>
  insert('buildsets', { id, schedulerid: 1, trigger_key: triggerKey });
const state = (name: string) => insert('object_state', { objectid: 7, name, value_json: '1' });

test('the owner may commit buildsets, state and classifications', () => {
  const { sentences, run } = judge(
    singleEffect,
    [
      ...REGISTERED,
      claim(4, 'master-a#1', [1, 1]),
      commit(5, 'master-a#1', buildset(1, 'changes:1'), state('lastBuild')),
      commit(6, 'master-a#1', remove('scheduler_changes', { schedulerid: 1, changeid: 3, important: 1 })),
    ],
    10,
  );
  expect(sentences).toEqual([]);
  expect(run.checks).toBe(2);
});

test('a commit that claims may act at once, and one that releases may act a last time', () => {
  const { sentences } = judge(
    singleEffect,
    [
      ...REGISTERED,
      commit(4, 'master-a#1', update('schedulers', fastRow(null, 1), fastRow([1, 1], 0)), buildset(1, null)),
      commit(
        5,
        'master-a#1',
        update('schedulers', fastRow([1, 1], 0), fastRow([1, 1], 1)),
        buildset(2, null),
      ),
    ],
    10,
  );
  expect(sentences).toEqual([]);
});

test('calls from outside commit on any master', () => {
  const events = [
    ...REGISTERED,
    claim(4, 'master-a#1', [1, 1]),
    commit(5, 'master-b#1', buildset(1, 'call:7')),
  ];
  expect(judge(singleEffect, events, 10).sentences).toEqual([]);
});

test('buildsets without a scheduler and state of other objects are nobody’s effect', () => {
  const foreign = insert('object_state', { objectid: 8, name: 'x', value_json: '1' });
  const events = [
    ...REGISTERED,
    commit(5, 'master-b#1', insert('buildsets', { id: 1, schedulerid: null }), foreign),
  ];
  const { sentences, run } = judge(singleEffect, events, 10);
  expect(sentences).toEqual([]);
  expect(run.checks).toBe(0);
});

test('a zombie that writes after another master claimed is a violation', () => {
  const { sentences, subjects } = judge(
    singleEffect,
    [
      ...REGISTERED,
      claim(4, 'master-a#1', [1, 1]),
      release(70, 'master-b#1', [1, 1]),
      claim(71, 'master-b#1', [2, 1]),
      commit(80.25, 'master-a#1', buildset(9, 'changes:4'), state('lastBuild'), state('lastBuild')),
    ],
    90,
  );
  expect(sentences).toEqual([
    'master-a#1 committed buildset 9 and state lastBuild of scheduler fast at 1m20.25s, whose owner was master-b#1',
  ]);
  expect(subjects).toEqual(['fast']);
});

test('the second process of a node is not the owner by what the first one claimed', () => {
  const { sentences } = judge(
    singleEffect,
    [
      ...REGISTERED,
      claim(4, 'master-a#1', [1, 1]),
      commit(20, 'master-a#2', update('masters', masterRow(1, 1), masterRow(1, 2))),
      commit(21, 'master-a#2', insert('scheduler_changes', { schedulerid: 1, changeid: 3, important: 1 })),
    ],
    90,
  );
  expect(sentences).toEqual([
    'master-a#2 committed the classification of change 3 of scheduler fast at 21s, whose owner was master-a#1',
  ]);
});

test('an effect while the scheduler is free is a violation, also by the last owner', () => {
  const { sentences } = judge(
    singleEffect,
    [
      ...REGISTERED,
      claim(4, 'master-a#1', [1, 1]),
      release(5, 'master-a#1', [1, 1]),
      commit(6, 'master-a#1', buildset(1, null)),
    ],
    90,
  );
  expect(sentences).toEqual(['master-a#1 committed buildset 1 of scheduler fast at 6s, which nobody owned']);
});

test('an effect of a scheduler that was never registered is a violation', () => {
  const events = [commit(6, 'master-a#1', buildset(1, null))];
  expect(judge(singleEffect, events, 9).sentences).toEqual([
    'master-a#1 committed buildset 1 of scheduler number 1 at 6s, which had not been registered',
  ]);
});
