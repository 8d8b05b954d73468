// The guarantees of failover as properties over plans, and what shrinking makes of a plan that breaks them.

import { fileURLToPath } from 'node:url';
import { test } from '@fast-check/vitest';
import fc from 'fast-check';
import { describe, expect } from 'vitest';
import { noFence } from '../../sim/canaries/no-fence.js';
import { loadScenario, plans, simulate, type Plan, type RunResult } from '../../sim/index.js';

const failover = await loadScenario(
  fileURLToPath(new URL('../../scenarios/failover.scenario.ts', import.meta.url)),
);
const flaky = await loadScenario(
  fileURLToPath(new URL('../../scenarios/flaky-network.scenario.ts', import.meta.url)),
);

function run(subject: typeof failover, plan: Plan, guarantees: readonly string[]): Promise<RunResult> {
  return simulate({ ...subject.scenario, guarantees }, plan, subject.options);
}

describe('under crashes, pauses, stops and restarts', () => {
  test.prop([plans(failover.scenario)], { numRuns: 15 })(
    'a scheduler is active on one master at most, and somewhere within the bound (G2, G3)',
    async (plan) => {
      const result = await run(failover, plan, ['single-active', 'failover-bound']);
      expect(result.violations).toEqual([]);
      expect(result.verdict).toBe('pass');
    },
  );

  test.prop([plans(failover.scenario)], { numRuns: 15 })(
    'a new owner finds the state that the last one committed (G7)',
    async (plan) => {
      const result = await run(failover, plan, ['state-recovered']);
      expect(result.violations).toEqual([]);
      expect(result.oracles['state-recovered']?.checks).toBeGreaterThan(0);
    },
  );
});

describe('on a network that loses, delays, doubles and falls apart', () => {
  test.prop([plans(flaky.scenario)], { numRuns: 15 })(
    'every change that is wanted is built, and once (G5, G6)',
    async (plan) => {
      const result = await run(flaky, plan, ['no-lost-change', 'no-duplicate']);
      expect(result.violations).toEqual([]);
      expect(result.oracles['no-lost-change']?.checks).toBeGreaterThan(0);
    },
  );
});

test('a plan that breaks an unsound control plane shrinks to one or two faults', async () => {
  const { scenario, parts } = noFence;
  const property = fc.asyncProperty(plans(scenario), async (plan) => {
    return (await simulate(scenario, plan, { parts })).verdict === 'pass';
  });
  const details = await fc.check(property, { seed: 20_260_105, numRuns: 50 });
  expect(details.failed).toBe(true);
  const [smallest] = details.counterexample ?? [];
  expect(smallest?.faults.length).toBeGreaterThanOrEqual(1);
  expect(smallest?.faults.length).toBeLessThanOrEqual(2);
  expect((await simulate(scenario, smallest as Plan, { parts })).violations[0]?.guarantee).toBe(
    'single-active',
  );
});
