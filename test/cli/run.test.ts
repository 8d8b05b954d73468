import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { aFolder, historyLines, scenarioSource, standin } from './spawn-standin.js';

interface Document {
  readonly version: string;
  readonly commit: string;
  readonly node: string;
  readonly base: string | null;
  readonly vacuous?: readonly string[];
  readonly scenarios: readonly {
    readonly name: string;
    readonly seeds: number;
    readonly faults: Record<string, { eligible: number; fired: number }>;
    readonly runs: readonly { readonly seed: string; readonly traceHash: string; readonly verdict: string }[];
  }[];
}

/** An invariant that no run keeps: it complains about the first change that is committed. */
const NEVER_KEPT = `oracles: [{
    name: 'no-change-ever',
    start: () => ({
      checks: 1,
      observe: (event) => event.kind !== 'commit' || !event.rows.some(({ table }) => table === 'changes') ? [] :
        [{ guarantee: 'no-change-ever', atUs: event.atUs, message: 'A change was committed.', subject: 'changes' }],
      finish: () => [],
    }),
  }],`;

let folder = '';

beforeAll(() => {
  folder = aFolder({
    'good.scenario.ts': scenarioSource('good', 'faults: { crash: 60 },'),
    'deep/bad.scenario.ts': scenarioSource('bad', NEVER_KEPT),
    'vacuous.scenario.ts': scenarioSource(
      'vacuous',
      `faults: { 'router-restart': 0.001 }, guarantees: ['no-duplicate'],`,
    ),
    'history.jsonl': historyLines(40),
  });
});

const changes = ['--changes', 'history.jsonl'] as const;

function runJson(...args: readonly string[]): Document {
  const { stdout, stderr } = standin(folder, 'run', ...args, ...changes, '--json');
  expect(stderr).not.toContain('standin:');
  return JSON.parse(stdout) as Document;
}

describe('run --json', () => {
  test('prints one document of the promised form', () => {
    const document = runJson('good.scenario.ts', '--seeds', '3-6', '--workers', '1');
    expect(document).toEqual({
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
      commit: expect.stringMatching(/^([0-9a-f]{40}(-dirty)?|unknown)$/),
      node: process.versions.node,
      base: null,
      scenarios: [
        {
          name: 'good',
          seeds: 4,
          pass: 4,
          violation: 0,
          unknown: 0,
          events: expect.any(Number),
          virtualMs: expect.any(Number),
          wallMs: expect.any(Number),
          failoverMaxMs: expect.any(Number),
          failoverBoundMs: expect.any(Number),
          faults: { crash: { eligible: expect.any(Number), fired: expect.any(Number) } },
          runs: ['3', '4', '5', '6'].map((seed) => ({
            seed,
            verdict: 'pass',
            events: expect.any(Number),
            traceHash: expect.stringMatching(/^[0-9a-f]{16}$/),
          })),
        },
      ],
    });
  });

  test('gives the same traces again, with other workers, another drain and twins', () => {
    const hashes = (...args: readonly string[]): readonly string[] =>
      runJson('good.scenario.ts', '--seeds', '1-6', ...args).scenarios.flatMap(({ runs }) =>
        runs.map(({ seed, traceHash }) => `${seed} ${traceHash}`),
      );
    const first = hashes('--workers', '1');
    expect(hashes('--workers', '2')).toEqual(first);
    expect(hashes('--workers', '1', '--drain=immediate')).toEqual(first);
    expect(hashes('--workers', '2', '--twin')).toEqual(first);
  });

  test('tells the base of fresh seeds, which gives the same runs again', () => {
    const fresh = runJson('good.scenario.ts', '--seeds', '2');
    const base = Number(fresh.base);
    expect(fresh.scenarios[0]?.runs.map(({ seed }) => seed)).toEqual([String(base), String(base + 1)]);
    expect(runJson('good.scenario.ts', '--seeds', `${base}-${base + 1}`).scenarios[0]?.runs).toEqual(
      fresh.scenarios[0]?.runs,
    );
  });

  test('takes a commit hash as a seed', () => {
    const hash = '0123456789abcdef0123456789abcdef01234567';
    expect(runJson('good.scenario.ts', '--seeds', hash).scenarios[0]?.runs.map(({ seed }) => seed)).toEqual([
      hash,
    ]);
  });
});

describe('run', () => {
  test('prints the base first and the summary last, and ends with 0 when all runs passed', () => {
    const { code, stdout } = standin(folder, 'run', 'good.scenario.ts', '--seeds', '3', ...changes);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^fresh seeds from base \d+\n/);
    expect(stdout).toMatch(
      /\nscenario +seeds +pass +violation +unknown +events\/s +virtual:real +longest failover +bound\n/,
    );
    expect(stdout).toMatch(/\ngood +3 +3 +0 +0 /);
  });

  test('ends in time', () => {
    const { code, stdout } = standin(folder, 'run', 'good.scenario.ts', '--time', '300ms', ...changes);
    expect(code).toBe(0);
    expect(stdout).toMatch(/\ngood +[1-9]\d* /);
  });

  test('explains a violation, saves its plan, and ends with 1', () => {
    const { code, stdout } = standin(folder, 'run', 'deep/bad.scenario.ts', '--seeds', '7-7', ...changes);
    expect(code).toBe(1);
    expect(stdout).toContain('VIOLATION of no-change-ever in bad, seed 7');
    expect(stdout).toContain('no-change-ever: A change was committed.');
    expect(stdout).toContain('npx standin replay .standin/bad-7.json --trace');
    expect(existsSync(join(folder, '.standin/bad-7.json'))).toBe(true);
  });

  test('is vacuous, which is exit code 4, when a declared fault never strikes in 100 runs', () => {
    const { code, stdout } = standin(folder, 'run', 'vacuous.scenario.ts', '--seeds', '1-100', ...changes);
    expect(stdout).toContain('vacuous: vacuous: the fault router-restart never struck');
    expect(code).toBe(4);
  });
});

