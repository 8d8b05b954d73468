import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { masterNames, planForSeed, plans, type Plan } from '../../sim/explore/plan.js';
import { lasting } from '../../sim/scenario.js';
import { readPlan } from '../../sim/explore/plan-file.js';
import { WORLD_EPOCH_MS } from '../../sim/kernel/kernel.js';
import { aHistory, aScenario } from './a-scenario.js';

const history = aHistory(200);
const busy = aScenario({
  faults: { crash: 60, pause: 30, 'clock-step': 12, 'message-drop': 6 },
  clocks: { offsetS: 3600, driftPpm: 5000 },
});

describe('the plan of a seed', () => {
  test('is the same whenever it is asked for', () => {
    const first = ['1', '2', '3'].map((seed) => planForSeed(busy, seed, history));
    const again = ['3', '2', '1'].map((seed) => planForSeed(busy, seed, history)).toReversed();
    expect(again).toEqual(first);
  });

  test('is the same for an equal scenario that was evaluated anew, as in another worker', () => {
    const anew = aScenario({ ...busy });
    expect(planForSeed(anew, '17', aHistory(200))).toEqual(planForSeed(busy, '17', history));
  });

  test('differs from that of its neighbours', () => {
    const texts = new Set(
      Array.from({ length: 300 }, (_, seed) =>
        JSON.stringify({ ...planForSeed(busy, String(seed), history), seed: null }),
      ),
    );
    expect(texts.size).toBe(300);
  });

  test('may be that of a commit hash', () => {
    const hash = 'abcdef0123456789abcdef0123456789abcdef01';
    expect(planForSeed(busy, hash, history).seed).toBe(hash);
  });

  test('survives JSON and the checks of a plan file', () => {
    fc.assert(
      fc.property(plans(busy, history), (plan) => {
        expect(readPlan(JSON.parse(JSON.stringify(plan)), 'plan.json')).toEqual(plan);
      }),
      { numRuns: 100 },
    );
  });

  test('has its faults and changes in order, within the chaos phase', () => {
    for (let seed = 0; seed < 100; seed++) {
      const { faults, changes, durationS, masters } = planForSeed(busy, String(seed), history);
      for (const list of [faults, changes]) {
        const times = list.map(({ atMs }) => atMs);
        expect(times).toEqual(times.toSorted((left, right) => left - right));
        expect(times.every((atMs) => atMs >= 0 && atMs < durationS * 1000)).toBe(true);
      }
      expect(changes.every(({ viaMaster }) => viaMaster >= 0 && viaMaster < masters)).toBe(true);
    }
  });

  test('begins at one of the instants of its scenario, with masters in its time zones, and is the same else', () => {
    const abroad = aScenario({
      ...busy,
      startsAt: ['2026-03-29T00:45Z', '2026-10-25T02:45:00+02:00'],
      clocks: { ...busy.clocks, timeZones: ['Europe/London', 'Asia/Kolkata'] },
    });
    const drawn = Array.from({ length: 40 }, (_, seed) => planForSeed(abroad, String(seed), history));
    const starts = new Set(drawn.map(({ epochMs }) => new Date(epochMs).toISOString()));
    expect(starts).toEqual(new Set(['2026-03-29T00:45:00.000Z', '2026-10-25T00:45:00.000Z']));
    const zones = new Set(drawn.flatMap(({ clocks }) => clocks.map(({ timeZone }) => timeZone)));
    expect(zones).toEqual(new Set(['Europe/London', 'Asia/Kolkata']));
    for (const plan of drawn) expect(readPlan(JSON.parse(JSON.stringify(plan)), 'plan.json')).toEqual(plan);
    const elsewhere = aScenario({ ...busy, startsAt: ['2026-03-29T00:45Z'] });
    const { epochMs, ...rest } = planForSeed(elsewhere, '5', history);
    expect({ ...rest, epochMs: WORLD_EPOCH_MS }).toEqual(planForSeed(busy, '5', history));
    expect(epochMs).toBe(Date.parse('2026-03-29T00:45Z'));
  });

  test.each([
    [{ startsAt: ['2026-03-29T00:45'] }, "has '2026-03-29T00:45' in 'startsAt', expected an instant like"],
    [{ startsAt: ['2026-13-29T00:45Z'] }, "has '2026-13-29T00:45Z' in 'startsAt', expected an instant like"],
    [{ clocks: { timeZones: ['Berlin'] } }, "has a wrong 'clocks.timeZones': there is no time zone 'Berlin'"],
  ])('does not come of a scenario with %o', (options, message) => {
    expect(() => aScenario(options)).toThrow(message);
  });

  test('has as many changes as the scenario says, also from a history that is shorter', () => {
    expect(planForSeed(aScenario({ changes: 7 }), '1', history).changes).toHaveLength(7);
    expect(planForSeed(aScenario({ changes: 7 }), '1', aHistory(3)).changes).toHaveLength(7);
    expect(planForSeed(aScenario({ changes: 0 }), '1', history).changes).toEqual([]);
  });

  test('has as many changes and faults an hour when it lasts longer', () => {
    const base = aScenario({ durationS: 600, changes: 12, faults: { pause: 12 } });
    const day = lasting(base, 86_400);
    expect([day.durationS, day.changes]).toEqual([86_400, 1_728]);
    const sample = Array.from({ length: 30 }, (_, seed) => planForSeed(day, String(seed), history));
    const mean = sample.reduce((sum, { faults }) => sum + faults.length, 0) / sample.length;
    expect(mean).toBeGreaterThan(12 * 24 * 0.7);
    expect(mean).toBeLessThan(12 * 24 * 1.3);
    expect(sample[0]).toMatchObject({ durationS: 86_400, scenario: base.name });
    expect(() => lasting(aScenario({ durationS: 600, changes: 100 }), 2_000_000)).toThrow(
      /needs an integer from 0 to 100000 for 'changes', got 333333/,
    );
  });

  test('keeps the rhythm of the history: what came at once comes at once', () => {
    const bursts = aHistory(50).map((commit, index) => ({
      ...commit,
      when: 1_700_000_000 + 3600 * Math.floor(index / 10),
    }));
    const times = planForSeed(aScenario({ changes: 30 }), '1', bursts).changes.map(({ atMs }) => atMs);
    expect(new Set(times).size).toBeLessThanOrEqual(4);
    expect(times).toHaveLength(30);
  });
});

