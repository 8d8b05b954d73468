import { expect, test } from 'vitest';
import { failoverBound } from '../../sim/oracles/failover-bound.js';
import type { HistoryEvent } from '../../sim/oracles/history.js';
import {
  active,
  claim,
  commit,
  fastRow,
  health,
  judge,
  life,
  phase,
  REGISTERED,
  release,
  update,
} from './story.js';

const A_FAILS: readonly HistoryEvent[] = [
  health(0, 'master-a', true),
  health(0, 'master-b', true),
  active(5, ['master-a']),
  health(100, 'master-a', false),
  active(100, []),
];

test('a failover within the bound is clean and measured', () => {
  const { sentences, run } = judge(failoverBound, [...A_FAILS, active(180.5, ['master-b'])], 900);
  expect(sentences).toEqual([]);
  expect(run.checks).toBe(2);
  expect(run.figures).toMatchObject({ failoverMaxMs: 80_500 });
});

test('the clock starts when a master becomes healthy, not when the scheduler became inactive', () => {
  const events = [
    ...A_FAILS,
    health(110, 'master-b', false),
    health(300, 'master-b', true),
    active(390, ['master-b']),
  ];
  const { sentences, run } = judge(failoverBound, events, 900);
  expect(sentences).toEqual([]);
  expect(run.figures).toMatchObject({ failoverMaxMs: 90_000 });
});

test('a disabled scheduler need not be active, and has a whole bound once it is enabled', () => {
  const events = [
    ...A_FAILS,
    commit(101, 'master-b#1', update('schedulers', fastRow([1, 1], 0), fastRow([1, 1], 0, 0))),
    commit(400, 'master-b#1', update('schedulers', fastRow([1, 1], 0, 0), fastRow([1, 1], 0))),
    active(490, ['master-b']),
  ];
  expect(judge(failoverBound, events, 900).sentences).toEqual([]);
});

test('the bound begins anew when a claimant fails before it was active, and when its claim commits after its end', () => {
  const c = [...A_FAILS, health(101, 'master-c', true)];
  const failsAfter = [...c, claim(167, 'master-c#1', [3, 1]), life(167.1, 'master-c#1', 'crash')];
  expect(judge(failoverBound, [...failsAfter, active(260, ['master-b'])], 900).sentences).toEqual([]);
  const failsBefore = [
    ...c,
    life(167, 'master-c#1', 'crash'),
    health(167, 'master-c', false),
    claim(167.1, 'master-c#1', [3, 1]),
  ];
  expect(judge(failoverBound, [...failsBefore, active(262, ['master-b'])], 900).sentences).toEqual([]);
  expect(judge(failoverBound, failsBefore, 270).sentences).toEqual([
    'scheduler fast was active on no running master from 2m47.1s to 4m30s, although master-b was healthy throughout; ' +
      'the bound is 1m35.8s',
  ]);
});

test('a claimant that lives and is not active has no excuse', () => {
  const events = [...A_FAILS, health(101, 'master-c', true), claim(167, 'master-c#1', [3, 1])];
  expect(judge(failoverBound, events, 200).sentences).toHaveLength(1);
});

test('a gap that is open and not overdue at the end is pending', () => {
  const { sentences, run } = judge(failoverBound, A_FAILS, 150);
  expect(sentences).toEqual([]);
  expect(run.pending).toEqual(['scheduler fast, inactive since 1m40s']);
});

test('nothing is judged after the end phase', () => {
  expect(judge(failoverBound, [...A_FAILS, phase(120, 'end')], 900).sentences).toEqual([]);
});

test('no activation at all is a violation, reported once', () => {
  const events = [...A_FAILS, life(195, 'master-b#1', 'clock'), life(200, 'master-b#1', 'clock')];
  const { sentences, subjects, run } = judge(failoverBound, events, 250);
  expect(sentences).toEqual([
    'scheduler fast was active on no running master from 1m40s to 3m20s, although master-b was healthy throughout; ' +
      'the bound is 1m35.8s',
  ]);
  expect(subjects).toEqual(['fast']);
  expect(run.figures).toMatchObject({ failoverMaxMs: 150_000 });
});

test('an activation that comes too late is a violation and shows in the figure', () => {
  const { sentences, run } = judge(failoverBound, [...A_FAILS, active(200, ['master-b'])], 210);
  expect(sentences).toHaveLength(1);
  expect(run.figures).toMatchObject({ failoverMaxMs: 100_000 });
});

test('an active master that is paused does not end the gap', () => {
  const events = [health(0, 'master-b', true), active(5, ['master-a']), active(60, ['master-a'], [])];
  expect(judge(failoverBound, events, 160).sentences).toEqual([
    'scheduler fast was active on no running master from 1m0s to 2m40s, although master-b was healthy throughout; ' +
      'the bound is 1m35.8s',
  ]);
});

const A_STOPS: readonly HistoryEvent[] = [
  ...REGISTERED,
  life(0, 'master-a#1', 'ready'),
  life(0, 'master-b#1', 'ready'),
  health(5, 'master-a', true),
  health(5, 'master-b', true),
  claim(6, 'master-a#1', [1, 1]),
  active(7, ['master-a']),
  life(200, 'master-a#1', 'stop'),
  active(201, []),
  release(201, 'master-a#1', [1, 1]),
];

test('a scheduler released in a clean stop is claimed again within the release bound', () => {
  const events = [...A_STOPS, claim(231, 'master-b#1', [2, 1]), active(232, ['master-b'])];
  const { sentences, run } = judge(failoverBound, events, 900);
  expect(sentences).toEqual([]);
  expect(run.figures).toMatchObject({ releaseMaxMs: 30_000, failoverMaxMs: 31_000 });
});

test('a released scheduler that nobody claims in time is a violation', () => {
  const events = [...A_STOPS, claim(240, 'master-b#1', [2, 1]), active(241, ['master-b'])];
  expect(judge(failoverBound, events, 900).sentences).toEqual([
    'scheduler fast, released by master-a#1 at 3m21s, was still unclaimed at 4m0s, although master-b was healthy ' +
      'throughout; the bound is 35.3s',
  ]);
});

test('a release is not judged when the candidate did not stay healthy', () => {
  const events = [
    ...A_STOPS,
    health(210, 'master-b', false),
    health(211, 'master-b', true),
    claim(260, 'master-b#1', [2, 1]),
  ];
  expect(judge(failoverBound, [...events, active(261, ['master-b'])], 900).sentences).toEqual([]);
});

test('a release outside a clean stop is not judged by the release bound', () => {
  const events = [
    ...A_STOPS.filter(({ kind, atUs }) => kind !== 'life' || atUs === 0),
    claim(250, 'master-b#1', [2, 1]),
  ];
  expect(judge(failoverBound, [...events, active(251, ['master-b'])], 900).sentences).toEqual([]);
});

test('a release is not judged when the candidate has not been healthy for a failover bound', () => {
  const events = A_STOPS.map((event) => (event.kind === 'health' ? { ...event, atUs: 150_000_000 } : event));
  const sorted = events.sort((left, right) => left.atUs - right.atUs);
  const claimed = [claim(250, 'master-b#1', [2, 1]), active(251, ['master-b'])];
  expect(judge(failoverBound, [...sorted, ...claimed], 900).sentences).toEqual([]);
});
