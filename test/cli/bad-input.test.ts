import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { aFolder, historyLines, scenarioSource, standin } from './spawn-standin.js';

const plan = {
  version: 1,
  scenario: 'calm',
  seed: '1',
  masters: 1,
  durationS: 10,
  convergenceS: 10,
  network: 'lan',
  clocks: [{ offsetMs: 0, driftPpm: 0 }],
  bootDelaysMs: [0],
  changes: [],
  faults: [],
  lostMasters: [],
  decisions: {},
};

let folder = '';

beforeAll(() => {
  folder = aFolder({
    'throws.scenario.ts': `const limit: number = 3;\nthrow new RangeError('boom at ' + limit);\n`,
    'syntax.scenario.ts': `export default {{{`,
    'import.scenario.ts': `import './not-there.js';\nexport default 1;\n`,
    'fault.scenario.ts': scenarioSource('misspelt', 'faults: { crahs: 4 },'),
    'key.scenario.ts': scenarioSource('misspelt', 'mastres: 4,'),
    'plain.scenario.ts': 'export default { name: "plain" };\n',
    'good.scenario.ts': scenarioSource('good'),
    'history.jsonl': historyLines(20),
    'broken.jsonl': `${historyLines(1)}{"revision":1}\n`,
    'old.json': JSON.stringify({ ...plan, version: 0 }),
    'no-scenario.json': JSON.stringify({ ...plan, scenario: 'clam' }),
    'text.json': 'no JSON',
    'fault.json': JSON.stringify({
      ...plan,
      faults: [{ kind: 'crsh', atMs: 0, durationMs: 0, target: '', params: {} }],
    }),
  });
});

describe('wrong usage ends with exit code 64 and one line that says what is wrong', () => {
  const good = ['run', 'good.scenario.ts'];

  test.each<[string, readonly string[], string]>([
    [
      'a scenario that does not exist',
      ['run', 'failovr'],
      `there is no scenario 'failovr' (did you mean 'failover'?)`,
    ],
    [
      'a file that does not exist',
      ['run', './mine.scenario.ts'],
      'there is no scenario file ./mine.scenario.ts',
    ],
    [
      'a scenario that throws',
      ['run', 'throws.scenario.ts'],
      'throws.scenario.ts:2: throws while it loads: RangeError: boom at 3',
    ],
    ['a scenario that does not parse', ['run', 'syntax.scenario.ts'], 'syntax.scenario.ts:1:'],
    ['an import of nothing', ['run', 'import.scenario.ts'], 'import.scenario.ts:1:'],
    [
      'a misspelt fault',
      ['run', 'fault.scenario.ts'],
      `scenario 'misspelt' declares the unknown fault 'crahs' (did you mean 'crash'?)`,
    ],
    ['a misspelt option', ['run', 'key.scenario.ts'], `has no option 'mastres' (did you mean 'masters'?)`],
    [
      'a file that is no scenario',
      ['run', 'plain.scenario.ts'],
      'plain.scenario.ts: the default export is no scenario',
    ],
    [
      'seeds that are none',
      [...good, '--seeds', 'many'],
      `'many' are no seeds: expected A-B, a count N, or a 40-digit commit hash`,
    ],
    ['seeds that run backwards', [...good, '--seeds', '9-1'], 'run backwards'],
    ['a time that is none', [...good, '--time', 'soon'], '--time soon is no time'],
    [
      'a duration that is none',
      [...good, '--duration', '1y'],
      '--duration 1y: expected from 10s to 34d, for example 1h or 30d',
    ],
    [
      'a duration that is too short',
      [...good, '--duration', '9s'],
      '--duration 9s: expected from 10s to 34d',
    ],
    [
      'a duration that is too long',
      [...good, '--duration', '35d'],
      '--duration 35d: expected from 10s to 34d',
    ],
    ['no workers', [...good, '--workers', '0'], '--workers 0 is no number of workers: expected 1 to 64'],
    ['another drain', [...good, '--drain=sink'], '--drain sink: expected tick or immediate'],
    [
      'a history that does not exist',
      [...good, '--changes', 'no.jsonl'],
      'there is no file or folder no.jsonl',
    ],
    ['a corrupt history', [...good, '--changes', 'broken.jsonl'], 'broken.jsonl:2:'],
    ['a seed that is no number', ['replay', 'calm', '--seed', 'x'], `'x' is no seed: expected a number`],
    ['a replay without seed', ['replay', 'calm'], 'replay calm needs --seed'],
    ['a plan that does not exist', ['replay', 'no.json'], 'there is no plan file no.json'],
    [
      'a plan of another version',
      ['replay', 'old.json'],
      'old.json: a plan of version 0, expected version 1',
    ],
    [
      'a plan of no scenario',
      ['replay', 'no-scenario.json'],
      `there is no scenario 'clam' (did you mean 'calm'?)`,
    ],
    ['a plan that is no JSON', ['replay', 'text.json'], 'text.json is not valid JSON'],
    ['a plan with a misspelt fault', ['replay', 'fault.json'], `fault.json: faults[0].kind is "crsh"`],
    ['a duration for a plan', ['replay', 'old.json', '--duration', '1h'], '--duration does not apply'],
    ['a seed for a plan', ['replay', 'old.json', '--seed', '1'], '--seed does not apply'],
    [
      'a canary that does not exist',
      ['canary', 'no-fense'],
      `there is no canary 'no-fense' (did you mean 'no-fence'?)`,
    ],
    ['an option that does not exist', ['run', '--sedes', '1'], 'unknown option'],
    ['a command that does not exist', ['fly'], `unknown command 'fly'`],
    ['a history of no repository', ['history', '.', 'out.jsonl'], 'is no git repository'],
  ])('%s', (_, args, message) => {
    const { code, stdout, stderr } = standin(folder, ...args);
    expect(stderr).toContain(message);
    expect({ code, stdout }).toEqual({ code: 64, stdout: '' });
    expect(stderr.trim().split('\n').length).toBeLessThanOrEqual(2);
    expect(stderr).not.toMatch(/^\s+at /m);
  });
});

test('--verbose adds the stack, which points into the file of the user', () => {
  const { code, stderr } = standin(folder, 'run', 'throws.scenario.ts', '--verbose');
  expect(code).toBe(64);
  expect(stderr).toMatch(/^\s+at .*throws\.scenario\.ts/m);
});

test('help and version are no mistakes', () => {
  expect(standin(folder, '--help')).toMatchObject({ code: 0, stderr: '' });
  const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8')) as {
    version: string;
  };
  expect(standin(folder, '--version')).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
});

test('a Node that is too old is told so in a sentence', () => {
  writeFileSync(
    join(folder, 'old-node.cjs'),
    `Object.defineProperty(process.versions, 'node', { value: '20.18.1' });\n`,
  );
  const nodeOptions = `--require ${join(folder, 'old-node.cjs')}`;
  const { code, stderr } = standin({ folder, nodeOptions }, 'list');
  expect(code).toBe(64);
  expect(stderr).toBe('standin needs Node 20.19 or newer, this is Node 20.18.1\n');
});
