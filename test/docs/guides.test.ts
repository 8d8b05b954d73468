// The snippets of the guides are run as their readers would run them: scenarios by the simulator, each with the outcome that
// the guide claims, and the configuration of a master by the control plane.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadScenario, loadModule } from '../../sim/explore/scenario-lookup.js';
import { planForSeed } from '../../sim/explore/plan.js';
import { simulate, type RunResult } from '../../sim/explore/simulate.js';
import { completeConfig, type MasterOptions } from '../../src/master/config.js';
import { aFolder } from '../cli/spawn-standin.js';
import { ROOT } from '../layers/source-files.js';

const SEEDS = 40;

interface Snippet {
  /** `violation no-lost-change`, or `says …`. */
  readonly claim: string;
  readonly code: string;
}

function snippets(guide: string, marker: RegExp): readonly Snippet[] {
  const text = readFileSync(join(ROOT, 'docs', guide), 'utf8');
  const pattern = new RegExp(`<!-- ${marker.source} -->\\n\\n\`\`\`ts\\n(.*?)^\`\`\`$`, 'gms');
  return [...text.matchAll(pattern)].map(([, claim = '', code = '']) => ({ claim, code }));
}

const RUN = snippets('writing-a-scheduler.md', /run: ([^\n]*)/);

test('the guide has its wrong trains', () => {
  expect(RUN.map(({ claim }) => claim.split(' ')[0])).toEqual([
    'violation',
    ...Array<string>(5).fill('says'),
  ]);
});

describe.each(RUN)('$claim', ({ claim, code }) => {
  test('is what comes of the snippet', async () => {
    const file = join(aFolder(), 'scenario.ts');
    writeFileSync(file, code);
    const { scenario, options } = await loadScenario(file);
    const outcomes: string[] = [];
    for (let seed = 1; seed <= SEEDS && !outcomes.some((outcome) => isClaimed(outcome, claim)); seed++) {
      const result = await simulate(scenario, planForSeed(scenario, String(seed)), {
        ...options,
        keepTrace: true,
      });
      outcomes.push(wordsOf(result));
    }
    expect(isClaimed(outcomes.at(-1) ?? '', claim)).toBe(true);
  });
});

test('the configuration of a master in the guide is accepted', async () => {
  const [config] = snippets('running-masters.md', /config()/);
  const folder = aFolder({ 'master.ts': config?.code ?? '' });
  const { default: options } = await loadModule(join(folder, 'master.ts'));
  expect(completeConfig(options as MasterOptions).schedulers.map(({ name }) => name)).toEqual(['main']);
});

test('change sources, drivers and executors are configured and written as their guide does', async () => {
  const [config] = snippets('drivers.md', /config()/);
  const modules = snippets('drivers.md', /module()/);
  const folder = aFolder({ 'master.ts': config?.code ?? '' });
  const { default: options } = await loadModule(join(folder, 'master.ts'));
  const { changeSources, drivers } = completeConfig(options as MasterOptions);
  expect([...changeSources, ...drivers].map(({ name }) => name)).toEqual(['source', 'local']);
  const exported: string[] = [];
  for (const { code } of modules) {
    const file = join(aFolder({ 'module.ts': code }), 'module.ts');
    exported.push(...Object.keys(await loadModule(file)));
  }
  expect(exported).toEqual(['Farm', 'Mailbox']);
});

/** All that a reader is shown of a run. */
function wordsOf({ violations, tail }: RunResult): string {
  const broken = violations.map(({ guarantee, message }) => `violation ${guarantee}: ${message}`);
  const complaints = tail.filter(({ kind }) => kind === 'error').map(({ detail }) => detail);
  return [...broken, ...complaints].join('\n');
}

function isClaimed(words: string, claim: string): boolean {
  return words.includes(claim.replace(/^says /, ''));
}
