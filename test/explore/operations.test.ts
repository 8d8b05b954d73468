// What operators do: how it is drawn, how it is read from a file, and that it happens.

import { describe, expect, test } from 'vitest';
import { planForSeed, type Plan } from '../../sim/explore/plan.js';
import { readPlan } from '../../sim/explore/plan-file.js';
import { simulate } from '../../sim/explore/simulate.js';
import { NO_VIOLATIONS, type HistoryEvent, type Oracle } from '../../sim/oracles/history.js';
import { defineScenario, type Scenario, type ScenarioOptions } from '../../sim/scenario.js';
import { ForceScheduler } from '../../src/schedulers/force.js';
import { NightlyTriggerable } from '../../src/schedulers/nightly-triggerable.js';
import { Triggerable } from '../../src/schedulers/triggerable.js';
import { Try_Jobdir } from '../../src/schedulers/try-jobdir.js';
import { SingleBranchScheduler } from '../../src/schedulers/single-branch.js';

function aScenario(options: Partial<ScenarioOptions> = {}): Scenario {
  return defineScenario({
    name: 'operated',
    description: 'Two schedulers, one of which has versions.',
    masters: 2,
    durationS: 300,
    changes: 20,
    versions: 2,
    schedulers: (version) => [
      new SingleBranchScheduler('same', ['linux'], { branch: 'master' }),
      new SingleBranchScheduler('other', ['linux'], { branch: 'master', reason: `version ${version}` }),
    ],
    ...options,
  });
}

/** A plan in which nothing goes wrong, and `operations` happen. */
function planWith(scenario: Scenario, operations: Plan['operations']): Plan {
  return { ...planForSeed(scenario, '1'), operations, faults: [], lostMasters: [] };
}

describe('operations that are drawn', () => {
  const scenario = aScenario({ operations: { reconfigure: 24, disable: 24 } });
  const plans = Array.from({ length: 60 }, (_, seed) => planForSeed(scenario, String(seed)));

  test('are ordered, within the chaos, and of all declared kinds', () => {
    const kinds = new Set(plans.flatMap(({ operations }) => operations.map(({ kind }) => kind)));
    expect([...kinds].toSorted((a, b) => (a < b ? -1 : 1))).toEqual(['disable', 'enable', 'reconfigure']);
    for (const { operations } of plans) {
      const times = operations.map(({ atMs }) => atMs);
      expect(times).toEqual(times.toSorted((a, b) => a - b));
      expect(Math.max(0, ...times)).toBeLessThan(300_000);
    }
  });

  test('reconfigure all masters, and enable all that they disable', () => {
    for (const { operations } of plans) {
      const count = (kind: string): number =>
        operations.filter((operation) => operation.kind === kind).length;
      expect(count('enable')).toBe(count('disable'));
      expect(count('reconfigure') % 2).toBe(0);
    }
  });

  test('change nothing else about the plan of a seed', () => {
    const { operations: _, ...others } = planForSeed(aScenario(), '7');
    expect(planForSeed(scenario, '7')).toMatchObject(others);
  });

  test('are read from a file as they were written, and an older file has none', () => {
    const [plan] = plans.filter(({ operations }) => operations.length > 3);
    expect(readPlan(JSON.parse(JSON.stringify(plan)), 'p.json')).toEqual(plan);
    const { operations: _, ...older } = planForSeed(scenario, '1');
    expect(readPlan(older, 'p.json').operations).toEqual([]);
  });

  test.each([
    [
      { kind: 'reboot', atMs: 1 },
      'operations[0].kind is "reboot", expected one of reconfigure, disable, enable, force, trigger, try, build',
    ],
    [{ kind: 'reconfigure', atMs: 1, master: 'master-z', version: 0 }, 'operations[0].master is "master-z"'],
    [{ kind: 'disable', atMs: 1, scheduler: 'same', viaMaster: 2 }, 'operations[0].viaMaster is 2'],
    [{ kind: 'disable', atMs: 1, scheduler: 'same' }, 'operations[0].viaMaster is missing'],
  ])('of the wrong form are refused: %j', (operation, message) => {
    const plan = { ...planForSeed(scenario, '1'), operations: [operation] };
    expect(() => readPlan(plan, 'p.json')).toThrow(message);
  });

  test('of an unknown kind are refused when they are declared', () => {
    expect(() => aScenario({ operations: { reconfgure: 1 } as object })).toThrow(
      "declares the unknown operation 'reconfgure' (did you mean 'reconfigure'?)",
    );
  });
});

