// The scheduler that the README shows is run as its reader would run it: from a folder of its own, by its path.

import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Decisions } from '../../sim/kernel/decisions.js';
import { generateChanges } from '../../sim/workload/change-generator.js';
import { formatChangeLog } from '../../sim/workload/change-log.js';
import { ROOT, withSources } from '../layers/source-files.js';
import { blocks, documents } from './documents.js';

test('the scenario in the README passes on three seeds, in a folder outside of this repository', async () => {
  const readme = documents().filter(({ path }) => path === 'README.md');
  const scenarios = readme.flatMap(blocks).filter(({ code }) => code.includes('class EveryThird'));
  expect(scenarios.length).toBe(1);
  const changes = generateChanges(new Decisions('readme').stream('workload', 'changes'), 100);
  const sources = {
    'every-third.scenario.ts': scenarios[0]?.code ?? '',
    'changes.jsonl': formatChangeLog(changes),
  };
  const verdicts = await withSources(sources, (folder) => {
    const args = [
      'run',
      './every-third.scenario.ts',
      '--seeds',
      '1-3',
      '--workers',
      '1',
      '--changes',
      'changes.jsonl',
      '--json',
    ];
    return verdictsOf(standin(folder, args));
  });
  expect(verdicts).toEqual(['pass', 'pass', 'pass']);
});

/** What the command prints, whatever its exit code: three seeds may be too few for every fault to strike. */
function standin(folder: string, args: readonly string[]): string {
  try {
    const command = [join(ROOT, 'bin', 'standin.js'), ...args];
    return execFileSync(process.execPath, command, {
      cwd: folder,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  } catch (error) {
    return (error as { stdout?: string }).stdout ?? '';
  }
}

function verdictsOf(json: string): readonly string[] {
  const { scenarios } = JSON.parse(json) as { scenarios: { runs: { verdict: string }[] }[] };
  return scenarios.flatMap(({ runs }) => runs.map(({ verdict }) => verdict));
}
