// The rules on imports are checked by dependency-cruiser; here we check the checker: that it reads every module (it
// reads none, silently, with a TypeScript that it does not know) and that each rule reports what breaks it.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cruise, type ICruiseResult } from 'dependency-cruiser';
import extractOptions from 'dependency-cruiser/config-utl/extract-depcruise-options';
import ts from 'typescript';
import { expect, test } from 'vitest';
import { findModuleState } from './module-state.js';
import { ROOT, sourceFiles, withSources } from './source-files.js';

const FOLDERS = ['src', 'sim', 'scenarios'];

/** For each rule, a file that breaks it. Paths stand in a made-up repository; every target exists there. */
const BREACHES: Readonly<Record<string, { from: string; to: string }>> = {
  'src-layer-core': { from: 'src/core/x.ts', to: 'src/runtime/a.ts' },
  'src-layer-runtime': { from: 'src/runtime/x.ts', to: 'src/db/a.ts' },
  'src-layer-db-and-mq': { from: 'src/mq/x.ts', to: 'src/data/a.ts' },
  'src-layer-data': { from: 'src/data/x.ts', to: 'src/services/a.ts' },
  'src-layer-services-and-periodic': { from: 'src/periodic/x.ts', to: 'src/schedulers/a.ts' },
  'src-layer-drivers-and-schedulers': { from: 'src/schedulers/x.ts', to: 'src/master/a.ts' },
  'src-layer-master': { from: 'src/master/x.ts', to: 'src/cli.ts' },
  'db-and-mq-are-strangers': { from: 'src/db/y.ts', to: 'src/mq/a.ts' },
  'mq-and-db-are-strangers': { from: 'src/mq/y.ts', to: 'src/db/a.ts' },
  'src-knows-no-host': { from: 'src/master/z.ts', to: 'sim/world/a.ts' },
  'only-hosts-import-runtime-node': { from: 'src/services/y.ts', to: 'src/runtime/node/a.ts' },
  'kernel-imports-core-only': { from: 'sim/kernel/x.ts', to: 'src/runtime/a.ts' },
  'oracles-import-no-implementation': { from: 'sim/oracles/x.ts', to: 'src/db/a.ts' },
  'world-implements-ports-only': { from: 'sim/world/x.ts', to: 'src/master/a.ts' },
  'scenarios-use-the-public-entrance': { from: 'scenarios/x.ts', to: 'sim/world/a.ts' },
  'sim-is-no-test': { from: 'sim/workload/x.ts', to: 'test/a.ts' },
  'no-cycles': { from: 'src/core/p.ts', to: 'src/core/q.ts' },
  resolvable: { from: 'src/core/r.ts', to: 'src/core/missing.ts' },
  'no-development-dependency': { from: 'src/core/s.ts', to: 'tool' },
};

test('the imports of src, sim and scenarios follow the layers, and every module was read', async () => {
  const folders = FOLDERS.filter((folder) => existsSync(join(ROOT, folder)));
  const files = folders.flatMap((folder) => sourceFiles(folder));
  const result = await cruiseFolder(ROOT, folders);
  const read = new Set(result.modules.map((module) => module.source));
  expect(files.filter((file) => !read.has(file))).toEqual([]);
  expect(result.summary.totalDependenciesCruised ?? 0).toBeGreaterThan(files.length / 2);
  expect(broken(result)).toEqual([]);
});

test('every rule has a wrong import that it reports', async () => {
  const { forbidden } = await extractOptions(join(ROOT, '.dependency-cruiser.cjs')).then(
    (o) => o.ruleSet ?? {},
  );
  expect(new Set(Object.keys(BREACHES))).toEqual(new Set((forbidden ?? []).map((rule) => rule.name)));
  const result = await withSources(breachingSources(), (root) => cruiseFolder(root, FOLDERS));
  const reported = broken(result);
  for (const [rule, { from }] of Object.entries(BREACHES)) {
    expect(reported.some((entry) => entry.startsWith(`${rule}: ${from} `))).toBe(true);
  }
});