describe('calls that are drawn', () => {
  const operations = { force: 60, trigger: 60, try: 60, build: 60 };
  const scenario = calledScenario({ operations });

  test('are of all declared kinds, each to a scheduler that takes it, and are read as they were written', () => {
    const plans = Array.from({ length: 40 }, (_, seed) => planForSeed(scenario, String(seed)));
    const drawn = plans.flatMap((plan) => plan.operations);
    const targets = (kind: string): unknown => [
      ...new Set(
        drawn.flatMap((operation) => {
          if (operation.kind !== kind) return [];
          return 'scheduler' in operation
            ? operation.scheduler
            : 'jobdir' in operation
              ? operation.jobdir
              : '';
        }),
      ),
    ];
    expect(targets('force')).toEqual(['force']);
    expect(targets('trigger')).toEqual(expect.arrayContaining(['trigger', 'slots']));
    expect(targets('try')).toEqual(['/jobs']);
    expect(targets('build')).toEqual(['']);
    for (const plan of plans) expect(readPlan(JSON.parse(JSON.stringify(plan)), 'p.json')).toEqual(plan);
  });

  test.each([
    ['force', 'ForceScheduler'],
    ['trigger', 'Triggerable'],
    ['try', 'Try_Jobdir'],
  ] as const)('%s is refused in a scenario without a %s', (kind, missing) => {
    const without = aScenario({ operations: { [kind]: 1 } });
    expect(() => planForSeed(without, '1')).toThrow(`declares '${kind}', but has no ${missing}`);
  });

  test.each([
    [{ kind: 'try', atMs: 1, jobdir: 3 }, 'operations[0].jobdir is 3'],
    [{ kind: 'build', atMs: 1, viaMaster: 0, durationMs: 5, results: 9 }, 'operations[0].results is 9'],
  ])('of the wrong form are refused: %j', (operation, message) => {
    const plan = { ...planForSeed(scenario, '1'), operations: [operation] };
    expect(() => readPlan(plan, 'p.json')).toThrow(message);
  });
});

describe('calls that happen', () => {
  const CALLS = [
    { kind: 'force', atMs: 20_000, scheduler: 'force', viaMaster: 0 },
    { kind: 'trigger', atMs: 21_000, scheduler: 'trigger', viaMaster: 1 },
    { kind: 'trigger', atMs: 22_000, scheduler: 'slots', viaMaster: 0 },
    { kind: 'try', atMs: 23_000, jobdir: '/jobs' },
    { kind: 'build', atMs: 40_000, viaMaster: 0, durationMs: 5_000, results: 0 },
  ] as const;

  test('are accepted, built and answered', async () => {
    const seen: string[] = [];
    const keys = new Set<unknown>();
    const scenario = calledScenario({ oracles: [watching(callsInto(seen)), watching(keysInto(keys))] });
    const { verdict, faults } = await simulate(scenario, planWith(scenario, CALLS));
    expect(verdict).toBe('pass');
    expect(seen).toEqual([
      'call:call-0 accepted',
      'call:call-1 accepted',
      'call:call-1 waits',
      'call-2 accepted',
      'call:call-1 answered',
    ]);
    expect([...keys]).toEqual(expect.arrayContaining(['call:call-0', 'call:call-1', 'job:job-3']));
    expect([...keys].some((key) => String(key).startsWith('slot:'))).toBe(true);
    expect(faults['build']).toEqual({ eligible: 1, fired: 1 });
  });

  test('go to another master when the first one dies, and so does who waits', async () => {
    const seen: string[] = [];
    const scenario = calledScenario({ oracles: [watching(callsInto(seen))] });
    const crash = (atMs: number) =>
      ({ kind: 'crash', atMs, durationMs: 15_000, target: 'master-b', params: {} }) as const;
    const plan = { ...planWith(scenario, CALLS), faults: [crash(20_500), crash(38_500)] };
    const { verdict } = await simulate(scenario, plan);
    expect(verdict).toBe('pass');
    expect(seen.filter((line) => line.startsWith('call:call-1'))).toEqual([
      'call:call-1 accepted',
      'call:call-1 waits',
      'call:call-1 answered',
    ]);
    const viaA = { ...plan, faults: [{ ...crash(30_000), target: 'master-b' }] };
    seen.length = 0;
    expect((await simulate(scenario, viaA)).verdict).toBe('pass');
    expect(seen.filter((line) => line === 'call:call-1 waits')).toHaveLength(2);
  });

  test('of a scheduler that is disabled are refused, and not owed', async () => {
    const seen: string[] = [];
    const scenario = calledScenario({ oracles: [watching(callsInto(seen))] });
    const disable = { kind: 'disable', atMs: 15_000, scheduler: 'force', viaMaster: 0 } as const;
    const { verdict } = await simulate(scenario, planWith(scenario, [disable, CALLS[0]]));
    expect(verdict).toBe('pass');
    expect(seen).toEqual([]);
  });
});

