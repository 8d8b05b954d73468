// The same plan gives the same trace: again, after other runs, with the other drain, and from its capsule.

import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { findScenario, loadScenario, packagedScenarios } from '../../sim/explore/scenario-lookup.js';
import { planForSeed, simulate, type Plan, type RunResult } from '../../sim/index.js';
import { loadChanges } from '../../sim/workload/change-log.js';

type Subject = Awaited<ReturnType<typeof loadScenario>>;

describe.each(packagedScenarios())('%s', (name) => {
  let subject: Subject;
  let plan: Plan;
  let first: RunResult;

  beforeAll(async () => {
    subject = await loadScenario(findScenario(name));
    plan = planForSeed(subject.scenario, 'determinism');
    first = await simulate(subject.scenario, plan, { ...subject.options, recordDecisions: true });
  });

  it('has the same trace again, after runs of other seeds', async () => {
    await simulate(subject.scenario, planForSeed(subject.scenario, 'another'), subject.options);
    const again = await simulate(subject.scenario, plan, subject.options);
    expect(again.traceHash).toBe(first.traceHash);
    expect(again.events).toBe(first.events);
  });

  it('has the same trace when microtasks drain through setImmediate', async () => {
    const again = await simulate(subject.scenario, plan, { ...subject.options, drain: 'immediate' });
    expect(again.traceHash).toBe(first.traceHash);
  });

  it('has the same trace without a seed, from its recorded decisions, through JSON', async () => {
    const capsule = JSON.parse(JSON.stringify({ ...plan, seed: null, decisions: first.decisions })) as Plan;
    const again = await simulate(subject.scenario, capsule, subject.options);
    expect(again.traceHash).toBe(first.traceHash);
  });

  it('has another trace with another seed', async () => {
    const other = await simulate(subject.scenario, { ...plan, seed: 'another' }, subject.options);
    expect(other.traceHash).not.toBe(first.traceHash);
  });
});

describe("a user's careless scheduler", () => {
  it('is deterministic all the same: its globals are those of the simulated node', async () => {
    const file = fileURLToPath(new URL('./careless.scenario.ts', import.meta.url));
    const history = loadChanges(fileURLToPath(new URL('../../scenarios/history.jsonl', import.meta.url)));
    const hashes: string[] = [];
    for (const drain of ['tick', 'immediate', 'tick'] as const) {
      const { scenario, options } = await loadScenario(file);
      const result = await simulate(scenario, planForSeed(scenario, '7', history), { ...options, drain });
      expect(result.violations).toEqual([]);
      hashes.push(result.traceHash);
    }
    expect(new Set(hashes).size).toBe(1);
  });
});
