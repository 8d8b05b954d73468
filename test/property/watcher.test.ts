// Somebody who watches from outside, by messages and a replica that lags: what is seen in a run, and that the oracle looks.

import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { loadScenario, planForSeed, simulate, type HistoryEvent, type Oracle } from '../../sim/index.js';
import type { Plan } from '../../sim/explore/plan.js';
import type { PlannedFault } from '../../sim/nemesis/fault.js';

const PATH = fileURLToPath(new URL('../../scenarios/database-trouble.scenario.ts', import.meta.url));
/** For five minutes nothing but old rows can be read, and half of the messages are lost; owners change meanwhile. */
const FAULTS: Plan['faults'] = [
  world('replica-lag', 60, 300, { lagMs: 60_000, slowMs: 1_000 }),
  { ...world('crash', 90, 100), target: 'master-a' },
  { ...world('stop', 200, 60), target: 'master-b' },
  world('message-drop', 250, 100, { ppm: 500_000 }),
  { ...world('crash', 260, 30), target: 'master-a' },
];

/** A fault that strikes the world. */
function world(
  kind: string,
  atS: number,
  durationS: number,
  params: PlannedFault['params'] = {},
): PlannedFault {
  return { kind, atMs: atS * 1_000, durationMs: durationS * 1_000, target: '', params };
}

/** Counts the events of a run by kind, and the lists that lack requests which have been committed. */
function counter(counts: Map<string, number>): Oracle {
  const count = (word: string): void => void counts.set(word, (counts.get(word) ?? 0) + 1);
  return {
    name: 'counter',
    start: () => {
      let requests = 0;
      return {
        checks: 1,
        observe: (event: HistoryEvent) => {
          count(event.kind === 'view' ? `view ${event.word}` : event.kind);
          if (event.kind === 'commit')
            requests += event.rows.filter(
              ({ table, op }) => table === 'buildrequests' && op === 'insert',
            ).length;
          if (event.kind === 'list' && event.total < requests) count('old list');
          return [];
        },
        finish: () => [],
      };
    },
  };
}

async function run(
  faults: Plan['faults'],
): Promise<{ readonly counts: ReadonlyMap<string, number>; readonly fired: number }> {
  const { scenario, options } = await loadScenario(PATH);
  const counts = new Map<string, number>();
  const plan = { ...planForSeed(scenario, '1'), faults, lostMasters: [] };
  const result = await simulate({ ...scenario, oracles: [counter(counts)] }, plan, options);
  expect(result.violations).toEqual([]);
  expect(result.verdict).toBe('pass');
  return { counts, fired: result.faults['replica-lag']?.fired ?? 0 };
}

test('a plan with the fault has somebody who sees masters, schedulers, buildsets, requests and lists', async () => {
  const { counts, fired } = await run(FAULTS);
  expect(fired).toBe(1);
  for (const kind of ['masters', 'schedulers', 'buildsets', 'buildrequests'])
    expect(counts.get(`view ${kind}`), kind).toBeGreaterThan(0);
  expect(counts.get('list')).toBeGreaterThan(40);
});

test('what masters answer with comes from the replica, and is old while it lags', async () => {
  const { counts } = await run(FAULTS);
  expect(counts.get('old list')).toBeGreaterThan(0);
});

test('a plan without it has neither watcher nor replica', async () => {
  const { counts } = await run([]);
  expect([counts.get('watch'), counts.get('list')]).toEqual([undefined, undefined]);
});
