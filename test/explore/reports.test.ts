import { describe, expect, test } from 'vitest';
import { Tally, declaredBy, vacuities, type Declared } from '../../sim/explore/tally.js';
import { defineScenario } from '../../sim/scenario.js';
import { Periodic } from '../../src/schedulers/periodic.js';
import { SingleBranchScheduler } from '../../src/schedulers/single-branch.js';
import { firstDifference } from '../../sim/explore/twin-check.js';
import { eventsAround, unknownSummary, type RunSummary } from '../../sim/explore/run-summary.js';
import { failurePage, nondeterminismPage } from '../../sim/report/failure-page.js';
import { jsonDocument } from '../../sim/report/json-document.js';
import { showProgress } from '../../sim/report/progress.js';
import { summaryTable } from '../../sim/report/summary-table.js';
import { planForSeed } from '../../sim/explore/plan.js';
import { aHistory, aScenario } from './a-scenario.js';

function aRun(edit: Partial<RunSummary> = {}): RunSummary {
  return {
    ...unknownSummary('1', ''),
    verdict: 'pass',
    reason: null,
    events: 1000,
    virtualUs: 900_000_000,
    traceHash: '00000000000000aa',
    faults: { crash: { eligible: 2, fired: 1 }, pause: { eligible: 1, fired: 0 } },
    checks: { 'single-active': 5, 'no-duplicate': 0 },
    failoverMaxMs: 70_000,
    failoverBoundMs: 96_000,
    ...edit,
  };
}

function aTally(runs: readonly RunSummary[]): Tally {
  const tally = new Tally('failover');
  runs.forEach((run, index) => tally.add(index, run));
  return tally;
}

const broken = aRun({ seed: '2', verdict: 'violation', broken: ['single-active', 'no-duplicate'] });
const event = (index: number, detail: string) => ({
  index,
  atUs: index * 1_000_000,
  node: 'master-a',
  kind: 'timer',
  detail,
});

describe('the JSON document', () => {
  const head = { version: '0.1.0', commit: 'abc', base: null, vacuous: [], nondeterminism: null };

  test('has the form that the command line promises', () => {
    const result = aTally([aRun(), broken, unknownSummary('3', 'no progress for 10 s')]).result(500);
    expect(JSON.parse(jsonDocument(head, [result]))).toEqual({
      version: '0.1.0',
      commit: 'abc',
      node: process.versions.node,
      base: null,
      scenarios: [
        {
          name: 'failover',
          seeds: 3,
          pass: 1,
          violation: 1,
          unknown: 1,
          events: 2000,
          virtualMs: 1_800_000,
          wallMs: 500,
          failoverMaxMs: 70_000,
          failoverBoundMs: 96_000,
          faults: { crash: { eligible: 4, fired: 2 }, pause: { eligible: 2, fired: 0 } },
          runs: [
            { seed: '1', verdict: 'pass', events: 1000, traceHash: '00000000000000aa' },
            {
              seed: '2',
              verdict: 'violation',
              oracle: 'single-active',
              events: 1000,
              traceHash: '00000000000000aa',
            },
            { seed: '3', verdict: 'unknown', reason: 'no progress for 10 s', events: 0, traceHash: '' },
          ],
        },
      ],
    });
  });

  test('is the same in whatever order the runs ended', () => {
    const tally = new Tally('failover');
    tally.add(1, broken);
    tally.add(0, aRun());
    expect(jsonDocument(head, [tally.result(5)])).toBe(
      jsonDocument(head, [aTally([aRun(), broken]).result(5)]),
    );
  });
});

describe('the summary table', () => {
  test('has a row a scenario, with its figures under their names', () => {
    const lines = summaryTable([aTally([aRun(), broken]).result(100), new Tally('calm').result(0)]);
    expect(lines).toEqual(
      [
        'scenario  seeds  pass  violation  unknown  events/s  virtual:real  longest failover   bound',
        'failover      2     1          1        0    20,000      18,000:1            1m10s  1m36s',
        'calm          0     0          0        0         0           0:1                -      -',
      ].map((line) => expect.stringMatching(new RegExp(`^${line.trim().replaceAll(/\s+/g, ' +')}$`))),
    );
    expect(new Set(lines.map((line) => line.length)).size).toBe(1);
  });
});

