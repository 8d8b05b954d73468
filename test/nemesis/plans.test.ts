import { readdirSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PlannedFault } from '../../sim/nemesis/fault.js';
import { checkFault, faultOfKind, FAULTS } from '../../sim/nemesis/index.js';

const MASTERS = ['master-a', 'master-b', 'master-c'];
const LEASE_MS = 60_000;
const CONTEXT = { masters: MASTERS, leaseMs: LEASE_MS };

describe.each(FAULTS.map((fault) => [fault.kind, fault] as const))('%s', (kind, fault) => {
  test('draws only faults that pass its own check and survive JSON unchanged', () => {
    fc.assert(
      fc.property(fault.arbitrary(CONTEXT), (drawn) => {
        const planned = { kind, atMs: 1, ...drawn };
        checkFault(planned, MASTERS);
        expect(JSON.parse(JSON.stringify(planned))).toStrictEqual(planned);
        expect(planned.durationMs % 100).toBe(0);
      }),
      { numRuns: 100 },
    );
  });

  test('names among the impaired only masters of the plan', () => {
    const [drawn] = fc.sample(fault.arbitrary(CONTEXT), { numRuns: 1, seed: 1 });
    const planned = { kind, atMs: 1, ...drawn } as PlannedFault;
    for (const master of fault.impairs(planned, MASTERS)) expect(MASTERS).toContain(master);
  });
});

test('there is a file for each kind, and its name is the kind', () => {
  const files = readdirSync(new URL('../../sim/nemesis', import.meta.url)).map((file) =>
    file.replace('.ts', ''),
  );
  expect(new Set(FAULTS.map(({ kind }) => kind)).size).toBe(FAULTS.length);
  for (const { kind } of FAULTS) expect(files).toContain(kind);
});

test.each(['crash', 'host-crash', 'pause', 'stop', 'partition-database', 'partition-all', 'one-way-router'])(
  'the durations of %s straddle the lease and stay within 5 s and 3 leases',
  (kind) => {
    const drawn = fc.sample(faultOfKind(kind).arbitrary(CONTEXT), { numRuns: 300, seed: 7 });
    const durations = drawn.map(({ durationMs }) => durationMs);
    const near = durations.filter((ms) => Math.abs(ms - LEASE_MS) <= LEASE_MS / 10).length;
    expect(Math.min(...durations)).toBeGreaterThanOrEqual(5_000);
    expect(Math.max(...durations)).toBeLessThanOrEqual(3 * LEASE_MS);
    expect(durations.filter((ms) => ms < LEASE_MS).length).toBeGreaterThan(50);
    expect(durations.filter((ms) => ms > LEASE_MS).length).toBeGreaterThan(50);
    expect(near).toBeGreaterThan(60);
  },
);

test('clock steps go from seconds to hours in both directions, drift stays within one percent', () => {
  const steps = fc.sample(faultOfKind('clock-step').arbitrary(CONTEXT), { numRuns: 300, seed: 7 });
  const deltas = steps.map(({ params }) => Number(params['deltaMs']));
  expect(deltas.some((ms) => ms > 3_600_000)).toBe(true);
  expect(deltas.some((ms) => ms < -3_600_000)).toBe(true);
  expect(deltas.some((ms) => Math.abs(ms) <= 60_000)).toBe(true);
  const drifts = fc.sample(faultOfKind('clock-drift').arbitrary(CONTEXT), { numRuns: 300, seed: 7 });
  const ppms = drifts.map(({ params }) => Number(params['ppm']));
  expect(ppms.every((ppm) => ppm !== 0 && Math.abs(ppm) <= 10_000)).toBe(true);
  expect(ppms.some((ppm) => ppm < 0) && ppms.some((ppm) => ppm > 0)).toBe(true);
});

test('faults shrink to the mildest: the first master, the shortest time, the smallest parameter', () => {
  const details = fc.check(
    fc.property(faultOfKind('clock-step').arbitrary(CONTEXT), () => false),
    { numRuns: 1, seed: 3 },
  );
  expect(details.counterexample).toEqual([
    { durationMs: 5_000, target: 'master-a', params: { deltaMs: 1_000 } },
  ]);
});

test('an unknown kind is refused with the nearest one', () => {
  expect(() => faultOfKind('partition-databse')).toThrow(
    "there is no fault 'partition-databse' (did you mean 'partition-database'?)",
  );
  expect(() => faultOfKind('earthquake')).toThrow(/^there is no fault 'earthquake'$/);
});

test.each([
  [
    { target: 'master-x' },
    "the fault 'slow-link' needs as its target one of master-a, master-b, master-c, got 'master-x'",
  ],
  [
    { params: { peer: 'database' } },
    "the fault 'slow-link' needs as 'extraMs' an integer from 10 to 3000, got nothing",
  ],
  [
    { params: { peer: 'db', extraMs: 10 } },
    "the fault 'slow-link' needs as 'peer' one of router, database, got db",
  ],
  [
    { params: { peer: 'router', extraMS: 10 } },
    "the fault 'slow-link' has no parameter 'extraMS' (did you mean 'extraMs'?)",
  ],
])('a fault with %j is refused with what was expected', (change, message) => {
  const fault = { kind: 'slow-link', atMs: 0, durationMs: 100, target: 'master-a', params: {}, ...change };
  expect(() => checkFault(fault as PlannedFault, MASTERS)).toThrow(message);
});

test('a fault of the world has no target', () => {
  const fault = { kind: 'router-restart', atMs: 0, durationMs: 100, target: 'master-a', params: {} };
  expect(() => checkFault(fault, MASTERS)).toThrow(
    "the fault 'router-restart' needs as its target '', the world, got 'master-a'",
  );
});
