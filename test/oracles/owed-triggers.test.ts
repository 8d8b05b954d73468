// What is owed a buildset besides changes: the part of no-lost-change that judges calls, jobs and builds upstream.

import { expect, test } from 'vitest';
import type { CallHistoryEvent, HistoryEvent, ObservedTriggers } from '../../sim/oracles/history.js';
import { noLostChange } from '../../sim/oracles/no-lost-change.js';
import {
  commit,
  fastRow,
  fault,
  insert,
  judge,
  phase,
  REGISTERED,
  remove,
  scheduler,
  seconds,
  update,
  type Judgement,
} from './story.js';

const UPSTREAM = commit(4, 'master-a#1', insert('schedulers', { ...fastRow(null, 1), id: 2, name: 'up' }));
const SLOTS = {
  kind: 'calendar',
  line: '* * * * *',
  timeZone: 'UTC',
  missingHour: 'after',
  repeatedHour: 'first',
  isUnconditional: false,
} as const;

function call(atS: number, what: CallHistoryEvent['what'], key = 'call:7'): HistoryEvent {
  return { kind: 'call', atUs: seconds(atS), scheduler: 'fast', key, what };
}

function job(atS: number, name: string, jobdir = '/jobs'): HistoryEvent {
  return { kind: 'job', atUs: seconds(atS), jobdir, name };
}

function row(id: number, trigger_key: string | null, schedulerid = 1) {
  return { id, schedulerid, trigger_key, complete: 0, results: -1 };
}

const build = (atS: number, id: number, key: string | null, schedulerid = 1): HistoryEvent =>
  commit(atS, 'master-a#1', insert('buildsets', row(id, key, schedulerid)));

/** Of the same id and key as its `build`, with these results. */
const complete = (atS: number, built: ReturnType<typeof row>, results: number): HistoryEvent =>
  commit(atS, 'master-a#1', update('buildsets', built, { complete: 1, results }));

/** Of a scheduler `fast` with these triggers, at the end of the story at `finishS`. */
function judged(triggers: ObservedTriggers, events: readonly HistoryEvent[], finishS: number): Judgement {
  const slots = triggers.kind === 'calls-by-slot' ? SLOTS : null;
  const schedulers = [scheduler({ triggers, slots })];
  return judge(noLostChange, [...REGISTERED, UPSTREAM, ...events], finishS, { schedulers });
}

const CALLED: ObservedTriggers = { kind: 'none' };
const JOBS: ObservedTriggers = { kind: 'jobs', jobdir: '/jobs' };
const DOWNSTREAM: ObservedTriggers = { kind: 'upstream', upstream: 'up' };
const BY_SLOT: ObservedTriggers = { kind: 'calls-by-slot' };

test('a call that is accepted when its buildset is committed is owed nothing', () => {
  const { sentences, run } = judged(CALLED, [build(10, 1, 'call:7'), call(11, 'accepted')], 900);
  expect(sentences).toEqual([]);
  expect(run.pending).toEqual([]);
});

test('an accepted call without a buildset is a violation', () => {
  const { sentences, subjects } = judged(CALLED, [build(10, 1, 'call:8'), call(11, 'accepted')], 900);
  expect(sentences).toEqual([
    'the accepted call:7 of scheduler fast is in no buildset at 15m0s; it was due by 2m46.8s',
  ]);
  expect(subjects).toEqual(['fast']);
});

test('who waits is told when the buildset is complete, whatever came first', () => {
  const asked = [build(10, 1, 'call:7'), call(11, 'accepted'), call(11, 'waits')];
  const answered = [...asked, complete(50, row(1, 'call:7'), 2), call(52, 'answered')];
  expect(judged(CALLED, asked, 900).sentences).toEqual([]);
  expect(judged(CALLED, answered, 900).sentences).toEqual([]);
  expect(judged(CALLED, answered.slice(0, -1), 900).sentences).toHaveLength(1);
  const late = [build(10, 1, 'call:7'), complete(20, row(1, 'call:7'), 0), call(30, 'waits')];
  expect(judged(CALLED, late, 100).run.pending).toEqual(['who waits for call:7 of scheduler fast']);
  expect(judged(CALLED, late, 900).sentences).toHaveLength(1);
});

