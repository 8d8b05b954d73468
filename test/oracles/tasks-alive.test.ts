import { describe, expect, test } from 'vitest';
import type { HistoryEvent, TaskHistoryEvent, TaskRule } from '../../sim/oracles/history.js';
import { tasksAlive } from '../../sim/oracles/tasks-alive.js';
import { judge, life, phase, seconds } from './story.js';

/** The clock of the process: shows other seconds, and runs at the same rate unless a test says otherwise. */
const OFFSET_S = 1_000;

function task(
  atS: number,
  what: TaskHistoryEvent['what'],
  options: {
    readonly task?: string;
    readonly flag?: boolean;
    readonly rule?: TaskRule | null;
    readonly clockS?: number;
  } = {},
): HistoryEvent {
  const { task: name = 'beat', flag = false, rule = null, clockS = atS } = options;
  const monotonicMs = Math.round((clockS + OFFSET_S) * 1000);
  const who = { node: 'master-a', incarnation: 1, manager: 'own', task: name };
  return { kind: 'task', atUs: seconds(atS), ...who, what, monotonicMs, rule, flag };
}

/** Every 10 s, from now on, without jitter. */
function rule(overrides: Partial<TaskRule> = {}): TaskRule {
  const plain = { spacingMs: 10_000, retryMs: 10_000, immediate: true, jitter: false, parallel: false };
  return { ...plain, ...overrides };
}

function added(atS = 0, overrides: Partial<TaskRule> = {}, name = 'beat'): readonly HistoryEvent[] {
  return [life(0, 'master-a#1', 'start'), task(atS, 'added', { rule: rule(overrides), task: name })];
}

/** One run from `fromS` to `toS`. */
function run(fromS: number, toS = fromS, how: 'woken' | 'failed' | 'fine' = 'fine'): readonly HistoryEvent[] {
  return [task(fromS, 'started', { flag: how === 'woken' }), task(toS, 'ended', { flag: how === 'failed' })];
}

function sentences(events: readonly HistoryEvent[], untilS: number): readonly string[] {
  return judge(tasksAlive, events, untilS).sentences;
}

test('a task that runs at its boundaries, kept ones and woken ones among them, breaks nothing', () => {
  const events = [
    ...added(),
    ...run(0),
    ...run(10),
    ...run(13, 13, 'woken'),
    ...run(20, 33),
    ...run(33),
    ...run(40),
    ...run(50),
  ];
  const { sentences: said, run: judged } = judge(tasksAlive, events, 55);
  expect(said).toEqual([]);
  expect(judged.checks).toBe(7);
});

describe('a task is missed', () => {
  test('when it does not come again after an error', () => {
    const events = [...added(), ...run(0), ...run(10), ...run(20, 21, 'failed'), phase(40, 'convergence')];
    expect(sentences(events, 60)).toEqual([
      'beat of master-a#1, every 10s: at 30.282s it had not begun, due at 30.18s at the latest, since a run that failed',
    ]);
  });

  test('when it does not come soon after an error although it is to be tried again soon', () => {
    const events = [...added(0, { retryMs: 1_000 }), ...run(0), ...run(10, 10.5, 'failed')];
    expect(sentences(events, 12)).toHaveLength(1);
    expect(sentences([...events, ...run(11)], 20)).toEqual([]);
  });

  test('when it never began, at once or after its spacing', () => {
    expect(sentences(added(), 1)).toHaveLength(1);
    expect(sentences(added(0, { immediate: false }), 10)).toEqual([]);
    expect(sentences(added(0, { immediate: false }), 11)).toHaveLength(1);
  });

  test('when a run of it does not end', () => {
    const events = [...added(), ...run(0), task(10, 'started')];
    expect(sentences(events, 310)).toEqual([]);
    expect(sentences(events, 311)).toEqual([
      'beat of master-a#1, every 10s: at 5m10s it was still under way, since 10s',
    ]);
    const paused = [...events, life(20, 'master-a#1', 'pause'), life(200, 'master-a#1', 'resume')];
    expect(sentences(paused, 499)).toEqual([]);
    expect(sentences(paused, 501)).toHaveLength(1);
  });
});