test('an oracle may name the type of a row, and nothing else may be reported for it', async () => {
  const sources = {
    'sim/oracles/x.ts': `import type { Row } from '../../src/db/a.js';\nexport type X = Row;\n`,
    'src/db/a.ts': 'export type Row = number;\n',
    'tsconfig.json': readFileSync(join(ROOT, 'tsconfig.json'), 'utf8'),
  };
  expect(broken(await withSources(sources, (root) => cruiseFolder(root, ['src', 'sim'])))).toEqual([]);
});

test('src holds no mutable module state', () => {
  const files = sourceFiles('src');
  expect(files.length).toBeGreaterThan(5);
  const absolute = files.map((file) => join(ROOT, file));
  expect(
    findModuleState(absolute, compilerOptions()).map(({ file, line, reason }) => `${file}:${line} ${reason}`),
  ).toEqual([]);
});

test('each kind of mutable module state is found, and what cannot change is not', async () => {
  const text = [
    'export let counter = 0;',
    'export const seen = new Map<string, number>();',
    'export const list: string[] = [];',
    'export const options = { retries: 3 };',
    'export const pattern = /a/g;',
    'export class Pool { static size = 1; static readonly all = new Set<number>(); }',
    'class Count { value = 0; }',
    'export const count = new Count();',
    'export const open: { [key: string]: number } = {};',
    // From here on nothing can change.
    'export const fine: ReadonlySet<string> = new Set(["a"]);',
    'export const names = ["a", "b"] as const;',
    'export const frozen = Object.freeze({ a: 1 });',
    'export const sql: readonly string[] = [];',
    'interface Limits { readonly retries: number }',
    'export const limits: Limits = { retries: 3 };',
    'export const square = (x: number): number => x * x;',
    'export const word = /^[a-z]+$/;',
    'export const limit = 10;',
    'export const table: Readonly<Record<string, number>> = { a: 1 };',
  ].join('\n');
  const found = await withSources({ 'state.ts': text }, (root) =>
    findModuleState([join(root, 'state.ts')], compilerOptions()),
  );
  expect(found.map(({ line }) => line)).toEqual([1, 2, 3, 4, 5, 6, 6, 8, 9]);
});

test('at most one file of sim builds a BuildMaster', () => {
  const builders = sourceFiles('sim').filter((file) =>
    /\bnew BuildMaster\(/.test(readFileSync(join(ROOT, file), 'utf8')),
  );
  expect(builders.length).toBeLessThanOrEqual(1);
});

async function cruiseFolder(root: string, folders: readonly string[]): Promise<ICruiseResult> {
  const options = await extractOptions(join(ROOT, '.dependency-cruiser.cjs'));
  const { output } = await cruise([...folders], { ...options, baseDir: root, validate: true });
  if (typeof output === 'string') throw new Error('dependency-cruiser gave text, expected a result');
  return output;
}

function broken(result: ICruiseResult): string[] {
  return result.summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} -> ${to}`);
}

function breachingSources(): Record<string, string> {
  const sources: Record<string, string> = {
    'package.json': '{ "name": "made-up", "type": "module", "devDependencies": { "tool": "1.0.0" } }',
    'tsconfig.json': readFileSync(join(ROOT, 'tsconfig.json'), 'utf8'),
    'node_modules/tool/package.json': '{ "name": "tool", "version": "1.0.0", "main": "index.js" }',
    'node_modules/tool/index.js': 'module.exports = 1;\n',
    'src/core/q.ts': `import { value } from './p.js';\nexport const other = value;\n`,
  };
  for (const { from, to } of Object.values(BREACHES)) {
    sources[from] = `import * as target from '${specifier(from, to)}';\nexport const value = target;\n`;
    if (to.endsWith('.ts') && !to.includes('missing')) sources[to] ??= 'export const value = 1;\n';
  }
  return sources;
}

function specifier(from: string, to: string): string {
  if (!to.endsWith('.ts')) return to;
  return '../'.repeat(from.split('/').length - 1) + to.replace(/\.ts$/, '.js');
}

function compilerOptions(): ts.CompilerOptions {
  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), (path) => readFileSync(path, 'utf8')) as {
    config: object;
  };
  return ts.parseJsonConfigFileContent({ ...config, files: [] }, ts.sys, ROOT).options;
}
