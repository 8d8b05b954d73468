import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readSavedPlan, writeCapsule } from '../../sim/explore/capsule.js';
import { planForSeed } from '../../sim/explore/plan.js';
import { readPlan } from '../../sim/explore/plan-file.js';
import { aHistory, aScenario } from './a-scenario.js';

const plan = planForSeed(aScenario({ faults: { crash: 60 } }), '8', aHistory(50));

/** The plan as JSON with one part of it replaced. */
function edited(edit: Record<string, unknown>): unknown {
  return JSON.parse(JSON.stringify({ ...plan, ...edit }));
}

function firstChange(edit: Record<string, unknown>): unknown {
  return edited({ changes: [{ ...plan.changes[0], ...edit }] });
}

const fault = { kind: 'crash', atMs: 5, durationMs: 0, target: 'master-a', params: {} };

describe('a plan from a file', () => {
  test('is accepted as it was written', () => {
    expect(readPlan(edited({}), 'p.json')).toEqual(plan);
  });

  test.each<[string, unknown, string]>([
    ['another version', edited({ version: 2 }), 'p.json: a plan of version 2, expected version 1'],
    ['no version', edited({ version: undefined }), 'p.json: a plan of version missing, expected version 1'],
    ['no object', [1], 'p.json: a plan of version missing'],
    ['a missing field', edited({ masters: undefined }), 'p.json: masters is missing, expected to be there'],
    [
      'an unknown field',
      edited({ maters: 3 }),
      "p.json: maters is 3, expected no such field (did you mean 'masters'?)",
    ],
    ['a number as text', edited({ durationS: '600' }), 'p.json: durationS is "600", expected an integer'],
    ['a fraction', edited({ durationS: 1.5 }), 'p.json: durationS is 1.5, expected an integer'],
    ['a seed that is a number', edited({ seed: 8 }), 'p.json: seed is 8, expected a string'],
    [
      'a seed that is no seed',
      edited({ seed: 'eight' }),
      `p.json: seed: 'eight' is no seed: expected a number`,
    ],
    [
      'a clock too few',
      edited({ clocks: [] }),
      'p.json: clocks is [], expected one item for each of the 3 masters',
    ],
    [
      'a clock in no time zone',
      edited({ clocks: [{ offsetMs: 0, driftPpm: 0, timeZone: 'Berlin' }, ...plan.clocks.slice(1)] }),
      "p.json: clocks[0].timeZone: there is no time zone 'Berlin', expected a name like",
    ],
    [
      'a start that is no instant',
      edited({ epochMs: '2026' }),
      'p.json: epochMs is "2026", expected an integer',
    ],
    ['changes that are no array', edited({ changes: {} }), 'p.json: changes is {}, expected an array'],
    [
      'a change at no time',
      firstChange({ atMs: -1 }),
      'p.json: changes[0].atMs is -1, expected an integer from 0',
    ],
    ['a change without author', firstChange({ author: undefined }), 'p.json: changes[0].author is missing'],
    [
      'a change through no master',
      firstChange({ viaMaster: 3 }),
      'p.json: changes[0].viaMaster is 3, expected',
    ],
    [
      'a file that is no text',
      firstChange({ files: [7] }),
      'p.json: changes[0].files[0] is 7, expected a string',
    ],
    [
      'a misspelt fault',
      edited({ faults: [{ ...fault, kind: 'crahs' }] }),
      `p.json: faults[0].kind is "crahs", expected the kind of a fault (did you mean 'crash'?)`,
    ],
    [
      'a parameter that is neither',
      edited({ faults: [{ ...fault, params: { host: true } }] }),
      'p.json: faults[0].params.host is true, expected a string or a number',
    ],
    [
      'decisions out of range',
      edited({ decisions: { a: { b: { 0: -1 } } } }),
      'p.json: decisions.a.b.0 is -1, expected',
    ],
    [
      'decisions without number',
      edited({ decisions: { a: { b: { x: 1 } } } }),
      'p.json: decisions.a.b is {"x":1}, expected',
    ],
  ])('is refused with one clear sentence for %s', (_, value, message) => {
    expect(() => readPlan(value, 'p.json')).toThrow(message);
  });
});

describe('a capsule', () => {
  const before = process.cwd();
  const folder = mkdtempSync(join(tmpdir(), 'standin-capsule-'));
  const facts = {
    verdict: 'violation',
    guarantee: 'single-active',
    message: 'Two at once.',
    traceHash: '0123456789abcdef',
    seed: '8',
    commit: 'unknown',
  } as const;

  beforeAll(() => process.chdir(folder));
  afterAll(() => {
    process.chdir(before);
    rmSync(folder, { recursive: true });
  });

  test('gives back its plan, its facts and the scenario that it is of', () => {
    const path = writeCapsule({ ...plan, seed: null }, facts, join(process.cwd(), 'mine', 'a.scenario.ts'));
    expect(path).toBe('.standin/a-scenario-8.json');
    const saved = readSavedPlan(path);
    expect(saved.plan).toEqual({ ...plan, seed: null });
    expect(saved.facts).toEqual(facts);
    expect(saved.scenarioFile).toBe(join(process.cwd(), 'mine', 'a.scenario.ts'));
  });

  test('of a packaged scenario names no file', () => {
    expect(readSavedPlan(writeCapsule(plan, facts, null)).scenarioFile).toBeNull();
  });

  test('may be a bare plan', () => {
    writeFileSync('bare.json', JSON.stringify(plan));
    expect(readSavedPlan('bare.json')).toEqual({ plan, facts: null, scenarioFile: null });
  });

  test.each([
    ['no-file.json', null, 'the plan file no-file.json cannot be read'],
    ['text.json', 'text', 'text.json is not valid JSON, expected a plan (version 1) or a capsule'],
    ['list.json', '[]', 'list.json: expected an object, a plan or a capsule'],
    [
      'scenario.json',
      JSON.stringify({ scenarioFile: 3, plan }),
      'scenario.json: scenarioFile is 3, expected a path or null',
    ],
  ])('is refused with one clear sentence: %s', (name, text, message) => {
    if (text !== null) writeFileSync(name, text);
    expect(() => readSavedPlan(name)).toThrow(message);
  });
});