describe('the faults of plans', () => {
  const sample = Array.from({ length: 2000 }, (_, seed) => planForSeed(busy, String(seed), history));
  const numberOf = (plan: Plan, kind: string): number =>
    plan.faults.filter((fault) => fault.kind === kind).length;

  test.each([
    ['crash', 10],
    ['pause', 5],
    ['clock-step', 2],
    ['message-drop', 1],
  ])('of the kind %s strike %d times on average', (kind, expected) => {
    const total = sample.reduce((sum, plan) => sum + numberOf(plan, kind), 0);
    expect(total / sample.length / expected).toBeGreaterThan(0.93);
    expect(total / sample.length / expected).toBeLessThan(1.07);
  });

  test.each(['crash', 'pause', 'clock-step'])('leave out %s in about a quarter of the plans', (kind) => {
    const without = sample.filter((plan) => numberOf(plan, kind) === 0).length;
    expect(without / sample.length).toBeGreaterThan(0.2);
    expect(without / sample.length).toBeLessThan(0.45);
  });

  test('are only those that the scenario declares', () => {
    const kinds = new Set(sample.flatMap((plan) => plan.faults.map(({ kind }) => kind)));
    expect(kinds).toEqual(new Set(['clock-step', 'crash', 'message-drop', 'pause']));
  });

  test('come early and late in the chaos phase alike', () => {
    const times = sample.flatMap((plan) => plan.faults.map(({ atMs }) => atMs));
    const early = times.filter((atMs) => atMs < 300_000).length;
    expect(early / times.length).toBeGreaterThan(0.47);
    expect(early / times.length).toBeLessThan(0.53);
  });
});

describe('plans of a property test', () => {
  const shrunkBy = (holds: (plan: Plan) => boolean): Plan => {
    const details = fc.check(fc.property(plans(busy, history), holds), { seed: 42, numRuns: 1000 });
    expect(details.failed).toBe(true);
    return (details.counterexample as [Plan])[0];
  };

  test('shrink to the one fault that matters and to nothing else', () => {
    const plan = shrunkBy(({ faults }) => !faults.some(({ kind }) => kind === 'pause'));
    expect(plan.faults.map(({ kind }) => kind)).toEqual(['pause']);
    expect(plan.changes).toEqual([]);
    expect(plan.clocks).toEqual(Array(3).fill({ offsetMs: 0, driftPpm: 0 }));
    expect(plan.bootDelaysMs).toEqual([0, 0, 0]);
  });

  test('shrink to the changes that matter, which stay as they were', () => {
    const plan = shrunkBy(({ changes }) => changes.filter(({ branch }) => branch === 'main').length < 2);
    expect(plan.changes.map(({ branch }) => branch)).toEqual(['main', 'main']);
    expect(plan.faults).toEqual([]);
  });

  test('shrink a fault to its shortest duration that matters', () => {
    const plan = shrunkBy(
      ({ faults }) => !faults.some(({ kind, durationMs }) => kind === 'pause' && durationMs >= 61_000),
    );
    expect(plan.faults.map(({ durationMs }) => durationMs)).toEqual([61_000]);
  });

  test('keep their seed while they shrink', () => {
    const seeds = new Set<string | null>();
    const failing = fc.property(plans(busy, history), ({ faults, seed }) => {
      if (faults.length > 0) seeds.add(seed);
      return faults.length === 0;
    });
    expect(fc.check(failing, { seed: 7 }).failed).toBe(true);
    expect(seeds.size).toBe(1);
  });
});

test('masters are called by letters', () => {
  expect(masterNames(3)).toEqual(['master-a', 'master-b', 'master-c']);
});
