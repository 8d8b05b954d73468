import { expect, test } from 'vitest';
import { deadReleased } from '../../sim/oracles/dead-released.js';
import type { HistoryEvent, RowChange } from '../../sim/oracles/history.js';
import {
  commit,
  health,
  insert,
  judge,
  life,
  MASTER_A,
  masterRow,
  REGISTERED,
  remove,
  update,
} from './story.js';

const BUILD = { id: 4, masterid: MASTER_A, incarnation: 1, complete_at: null, results: null };
const CLAIM = { brid: 7, masterid: MASTER_A, incarnation: 1, is_open: 1 };
const LINK = { schedulerid: 1, masterid: MASTER_A };

/** master-a#1 builds request 7 from 10 s on, and crashes at 100 s; master-b is healthy throughout. */
const CRASH: readonly HistoryEvent[] = [
  ...REGISTERED,
  health(4, 'master-b', true),
  commit(10, 'master-a#1', insert('buildrequest_claims', CLAIM), insert('builds', BUILD)),
  life(100, 'master-a#1', 'crash'),
];
const inactive = (): RowChange => update('masters', masterRow(MASTER_A, 1), masterRow(MASTER_A, 1, 0, 0));
const ended = (results: number): RowChange =>
  update('builds', BUILD, { ...BUILD, complete_at: 190, results });
const BOUND = 'the bound is 2m16.2s';

test('a dead master is set inactive, its build ends with RETRY and its claim goes, each in time', () => {
  const { sentences, run } = judge(
    deadReleased,
    [
      ...CRASH,
      commit(190, 'master-b#1', inactive()),
      commit(191, 'master-b#1', ended(5)),
      commit(192, 'master-b#1', remove('buildrequest_claims', CLAIM)),
    ],
    900,
  );
  expect(sentences).toEqual([]);
  expect(run.checks).toBe(4);
});

test('what is not released within the bound is reported, each once, by name', () => {
  const { sentences, subjects } = judge(deadReleased, [...CRASH, commit(190, 'master-b#1', inactive())], 900);
  const since = 'of master-a#1, which was dead since 1m40s, was not released from 1m40s to 15m0s';
  expect(sentences).toEqual([
    `the claim on request 7 ${since}, although master-b was healthy throughout; ${BOUND}`,
    `build 4 ${since}, although master-b was healthy throughout; ${BOUND}`,
  ]);
  expect(subjects).toEqual(['request 7', 'build 4']);
});

test('a dead master that stays marked as active is reported, although it holds nothing else', () => {
  const { sentences } = judge(
    deadReleased,
    [...REGISTERED, health(4, 'master-b', true), life(100, 'master-a#1', 'crash')],
    237,
  );
  expect(sentences).toEqual([
    `the mark of being active of master-a#1, which was dead since 1m40s, was not released from 1m40s to 3m57s, ` +
      `although master-b was healthy throughout; ${BOUND}`,
  ]);
});

test('while no master is healthy nothing is due, and the bound begins when one is', () => {
  const events = [...CRASH, health(110, 'master-b', false), health(400, 'master-b', true)];
  expect(judge(deadReleased, events, 536).sentences).toEqual([]);
  expect(judge(deadReleased, events, 537).sentences).toHaveLength(3);
});

test('what a superseded incarnation holds is dead, what its successor holds is not', () => {
  const second = { ...CLAIM, brid: 8, incarnation: 2 };
  const { sentences } = judge(
    deadReleased,
    [
      ...REGISTERED,
      health(4, 'master-b', true),
      commit(10, 'master-a#1', insert('buildrequest_claims', CLAIM)),
      commit(20, 'master-a#2', update('masters', masterRow(MASTER_A, 1), masterRow(MASTER_A, 2))),
      commit(21, 'master-a#2', insert('buildrequest_claims', second)),
    ],
    900,
  );
  expect(sentences).toHaveLength(1);
  expect(sentences[0]).toContain('the claim on request 7 of master-a#1, which was dead since 20s');
});

test('a build of a dead master that ends otherwise than with RETRY is a violation', () => {
  const { sentences } = judge(deadReleased, [...CRASH, commit(190, 'master-b#1', inactive(), ended(2))], 200);
  expect(sentences).toEqual([
    'build 4 of master-a#1, which was dead since 1m40s, ended with results 2 at 3m10s, expected 5 (RETRY)',
  ]);
});

test('a build that ends twice is a violation', () => {
  const twice = update(
    'builds',
    { ...BUILD, complete_at: 190, results: 5 },
    { ...BUILD, complete_at: 195, results: 5 },
  );
  const { sentences } = judge(
    deadReleased,
    [...CRASH, commit(190, 'master-b#1', inactive(), ended(5)), commit(195, 'master-a#2', twice)],
    200,
  );
  expect(sentences).toEqual(['build 4, which had ended, was changed by master-a#2 at 3m15s']);
});

test('a link that is left to a master that is set inactive is a violation; one that goes with it is none', () => {
  const linked = [...REGISTERED, commit(10, 'master-a#1', insert('scheduler_masters', LINK))];
  const clean = commit(50, 'master-b#1', inactive(), remove('scheduler_masters', LINK));
  expect(judge(deadReleased, [...linked, clean], 60).sentences).toEqual([]);
  expect(judge(deadReleased, [...linked, commit(50, 'master-b#1', inactive())], 60).sentences).toEqual([
    'link scheduler_masters/1 is left to master 1, which master-b#1 set inactive at 50s',
  ]);
});

test('of the masters on which a builder is configured, the one that is set inactive loses its link', () => {
  const [mine, other] = [MASTER_A, MASTER_A + 1].map((masterid) => ({ builderid: 9, masterid }));
  const linked = [
    ...REGISTERED,
    commit(10, 'master-a#1', insert('builder_masters', mine ?? {}), insert('builder_masters', other ?? {})),
  ];
  const clean = commit(50, 'master-b#1', inactive(), remove('builder_masters', mine ?? {}));
  expect(judge(deadReleased, [...linked, clean], 60).sentences).toEqual([]);
  const wrong = commit(50, 'master-b#1', inactive(), remove('builder_masters', other ?? {}));
  expect(judge(deadReleased, [...linked, wrong], 60).sentences).toEqual([
    'link builder_masters/9/1 is left to master 1, which master-b#1 set inactive at 50s',
  ]);
});

test('what a live master completes or gives back in time is its own affair', () => {
  const { sentences, run } = judge(
    deadReleased,
    [
      ...REGISTERED,
      health(4, 'master-b', true),
      commit(10, 'master-a#1', insert('buildrequest_claims', CLAIM), insert('builds', BUILD)),
      commit(400, 'master-a#1', ended(0), update('buildrequest_claims', CLAIM, { ...CLAIM, is_open: 0 })),
    ],
    900,
  );
  expect(sentences).toEqual([]);
  expect(run.checks).toBe(0);
});
