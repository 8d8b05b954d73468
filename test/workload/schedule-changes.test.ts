// How a stretch of a history is laid into a run.

import { describe, expect, test } from 'vitest';
import { Decisions } from '../../sim/kernel/decisions.js';
import { generateChanges, type Choices } from '../../sim/workload/change-generator.js';
import type { LoggedChange } from '../../sim/workload/logged-change.js';
import { scheduleChanges } from '../../sim/workload/schedule-changes.js';

const LOG = generateChanges(choices('log'), 500);
const REQUEST = { count: 40, chaosMs: 600_000, masters: 3 };

/** Every draw 0: the first stretch of the log, everything through the first master. */
const ZERO: Choices = { choose: () => 0 };

describe.each(['1', '2', '3', '4', '5'])('with seed %s', (seed) => {
  const scheduled = scheduleChanges(LOG, REQUEST, choices(seed));

  test('the changes are consecutive commits of the log, in its order', () => {
    const first = LOG.findIndex(({ revision }) => revision === scheduled[0]?.revision);
    const expected = LOG.slice(first, first + 40);
    expect(
      scheduled.map(({ author, branch, files, revision }) => ({ author, branch, files, revision })),
    ).toEqual(expected.map(({ author, branch, files, revision }) => ({ author, branch, files, revision })));
  });

  test('their times are ordered integers inside the chaos phase, and spread over most of it', () => {
    const times = scheduled.map(({ atMs }) => atMs);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(times.every((atMs) => Number.isSafeInteger(atMs) && atMs >= 0 && atMs < REQUEST.chaosMs)).toBe(
      true,
    );
    expect(times.at(-1)).toBeGreaterThan(REQUEST.chaosMs / 2);
  });

  test('every master gets some', () => {
    expect(new Set(scheduled.map(({ viaMaster }) => viaMaster))).toEqual(new Set([0, 1, 2]));
  });
});

test('the same choices give the same changes, others give others', () => {
  expect(scheduleChanges(LOG, REQUEST, choices('a'))).toEqual(scheduleChanges(LOG, REQUEST, choices('a')));
  expect(scheduleChanges(LOG, REQUEST, choices('b'))).not.toEqual(
    scheduleChanges(LOG, REQUEST, choices('a')),
  );
});

test('a burst stays a burst and a long pause is cut to an hour before the times are scaled', () => {
  const log = [0, 0, 1800, 1_000_000].map((when, i) => change(`r${i}`, when));
  const atMs = scheduleChanges(log, { count: 4, chaosMs: 1_000_000, masters: 1 }, ZERO).map(
    (each) => each.atMs,
  );
  expect(atMs[1]).toBe(0);
  expect(atMs[2]).toBeGreaterThan(0);
  expect(atMs[3]).toBe((atMs[2] ?? 0) * 3);
});

test('a log whose times run backwards keeps its order', () => {
  const log = [50, 20, 30].map((when, i) => change(`r${i}`, when));
  const scheduled = scheduleChanges(log, { count: 3, chaosMs: 1000, masters: 1 }, ZERO);
  expect(scheduled.map(({ revision }) => revision)).toEqual(['r0', 'r1', 'r2']);
});

test('a log that is too short is continued with generated changes, each revision once', () => {
  const scheduled = scheduleChanges(LOG.slice(0, 5), REQUEST, choices('1'));
  expect(scheduled.length).toBe(40);
  expect(new Set(scheduled.map(({ revision }) => revision)).size).toBe(40);
  expect(scheduled.slice(0, 5).map(({ revision }) => revision)).toEqual(
    LOG.slice(0, 5).map(({ revision }) => revision),
  );
});

test('an empty log, one change and no change at all are possible', () => {
  expect(scheduleChanges([], { ...REQUEST, count: 3 }, ZERO).length).toBe(3);
  expect(scheduleChanges(LOG, { ...REQUEST, count: 1 }, ZERO).map(({ atMs }) => atMs)).toEqual([0]);
  expect(scheduleChanges(LOG, { ...REQUEST, count: 0 }, ZERO)).toEqual([]);
});

function choices(seed: string): Choices {
  return new Decisions(seed).stream('workload', 'changes');
}

function change(revision: string, when: number): LoggedChange {
  return { revision, when, author: 'dev-1', branch: 'master', files: ['a.ts'] };
}
