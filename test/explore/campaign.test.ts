import { execFileSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { closeLanes, openLanes, runCampaign, type Target } from '../../sim/explore/campaign.js';
import type { Lane, LaneOptions } from '../../sim/explore/lane.js';
import { PACKAGE_ROOT } from '../../sim/explore/package-root.js';
import type { RunSummary } from '../../sim/explore/run-summary.js';
import { parseSeeds } from '../../sim/explore/seeds.js';
import type { ScenarioResult } from '../../sim/explore/tally.js';
import { runTwinCampaign } from '../../sim/explore/twin-check.js';
import { aHistory, aScenario } from './a-scenario.js';

const fixtures = join(dirname(fileURLToPath(import.meta.url)), 'fixtures');
const target: Target = {
  scenario: aScenario({ name: 'planned' }),
  subject: { kind: 'file', file: join(fixtures, 'planned.scenario.ts') },
};
const lane: LaneOptions = {
  drain: 'tick',
  history: aHistory(60),
  stallMs: 1_000,
  workerUrl: pathToFileURL(join(PACKAGE_ROOT, 'dist/sim/explore/worker.js')),
  simulateUrl: pathToFileURL(join(fixtures, 'scripted-simulate.js')),
};

// Lanes outlive a test, as they do a scenario: starting a worker is most of the cost.
const sharedLanes = openLanes(4, lane);

function lanes(count: number): readonly Lane[] {
  return sharedLanes.slice(0, count);
}

/** All the runs of these seeds that did not pass, besides the totals. */
async function explore(
  seeds: string,
  workers = 2,
): Promise<{ result: ScenarioResult; failed: RunSummary[] }> {
  const failed: RunSummary[] = [];
  const onRun = (run: RunSummary): boolean => {
    if (run.verdict !== 'pass') failed.push(run);
    return false;
  };
  const result = await runCampaign(lanes(workers), { target, seeds: parseSeeds(seeds), timeMs: null, onRun });
  return { result, failed };
}

// Workers run what is in dist/, which the command brings up to date.
beforeAll(() => execFileSync(process.execPath, [join(PACKAGE_ROOT, 'bin/standin.js'), '--version']));
afterAll(() => closeLanes(sharedLanes));

describe('a campaign', () => {
  test('gives the runs in the order of their seeds, and the same from one worker and from two', async () => {
    const { result } = await explore('0-12', 2);
    const alone = await explore('0-12', 1);
    expect(result.runs.map(({ seed }) => seed)).toEqual(
      Array.from({ length: 13 }, (_, seed) => String(seed)),
    );
    expect({ ...result, wallMs: 0 }).toEqual({ ...alone.result, wallMs: 0 });
    expect([result.pass, result.events, result.failoverMaxMs]).toEqual([13, 39, 120]);
  });

  test('keeps of a violation all that explains it, in a plan that needs no seed', async () => {
    const { result, failed } = await explore('12-14');
    expect(result.violation).toBe(1);
    expect(failed.map(({ seed, broken }) => [seed, broken])).toEqual([['13', ['single-active']]]);
    const evidence = failed[0]?.evidence;
    expect(evidence?.plan).toMatchObject({ seed: null, decisions: { 'link.latency': { 'a>b': { 0: 7 } } } });
    expect(evidence?.around.map(({ detail }) => detail)).toEqual(['start', 'x'.repeat(13), 'end']);
    expect(evidence?.config).toEqual({ drain: 'tick' });
  });

  test.each([
    ['31', 'no progress for 1 s'],
    ['32', 'no progress for 1 s'],
    ['33', 'the worker ended with code 7'],
    ['34', 'the run broke: Error: the world fell apart'],
  ])('has no verdict about seed %s: %s', async (seed, reason) => {
    const { result, failed } = await explore(`${seed}-${seed}`, 1);
    expect(result.unknown).toBe(1);
    expect(failed[0]?.reason).toContain(reason);
  });

  test('goes on with the next seed in a new worker when a run hangs', async () => {
    const { result } = await explore('30-36', 1);
    expect(result.runs.map(({ verdict }) => verdict)).toEqual([
      'pass', 'unknown', 'unknown', 'unknown', 'unknown', 'pass', 'pass',
    ]); // prettier-ignore
  });

  test('begins no seed after its time', async () => {
    const seeds = { count: Number.POSITIVE_INFINITY, base: null, at: (index: number) => String(index % 10) };
    const result = await runCampaign(lanes(1), { target, seeds, timeMs: 300, onRun: () => false });
    expect(result.pass).toBe(result.runs.length);
    expect(result.pass).toBeGreaterThan(0);
  });

  test('ends when it is told to, with all earlier seeds tried', async () => {
    const onRun = (run: RunSummary): boolean => run.broken.length > 0;
    const result = await runCampaign(lanes(2), {
      target,
      seeds: parseSeeds('1-1000000'),
      timeMs: null,
      onRun,
    });
    const tried = result.runs.map(({ seed }) => Number(seed));
    expect(tried.slice(0, 13)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]);
    expect(tried.length).toBeLessThan(1_000_000);
  });

  test('is refused with the message of the scenario that does not load', async () => {
    const wrong: Target = {
      ...target,
      subject: { kind: 'file', file: join(fixtures, 'no-such.scenario.ts') },
    };
    const campaign = runCampaign(openLanes(1, lane), {
      target: wrong,
      seeds: parseSeeds('1-9'),
      timeMs: null,
      onRun: () => false,
    });
    await expect(campaign).rejects.toThrow(/no-such.scenario.ts: there is no such file/);
  });
});

describe('the twin check', () => {
  const twin = (seeds: string) =>
    runTwinCampaign(sharedLanes.slice(0, 2), sharedLanes.slice(2), {
      target,
      seeds: parseSeeds(seeds),
      timeMs: null,
      onRun: () => false,
    });

  test('finds nothing where every plan gives one trace, and counts each seed once', async () => {
    const { result, mismatch } = await twin('0-30');
    expect(mismatch).toBeNull();
    expect(result.pass).toBe(30);
    expect(result.violation).toBe(1);
  });

  test('ends with the first event that differs, in both versions', async () => {
    const { mismatch, result } = await twin('38-90');
    expect(mismatch).toMatchObject({ scenario: 'planned', seed: '41' });
    expect(mismatch?.first).toMatchObject({ index: 1, kind: 'step' });
    expect(mismatch?.second).toMatchObject({ index: 1, kind: 'step' });
    expect(mismatch?.first?.detail).not.toBe(mismatch?.second?.detail);
    expect(result.runs.length).toBeLessThan(53);
  });
});