describe('a campaign', () => {
  const runs = Array.from({ length: 100 }, () => aRun());

  const declaring = (...kinds: readonly string[]): Declared => ({
    kinds,
    has: new Set(kinds.length > 0 ? (['faults'] as const) : []),
  });

  test('declares what its scenario has of what oracles need', () => {
    const plain = defineScenario({
      name: 'plain',
      description: 'Changes alone.',
      schedulers: () => [new SingleBranchScheduler('s', ['b'], { branch: 'master' })],
      faults: { crash: 6, pause: 0 },
    });
    expect(declaredBy(plain)).toEqual({ kinds: ['crash'], has: new Set(['faults', 'work']) });
    const timed = defineScenario({
      ...plain,
      changes: 0,
      schedulers: () => [new Periodic('p', ['b'], { periodicBuildTimer: 60 })],
      operations: { disable: 6 },
    });
    expect([...declaredBy(timed).has]).toEqual(['faults', 'disabling', 'slots']);
  });

  test('is vacuous when a declared fault never struck or an oracle never judged', () => {
    expect(vacuities(declaring('crash', 'pause', 'clock-step'), aTally(runs).result(1))).toEqual([
      'the fault pause never struck',
      'the fault clock-step never struck',
      'the oracle no-duplicate never had anything to judge',
    ]);
  });

  test('of fewer than 100 runs is never called vacuous', () => {
    expect(vacuities(declaring('pause'), aTally(runs.slice(1)).result(1))).toEqual([]);
  });

  test('without faults is not vacuous for an oracle that judges only what follows one', () => {
    const calm = Array.from({ length: 100 }, (_, seed) =>
      aRun({
        seed: String(seed),
        faults: {},
        checks: { 'non-revertive': 0, 'no-lost-change': 0, 'no-duplicate': 0 },
      }),
    );
    expect(vacuities(declaring(), aTally(calm).result(1))).toEqual([
      'the oracle no-duplicate never had anything to judge',
    ]);
  });

  test('without changes and calls is not vacuous for the oracle that judges what becomes of them', () => {
    const idle = Array.from({ length: 100 }, (_, seed) =>
      aRun({ seed: String(seed), checks: { 'no-lost-change': 0 } }),
    );
    const { kinds } = declaring();
    expect(vacuities({ kinds, has: new Set(['faults']) }, aTally(idle).result(1))).toEqual([]);
    expect(vacuities({ kinds, has: new Set(['faults', 'work']) }, aTally(idle).result(1))).toHaveLength(1);
  });
});

describe('the page about a violation', () => {
  const plan = planForSeed(aScenario(), '2', aHistory(9));
  const evidence = {
    violations: [
      { guarantee: 'single-active', atUs: 25_000_000, message: 'Both at 25s.', subject: 'nightly' },
    ],
    around: eventsAround(
      Array.from({ length: 40 }, (_, index) => event(index, `e${index}`)),
      25_000_000,
    ),
    config: { leaseMs: 60_000, network: 'lan' },
    plan,
    traceHash: '00000000000000aa',
    pending: ['no-lost-change: change 7'],
  };
  const page = failurePage(
    { ...broken, evidence },
    { scenario: 'failover', capsule: '.standin/failover-2.json' },
  ).join('\n');

  test('names guarantee, seed, cause, configuration and the command that replays it', () => {
    expect(page).toContain('VIOLATION of single-active, no-duplicate');
    expect(page).toContain('in failover, seed 2');
    expect(page).toContain('single-active: Both at 25s.');
    expect(page).toContain('leaseMs: 60000');
    expect(page).toContain('no-lost-change: change 7');
    expect(page).toContain('npx standin replay .standin/failover-2.json --trace');
  });

  test('shows the events up to the violation and a few after it, and passes over older routine', () => {
    const trace = Array.from({ length: 40 }, (_, index) => event(index, `e${index}`));
    const routine = trace.map((one) => (one.index % 2 === 0 ? one : { ...one, kind: 'deliver' }));
    const shown = eventsAround(routine, 25_000_000).map(({ index }) => index);
    expect(shown).toEqual([0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 21, 22, 23, 24, 25, 26, 27, 28]);
    expect(page).toMatch(/25s {2}master-a {2}timer +e25$/m);
  });
});

describe('two traces of one plan', () => {
  const trace = [event(0, 'a'), event(1, 'b'), event(2, 'c')];

  test('differ first where an event has other content', () => {
    const other = [event(0, 'a'), event(1, 'x'), event(2, 'y')];
    expect(firstDifference(trace, other)).toEqual({ first: event(1, 'b'), second: event(1, 'x') });
  });

  test('differ where one has ended', () => {
    expect(firstDifference(trace, trace.slice(0, 2))).toEqual({ first: event(2, 'c'), second: null });
  });

  test('are compared from where both are known', () => {
    const other = [event(1, 'b'), event(2, 'z')];
    expect(firstDifference(trace, other)).toEqual({ first: event(2, 'c'), second: event(2, 'z') });
  });

  test('are both shown on the page about it', () => {
    const mismatch = {
      scenario: 'calm',
      seed: '4',
      hashes: ['aa', 'bb'],
      first: event(1, 'b'),
      second: null,
    } as const;
    const page = nondeterminismPage(mismatch).join('\n');
    expect(page).toContain('in calm, seed 4: one plan gave two traces (aa and bb)');
    expect(page).toMatch(/one run +#1 +1s +master-a +timer +b/);
    expect(page).toMatch(/its twin +had ended/);
  });
});

describe('progress', () => {
  test('is one line that is rewritten on a terminal', () => {
    const written: string[] = [];
    const progress = showProgress({ isTTY: true, columns: 200, write: (text) => written.push(text) });
    progress.update('failover', aTally([aRun(), broken]));
    progress.clear();
    expect(written[0]).toContain('\r\u001b[Kfailover: 2 seeds, ');
    expect(written[0]).toMatch(/ [\d.]+ seeds\/s, 1 violations, 30m0s of virtual time$/);
    expect(written.at(-1)).toBe('\r\u001b[K');
  });

  test('elsewhere writes whole lines, and not one for each run', () => {
    const written: string[] = [];
    const progress = showProgress({ write: (text) => written.push(text) });
    progress.note('fresh seeds from base 5');
    for (let i = 0; i < 50; i++) progress.update('failover', aTally([aRun()]));
    progress.clear();
    expect(written).toEqual(['fresh seeds from base 5\n']);
  });
});
