// What faults do to the tasks of a driver, in whole runs: for as long as they last, and to nobody else's.

import { expect, test } from 'vitest';
import { planForSeed } from '../../sim/explore/plan.js';
import { simulate } from '../../sim/explore/simulate.js';
import type { HistoryEvent, Oracle, TaskHistoryEvent } from '../../sim/oracles/history.js';
import { aScenario } from '../explore/a-scenario.js';
import { SingleBranchScheduler } from '../../src/schedulers/single-branch.js';

const ALONE = {
  ...{ masters: 1, durationS: 300, changes: 0 },
  schedulers: () => [new SingleBranchScheduler('fast', ['linux'], { branch: 'master' })],
};
const FROM_S = 100;
const TO_S = 190;

/** What the tasks of the only master did under one fault: the first that began under it until they begin after it. */
async function underFault(kind: string): Promise<{
  readonly spoilt: readonly TaskHistoryEvent[];
  readonly others: readonly TaskHistoryEvent[];
  readonly fired: number;
}> {
  const seen: TaskHistoryEvent[] = [];
  const observe = (event: HistoryEvent): readonly never[] => {
    if (event.kind === 'task' && event.atUs >= FROM_S * 1e6 && event.atUs <= (TO_S + 60) * 1e6)
      seen.push(event);
    return [];
  };
  const spy: Oracle = { name: 'spy', start: () => ({ checks: 0, observe, finish: () => [] }) };
  const scenario = aScenario({ ...ALONE, oracles: [spy] });
  const fault = {
    kind,
    atMs: FROM_S * 1000,
    durationMs: (TO_S - FROM_S) * 1000,
    target: 'master-a',
    params: {},
  };
  const plan = { ...planForSeed(scenario, '1'), faults: [fault], lostMasters: [] };
  const result = await simulate(scenario, plan);
  expect(result.violations).toEqual([]);
  return {
    spoilt: seen.filter(({ manager }) => manager === 'drivers'),
    others: seen.filter(({ manager }) => manager !== 'drivers'),
    fired: result.faults[kind]?.fired ?? 0,
  };
}

function during(events: readonly TaskHistoryEvent[], what: TaskHistoryEvent['what']): TaskHistoryEvent[] {
  return events.filter((event) => event.what === what && event.atUs < TO_S * 1e6);
}

test('task-error makes every run fail, the next comes when it is due, and after the fault none fails', async () => {
  const { spoilt, others, fired } = await underFault('task-error');
  const ended = during(spoilt, 'ended');
  expect(fired).toBe(1);
  expect(ended.length).toBeGreaterThan(20);
  expect(ended.filter(({ flag }) => !flag)).toEqual([]);
  const later = spoilt.filter(({ what, atUs }) => what === 'ended' && atUs > TO_S * 1e6);
  expect(later.length).toBeGreaterThan(4);
  expect([...later, ...others].filter(({ what, flag }) => what === 'ended' && flag)).toEqual([]);
});

test('task-hang lets runs go on until its end, and what waits for them waits', async () => {
  const { spoilt, others, fired } = await underFault('task-hang');
  expect(fired).toBe(1);
  expect(during(spoilt, 'ended')).toEqual([]);
  const hung = during(spoilt, 'started').map(({ task }) => task);
  expect(hung).toContain('chores.serial');
  const ends = spoilt.filter(({ what, task }) => what === 'ended' && hung.includes(task));
  expect(ends[0]).toMatchObject({ atUs: TO_S * 1e6, flag: false });
  expect(during(others, 'ended').length).toBeGreaterThan(20);
});

test('task-overrun makes runs outlast their spacing, and none overlaps itself', async () => {
  const { spoilt, fired } = await underFault('task-overrun');
  expect(fired).toBe(1);
  const runs = during(spoilt, 'started').filter(({ task }) => task === 'chores.serial');
  const gapsS = runs.slice(1).map(({ monotonicMs }, i) => (monotonicMs - (runs[i]?.monotonicMs ?? 0)) / 1000);
  expect(gapsS.length).toBeGreaterThan(1);
  for (const gapS of gapsS) expect(gapS).toBeGreaterThanOrEqual(25);
  expect(during(spoilt, 'ended').length).toBeGreaterThan(3);
});

test('a fault of tasks strikes nothing while its master is down', async () => {
  const scenario = aScenario(ALONE);
  const fault = { atMs: 100_000, durationMs: 60_000, target: 'master-a', params: {} };
  const faults = [
    { ...fault, kind: 'crash' },
    { ...fault, kind: 'task-hang', atMs: 110_000 },
  ];
  const plan = { ...planForSeed(scenario, '1'), faults, lostMasters: [] };
  const { faults: counts } = await simulate(scenario, plan);
  expect(counts['task-hang']).toEqual({ eligible: 1, fired: 0 });
});
