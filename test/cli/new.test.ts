// What `standin new scheduler` writes passes as it is: the scenario by the command line, the test by vitest, both by tsc.

import { execFileSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { PACKAGE_ROOT } from '../../sim/explore/package-root.js';
import { aFolder, standin } from './spawn-standin.js';

test('a new scheduler, its scenario and its test pass', () => {
  const folder = aFolder();
  const { code, stdout } = standin(folder, 'new', 'scheduler', 'release-train');
  expect([code, stdout]).toEqual([
    0,
    'written: release-train.ts, release-train.scenario.ts, release-train.test.ts\n' +
      'next: npx standin run ./release-train.scenario.ts --seeds 100\n',
  ]);
  const run = standin(
    folder,
    'run',
    './release-train.scenario.ts',
    '--seeds',
    '1-8',
    '--workers',
    '1',
    '--json',
  );
  const { scenarios } = JSON.parse(run.stdout) as { scenarios: { pass: number; violation: number }[] };
  expect(scenarios).toMatchObject([{ pass: 8, violation: 0, unknown: 0 }]);
  expect(() => bin(folder, 'vitest/vitest.mjs', 'run', '--config', vitestConfig(folder))).not.toThrow();
  expect(() => bin(folder, 'typescript/bin/tsc', '-p', typescriptConfig(folder))).not.toThrow();
});

test('what is there is not overwritten, and a name of the wrong form is refused', () => {
  const folder = aFolder({ 'a-b.scenario.ts': 'mine' });
  expect(standin(folder, 'new', 'scheduler', 'a-b')).toEqual({
    code: 64,
    stdout: '',
    stderr: 'standin: a-b.scenario.ts is there already: nothing was written\n',
  });
  expect(readdirSync(folder)).toEqual(['a-b.scenario.ts']);
  expect(standin(folder, 'new', 'scheduler', 'ReleaseTrain').stderr).toBe(
    "standin: 'ReleaseTrain' is no name for a scheduler: expected kebab-case, like release-train\n",
  );
});

/** Runs a program of the packages that are installed here. */
function bin(folder: string, program: string, ...args: readonly string[]): void {
  const command = [join(PACKAGE_ROOT, 'node_modules', program), ...args];
  execFileSync(process.execPath, command, { cwd: folder, encoding: 'utf8', stdio: 'pipe' });
}

/** As if 'standin' and vitest were installed in the folder. */
function vitestConfig(folder: string): string {
  const alias = {
    standin: join(PACKAGE_ROOT, 'sim/index.ts'),
    vitest: join(PACKAGE_ROOT, 'node_modules/vitest'),
  };
  const config = {
    root: folder,
    resolve: { alias },
    server: { fs: { strict: false } },
    test: { testTimeout: 60_000 },
  };
  const file = join(folder, 'vitest.config.mjs');
  writeFileSync(file, `export default ${JSON.stringify(config)};\n`);
  return file;
}

function typescriptConfig(folder: string): string {
  const modules = join(PACKAGE_ROOT, 'node_modules');
  const paths = {
    standin: [join(PACKAGE_ROOT, 'sim/index.ts')],
    vitest: [join(modules, 'vitest/dist/index.d.ts')],
  };
  const compilerOptions = { noEmit: true, incremental: false, paths, typeRoots: [join(modules, '@types')] };
  const config = { extends: join(PACKAGE_ROOT, 'tsconfig.json'), compilerOptions, include: ['*.ts'] };
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
  return join(folder, 'tsconfig.json');
}