describe('replay', () => {
  const tracedBy = (...args: readonly string[]): readonly string[] =>
    standin(folder, 'replay', ...args, '--trace')
      .stdout.split('\n')
      .filter((line) => /^ *\d+ /.test(line));

  test('of the saved plan is the run that was saved, event by event', () => {
    standin(folder, 'run', 'deep/bad.scenario.ts', '--seeds', '8-8', ...changes);
    const { code, stdout } = standin(folder, 'replay', '.standin/bad-8.json');
    expect(code).toBe(1);
    expect(stdout).toContain('the same trace as when it was saved');
    expect(tracedBy('.standin/bad-8.json')).toEqual(
      tracedBy('deep/bad.scenario.ts', '--seed', '8', ...changes),
    );
  });

  test('of a saved plan needs neither the seed nor the history', () => {
    const saved = JSON.parse(readFileSync(join(folder, '.standin/bad-8.json'), 'utf8')) as {
      plan: { seed: unknown };
    };
    expect(saved.plan.seed).toBeNull();
  });

  test('of a plan that stands alone gives its verdict', () => {
    const { plan } = JSON.parse(readFileSync(join(folder, '.standin/bad-8.json'), 'utf8')) as {
      plan: object;
    };
    writeFileSync(join(folder, 'calm.json'), JSON.stringify({ ...plan, scenario: 'calm', changes: [] }));
    const { code, stdout } = standin(folder, 'replay', 'calm.json');
    expect(stdout).toMatch(
      /^pass: calm, calm\.json\n\d+ events in .* of virtual time, trace [0-9a-f]{16}\n$/,
    );
    expect(code).toBe(0);
  });

  test('of a saved plan that gives another trace says so', () => {
    const path = join(folder, '.standin/bad-8.json');
    const capsule = JSON.parse(readFileSync(path, 'utf8')) as object;
    writeFileSync(
      join(folder, '.standin/other.json'),
      JSON.stringify({ ...capsule, traceHash: '0'.repeat(16), commit: 'f'.repeat(40) }),
    );
    const { code, stdout } = standin(folder, 'replay', '.standin/other.json');
    expect(stdout).toContain('another trace than when it was saved (0000000000000000)');
    expect(code).toBe(1);
  });
});

test('list names every packaged scenario with its description', () => {
  const { code, stdout } = standin(folder, 'list');
  const files = readdirSync(join(import.meta.dirname, '../../scenarios')).filter((file) =>
    file.endsWith('.scenario.ts'),
  );
  expect(code).toBe(0);
  expect(
    stdout
      .trim()
      .split('\n')
      .map((line) => line.split(' ')[0]),
  ).toEqual(
    files.map((file) => file.replace('.scenario.ts', '')).toSorted((left, right) => (left < right ? -1 : 1)),
  );
});

test('list --faults names what may strike', () => {
  expect(standin(folder, 'list', '--faults').stdout).toMatch(/^crash +kill the process of a master/m);
});

test('canary --json says of each canary what found it', () => {
  const { stdout, code } = standin(folder, 'canary', 'no-fence', '--seeds', '1-1', '--json', ...changes);
  const { canaries } = JSON.parse(stdout) as { canaries: { found: boolean; oracle: string }[] };
  const [{ found, oracle } = { found: false, oracle: '' }] = canaries;
  expect(canaries).toEqual([
    {
      name: 'no-fence',
      defect: expect.any(String),
      oracle: expect.stringMatching(/^single-/),
      found,
      foundBy: found ? oracle : null,
      seeds: 1,
      wallMs: expect.any(Number),
    },
  ]);
  expect(code).toBe(found ? 0 : 1);
});

test('history exports a repository as a file that --changes takes', () => {
  const repository = aFolder({ 'a.txt': 'a' });
  const git = (...args: readonly string[]): void => {
    execFileSync('git', ['-C', repository, '-c', 'user.name=a', '-c', 'user.email=a@example.org', ...args], {
      stdio: 'ignore',
    });
  };
  git('init');
  git('add', '.');
  git('commit', '-m', 'One.', '--no-gpg-sign');
  expect(standin(folder, 'history', repository, 'own.jsonl').stdout).toBe('1 commits written to own.jsonl\n');
  for (const source of ['own.jsonl', repository]) {
    expect(standin(folder, 'run', 'good.scenario.ts', '--seeds', '1-1', '--changes', source).code).toBe(0);
  }
});