describe('a task is late', () => {
  test('when its spacing counts from its last run instead of the boundary', () => {
    const events = [...added(), ...run(0), ...run(10, 23), ...run(23, 24), ...run(33)];
    expect(sentences(events, 34)).toEqual([
      'beat of master-a#1, every 10s: at 30.222s it had not begun, due at 30.12s at the latest, although nothing kept it',
    ]);
  });

  test('when it begins after its time and nothing kept it, told by the clock of its process', () => {
    const events = [...added(), ...run(0), task(10.15, 'started', { clockS: 10.2 })];
    expect(sentences(events, 10.2)).toEqual([
      'beat of master-a#1, every 10s: at 10.15s it began, 0.2s late although nothing kept it',
    ]);
    const slow = [...added(), ...run(0), task(10.1, 'started', { clockS: 10 })];
    expect(sentences(slow, 10.2)).toEqual([]);
  });
});

test('a task is early when it begins before its time, but woken or to be tried again after an error', () => {
  const early = (how: 'failed' | 'fine', retryMs: number, nextS: number): readonly string[] =>
    sentences([...added(0, { retryMs }), ...run(0), ...run(10, 10, how), ...run(nextS)], 11);
  expect(early('fine', 1_000, 11)).toEqual([
    'beat of master-a#1, every 10s: at 11s it began, was due 9s later',
  ]);
  expect(early('failed', 1_000, 11)).toEqual([]);
  expect(early('failed', 1_000, 10.5)).toHaveLength(1);
  expect(early('failed', 10_000, 11)).toHaveLength(1);
});

test('a run that begins while the last one is under way is an overlap', () => {
  const events = [...added(), task(0, 'started'), task(10, 'started'), task(11, 'ended')];
  const { sentences: said, subjects } = judge(tasksAlive, events, 12);
  expect(said).toEqual(['beat of master-a#1, every 10s: at 10s it began while its last run was under way']);
  expect(subjects).toEqual(['beat']);
});

test('what keeps a task excuses it: a run under way, another task that it waits for, a pause', () => {
  const other = { task: 'other' };
  const events = (parallel: boolean): readonly HistoryEvent[] => [
    ...added(),
    ...added(0, { parallel, spacingMs: 100_000, immediate: false }, 'other').slice(1),
    ...run(0),
    task(5, 'started', { ...other, flag: true }),
    task(48, 'ended', other),
    task(48, 'retired', other),
    ...run(48),
    ...run(50, 95),
    ...run(95),
    life(97, 'master-a#1', 'pause'),
    life(200, 'master-a#1', 'resume'),
    ...run(200),
  ];
  expect(sentences(events(false), 205)).toEqual([]);
  // A parallel task keeps nobody.
  expect(sentences(events(true), 205)[0]).toMatch(/^beat of .* at 10\.\d+s it had not begun/);
});

test('a parallel task that outlasts its spacing lets instants go, but only while it is under way', () => {
  const events = [
    ...added(0, { parallel: true }),
    task(0, 'started'),
    task(10, 'skipped'),
    task(20, 'skipped'),
    task(25, 'ended'),
  ];
  expect(sentences([...events, ...run(30)], 35)).toEqual([]);
  const failed = [...events.slice(0, -1), task(25, 'ended', { flag: true })];
  expect(sentences([...failed, ...run(30)], 35)).toEqual([]); // the regression unknown-outcome-forgotten has it
  expect(sentences([...events, task(30, 'skipped')], 30.1)).toEqual([
    'beat of master-a#1, every 10s: at 30s it was left out although no run of it was under way',
  ]);
});

test('a process that has ended or stops owes nothing, and neither does a task that was retired', () => {
  for (const end of ['crash', 'exit', 'stop'] as const) {
    expect(sentences([...added(), ...run(0), life(5, 'master-a#1', end)], 99)).toEqual([]);
  }
  expect(sentences([...added(), ...run(0), task(5, 'retired')], 99)).toEqual([]);
});

test('a spacing above 20 s has up to 5 % of jitter in whole seconds, unless it says that it has none', () => {
  const spaced = (jitter: boolean, ...atS: readonly number[]): readonly string[] => {
    const events = [...added(0, { spacingMs: 60_000, jitter }), ...atS.flatMap((at) => run(at))];
    return sentences(events, (atS.at(-1) ?? 0) + 1);
  };
  expect(spaced(true, 0, 60, 122, 182, 243)).toEqual([]); // the first run has none
  expect(spaced(true, 0, 61)).toHaveLength(1);
  expect(spaced(true, 0, 60, 123)).toHaveLength(1);
  expect(spaced(true, 0, 60, 119)).toHaveLength(1);
  expect(spaced(true, 0, 60, 122, 181)).toHaveLength(1); // earlier than the run before allows
  expect(spaced(false, 0, 60, 121)).toHaveLength(1);
});
