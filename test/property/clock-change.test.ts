// The scenario daylight-saving over whole nights in which clocks change: hours before and after it, with faults throughout.
// Two nights in every run of the tests; every change of it and several seeds in `npm run soak`.

import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { loadScenario, planForSeed, simulate } from '../../sim/index.js';
import { soakOr } from '../support/soak.js';

const HOUR_S = 3_600;
const NIGHT_S = soakOr(10, 3) * HOUR_S;
const SEEDS = soakOr(5, 1);

const FORWARD = ['2026-03-29T01:00Z', '2026-03-08T07:00Z', '2026-10-03T15:30Z'];
const BACK = ['2026-10-25T01:00Z', '2026-11-01T06:00Z', '2026-04-04T15:00Z'];
const CHANGES = [...FORWARD.slice(0, soakOr(3, 1)), ...BACK.slice(0, soakOr(3, 1))];

const { scenario, options } = await loadScenario(
  fileURLToPath(new URL('../../scenarios/daylight-saving.scenario.ts', import.meta.url)),
);

describe.each(CHANGES)('around %s', (change) => {
  test(
    'each slot is built once, at the instant that its line and policy name',
    { timeout: 1_800_000 },
    async () => {
      const startsAt = [new Date(Date.parse(change) - (NIGHT_S / 2) * 1000).toISOString()];
      const night = { ...scenario, durationS: NIGHT_S, startsAt };
      for (let seed = 1; seed <= SEEDS; seed++) {
        const result = await simulate(night, planForSeed(night, String(seed)), options);
        expect(result.violations).toEqual([]);
        expect(result.verdict).toBe('pass');
        expect(result.oracles['slot-once']?.checks).toBeGreaterThan(10);
      }
    },
  );
});
