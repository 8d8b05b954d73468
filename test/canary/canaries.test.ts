// Every canary runs well as long as nothing goes wrong, and is found by the oracle that is meant for it.

import { describe, expect, it } from 'vitest';
import { CANARIES } from '../../sim/canaries/index.js';
import { planForSeed } from '../../sim/explore/plan.js';
import { loadSubject } from '../../sim/explore/scenario-lookup.js';
import { simulate } from '../../sim/explore/simulate.js';
import { WORLD_EPOCH_MS } from '../../sim/kernel/kernel.js';

const SEEDS = 100;

describe.each(CANARIES.map((canary) => [canary.name, canary] as const))(
  'the canary %s',
  (name, { oracle }) => {
    it('passes while nothing goes wrong, no clock changes and nobody is switched off', async () => {
      const { scenario, options } = await loadSubject({ kind: 'canary', name });
      const planned = planForSeed(scenario, '1');
      const operations = planned.operations.filter(({ kind }) => kind !== 'disable' && kind !== 'enable');
      const plan = { ...planned, faults: [], lostMasters: [], operations, epochMs: WORLD_EPOCH_MS };
      const result = await simulate(scenario, plan, options);
      expect(result.violations).toEqual([]);
      expect(result.verdict).toBe('pass');
    });

    it(`is found by ${oracle}`, async () => {
      const { scenario, options } = await loadSubject({ kind: 'canary', name });
      const found: string[] = [];
      for (let seed = 1; seed <= SEEDS && !found.includes(oracle); seed++) {
        const result = await simulate(scenario, planForSeed(scenario, String(seed)), options);
        found.push(...result.violations.map(({ guarantee }) => guarantee));
      }
      expect(found).toContain(oracle);
    });

    it('has a scenario that a sound control plane passes', async () => {
      const { scenario, options } = await loadSubject({ kind: 'canary', name });
      if (Object.keys(options.parts ?? {}).length === 0) return; // the defect is the scenario's own scheduler
      for (const seed of ['1', '2', '3', '4', '5']) {
        const result = await simulate(scenario, planForSeed(scenario, seed), { ...options, parts: {} });
        expect(result.violations).toEqual([]);
      }
    });
  },
);