test('who waits for a complete buildset and is not told is a violation, even if he was forgotten by one master', () => {
  const events = [
    build(10, 1, 'call:7'),
    call(11, 'waits'),
    complete(50, row(1, 'call:7'), 0),
    call(60, 'waits'), // of another master, after a restart
  ];
  expect(judged(CALLED, events, 900).sentences).toEqual([
    'who waits for call:7 of scheduler fast has not been told its results at 15m0s; it was due by 3m35.8s',
  ]);
});

test('a job is owed a buildset of the scheduler that has its directory', () => {
  expect(judged(JOBS, [job(10, 'a'), build(30, 1, 'job:a')], 900).sentences).toEqual([]);
  expect(judged(JOBS, [job(10, 'a', '/elsewhere')], 900).sentences).toEqual([]);
  expect(judged(JOBS, [job(10, 'a'), build(30, 1, 'job:b')], 900).sentences).toEqual([
    'job:a of scheduler fast is in no buildset at 15m0s; it was due by 2m45.8s',
  ]);
});

test('a job is due after the last fault, and not while its scheduler is disabled', () => {
  const disturbed = [job(10, 'a'), fault(100, 'start'), fault(700, 'end')];
  expect(judged(JOBS, disturbed, 850).run.pending).toEqual(['job:a of scheduler fast']);
  expect(judged(JOBS, disturbed, 860).sentences).toHaveLength(1);
  const disabled = commit(5, 'master-b#1', update('schedulers', fastRow(null, 1), fastRow(null, 1, 0)));
  expect(judged(JOBS, [disabled, job(10, 'a')], 9000).sentences).toEqual([]);
});

test('a job that is built late in convergence is a violation', () => {
  const events = [job(10, 'a'), phase(600, 'convergence'), build(760, 1, 'job:a')];
  expect(judged(JOBS, events, 900).sentences).toEqual([
    'job:a came into a buildset of scheduler fast only at 12m40s; it was due by 12m35.8s',
  ]);
});

test.each([
  [0, 1],
  [1, 1],
  [2, 0],
  [4, 0],
])('a buildset upstream with results %i is owed %i downstream', (results, count) => {
  const events = [build(10, 5, null, 2), complete(40, row(5, null, 2), results)];
  const owed = count === 0 ? [] : ['upstream:5 of scheduler fast'];
  expect(judged(DOWNSTREAM, events, 60).run.pending).toEqual(owed);
  expect(judged(DOWNSTREAM, events, 900).sentences).toHaveLength(count);
  expect(judged(DOWNSTREAM, [...events, build(41, 6, 'upstream:5')], 900).sentences).toEqual([]);
});

test('a buildset of any other scheduler is owed nothing downstream', () => {
  const events = [build(10, 5, null, 1), complete(40, row(5, null, 1), 0)];
  expect(judged(DOWNSTREAM, events, 900).sentences).toEqual([]);
});

const MESSAGE = {
  id: 31,
  queueid: 1,
  routing_key: JSON.stringify(['triggers', 'fast', 'new']),
  body: JSON.stringify({ callId: 'call-7' }),
};
const QUEUED = commit(10, 'master-b#1', insert('queue_messages', MESSAGE));

test('a trigger that waits is taken by the buildset of a slot', () => {
  const taken = commit(
    60.5,
    'master-a#1',
    remove('queue_messages', MESSAGE),
    insert('buildsets', row(1, 'slot:60')),
  );
  const { sentences, run } = judged(BY_SLOT, [QUEUED, call(11, 'accepted', 'call-7'), taken], 900);
  expect(sentences).toEqual([]);
  expect(run.pending).toEqual([]);
});

test('a trigger that was accepted and does not wait, or waits past its slot, is a violation', () => {
  expect(judged(BY_SLOT, [call(11, 'accepted', 'call-7')], 900).sentences).toEqual([
    'the accepted call-7 of scheduler fast is in no buildset at 15m0s; it was due by 2m46.8s',
  ]);
  expect(judged(BY_SLOT, [QUEUED], 194).run.pending).toEqual(['trigger call-7 of scheduler fast']);
  expect(judged(BY_SLOT, [QUEUED], 196).sentences).toEqual([
    'trigger call-7 of scheduler fast is in no buildset at 3m16s; it was due by 3m15s',
  ]);
});

test('a trigger that is taken without a buildset is a violation at once', () => {
  const taken = commit(60.5, 'master-a#1', remove('queue_messages', MESSAGE));
  expect(judged(BY_SLOT, [QUEUED, taken], 900).sentences).toEqual([
    'trigger call-7 of scheduler fast was taken at 1m0.5s without a buildset',
  ]);
});
