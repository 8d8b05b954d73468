import { expect, test } from 'vitest';
import type { HistoryEvent, TaskHistoryEvent } from '../../sim/oracles/history.js';
import { tasksAlive } from '../../sim/oracles/tasks-alive.js';
import { judge, life, phase, seconds } from './story.js';

/** `task` of master-a#1 in a manager, every 10 s. */
function task(
  atS: number,
  what: TaskHistoryEvent['what'],
  options: { readonly task?: string; readonly failed?: boolean; readonly spacingS?: number } = {},
): HistoryEvent {
  const { task: name = 'beat', failed = false, spacingS = 10 } = options;
  return {
    kind: 'task',
    atUs: seconds(atS),
    node: 'master-a',
    incarnation: 1,
    what,
    manager: 'own',
    task: name,
    spacingMs: spacingS * 1000,
    failed,
  };
}

/** One run from `fromS` to `toS`. */
function run(fromS: number, toS = fromS, failed = false): readonly HistoryEvent[] {
  return [task(fromS, 'started'), task(toS, 'ended', { failed })];
}

const BORN = life(0, 'master-a#1', 'start');

test('a task that runs at its boundaries, late ones and woken ones among them, breaks nothing', () => {
  const events = [
    BORN,
    ...run(0),
    ...run(10),
    ...run(13),
    ...run(20, 33),
    ...run(33),
    ...run(40),
    ...run(50),
  ];
  const { sentences, run: judged } = judge(tasksAlive, events, 55);
  expect(sentences).toEqual([]);
  expect(judged.checks).toBe(7);
});

test('a task that does not come again after an error is named, with when it was due', () => {
  const events = [BORN, ...run(0), ...run(10), ...run(20, 21, true), phase(40, 'convergence')];
  expect(judge(tasksAlive, events, 60).sentences).toEqual([
    'beat of master-a#1, every 10s, was due at 30s and had not begun by 31.6s, since a run that failed',
  ]);
});

test('a task whose spacing counts from its last run instead of the boundary is found', () => {
  const events = [BORN, ...run(0), ...run(10), ...run(20), ...run(30, 43), ...run(43), ...run(53)];
  // Known from the regular runs before.
  expect(judge(tasksAlive, events, 54).sentences).toEqual([
    'beat of master-a#1, every 10s, was due at 50.26s and had not begun by 51.86s, although nothing kept it',
  ]);
});

test('a run that begins while the last one is under way is an overlap', () => {
  const events = [BORN, task(0, 'started'), task(10, 'started'), task(11, 'ended')];
  const { sentences, subjects } = judge(tasksAlive, events, 12);
  expect(sentences).toEqual(['beat of master-a#1 began at 10s while its last run was under way']);
  expect(subjects).toEqual(['beat']);
});

test('what keeps a task excuses it: a run under way, another task of its manager, a pause', () => {
  const other = { task: 'other' };
  const events = [
    BORN,
    ...run(0),
    task(5, 'started', other),
    task(48, 'ended', other),
    task(48, 'retired', other),
    ...run(49),
    ...run(50, 95),
    ...run(95.5),
    life(97, 'master-a#1', 'pause'),
    life(200, 'master-a#1', 'resume'),
    ...run(201),
  ];
  expect(judge(tasksAlive, events, 205).sentences).toEqual([]);
  expect(judge(tasksAlive, [BORN, ...run(0)], 12).sentences).toHaveLength(1);
});

test('a process that has ended or stops owes nothing, and neither does a task that was retired', () => {
  for (const end of ['crash', 'exit', 'stop'] as const) {
    expect(judge(tasksAlive, [BORN, ...run(0), life(5, 'master-a#1', end)], 99).sentences).toEqual([]);
  }
  expect(judge(tasksAlive, [BORN, ...run(0), task(5, 'retired')], 99).sentences).toEqual([]);
});

test('a spacing above 20 s has 5 % of jitter', () => {
  const spaced = { spacingS: 100 };
  const start = [BORN, task(0, 'started', spaced), task(0, 'ended')];
  expect(judge(tasksAlive, start, 107).sentences).toEqual([]);
  expect(judge(tasksAlive, start, 108).sentences).toHaveLength(1);
});