describe('operations that happen', () => {
  test('a reconfiguration replaces what differs, on each master that is told', async () => {
    const scenario = aScenario();
    const operations = ['master-a', 'master-b'].map(
      (master) => ({ kind: 'reconfigure', atMs: 100_000, master, version: 1 }) as const,
    );
    const { verdict, tail, faults } = await simulate(scenario, planWith(scenario, operations), {
      keepTrace: true,
    });
    const told = tail.flatMap(({ node, detail }) =>
      detail.includes('is reconfigured') ? [`${node}: ${detail}`] : [],
    );
    expect(verdict).toBe('pass');
    expect(told.toSorted((a, b) => (a < b ? -1 : 1))).toEqual([
      "master-a: 'master-a' is reconfigured: removed other; added other; kept same",
      "master-b: 'master-b' is reconfigured: removed other; added other; kept same",
    ]);
    expect(faults['reconfigure']).toEqual({ eligible: 2, fired: 2 });
  });

  test('a master that is down reads the version that it was given when it starts', async () => {
    const reasons = new Set<unknown>();
    const scenario = aScenario({ masters: 1, oracles: [watching(buildsetReasons(reasons))] });
    const plan: Plan = {
      ...planWith(scenario, [{ kind: 'reconfigure', atMs: 10_000, master: 'master-a', version: 1 }]),
      faults: [{ kind: 'crash', atMs: 5_000, durationMs: 10_000, target: 'master-a', params: {} }],
      changes: planForSeed(scenario, '1').changes.map((change) => ({
        ...change,
        atMs: 100_000 + change.atMs / 10,
      })),
    };
    expect((await simulate(scenario, plan)).verdict).toBe('pass');
    expect(reasons).toContain('version 1');
    expect(reasons).not.toContain('version 0');
  });

  test('a scheduler that is disabled builds nothing until it is enabled, then all that came', async () => {
    const builtAtUs: number[] = [];
    const scenario = aScenario({ oracles: [watching(buildsetsOf('other', builtAtUs))] });
    const operations = [
      { kind: 'disable', atMs: 20_000, scheduler: 'other', viaMaster: 0 },
      { kind: 'enable', atMs: 250_000, scheduler: 'other', viaMaster: 1 },
    ] as const;
    const { verdict } = await simulate(scenario, planWith(scenario, operations));
    expect(verdict).toBe('pass'); // no-lost-change included
    expect(builtAtUs.filter((atUs) => atUs > 21_000_000 && atUs < 250_000_000)).toEqual([]);
    expect(builtAtUs.filter((atUs) => atUs > 250_000_000).length).toBeGreaterThan(3);
  });
});

function calledScenario(options: Partial<ScenarioOptions>): Scenario {
  return aScenario({
    versions: 1,
    changes: 0,
    schedulers: () => [
      new ForceScheduler('force', ['linux']),
      new Triggerable('trigger', ['linux']),
      new NightlyTriggerable('slots', ['linux'], { minute: '*' }),
      new Try_Jobdir('try', ['linux'], { jobdir: '/jobs' }),
    ],
    ...options,
  });
}

function callsInto(seen: string[]): (event: HistoryEvent) => void {
  return (event) => {
    if (event.kind === 'call') seen.push(`${event.key} ${event.what}`);
  };
}

function keysInto(keys: Set<unknown>): (event: HistoryEvent) => void {
  return (event) => {
    if (event.kind !== 'commit') return;
    for (const { table, row } of event.rows) if (table === 'buildsets') keys.add(row?.['trigger_key']);
  };
}

function watching(observe: (event: HistoryEvent) => void): Oracle {
  return {
    name: 'watching',
    start: () => ({
      checks: 1,
      observe: (event) => {
        observe(event);
        return NO_VIOLATIONS;
      },
      finish: () => NO_VIOLATIONS,
    }),
  };
}

function buildsetReasons(reasons: Set<unknown>): (event: HistoryEvent) => void {
  return (event) => {
    if (event.kind !== 'commit') return;
    for (const { table, row } of event.rows) if (table === 'buildsets') reasons.add(row?.['reason']);
  };
}

/** Notes when this scheduler's buildsets were committed. */
function buildsetsOf(scheduler: string, builtAtUs: number[]): (event: HistoryEvent) => void {
  let schedulerId: unknown = null;
  return (event) => {
    if (event.kind !== 'commit') return;
    for (const { table, op, row } of event.rows) {
      if (table === 'schedulers' && row?.['name'] === scheduler) schedulerId = row['id'];
      if (table === 'buildsets' && op === 'insert' && row?.['schedulerid'] === schedulerId)
        builtAtUs.push(event.atUs);
    }
  };
}
