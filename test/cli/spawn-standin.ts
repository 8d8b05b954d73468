// Runs the `standin` command as a user does: as a process of its own, in a folder of its own.

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { PACKAGE_ROOT } from '../../sim/explore/package-root.js';

/** What the process said and ended with. */
export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A fresh folder with `files` in it, outside the package. */
export function aFolder(files: Readonly<Record<string, string>> = {}): string {
  const folder = mkdtempSync(join(tmpdir(), 'standin-cli-'));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

/** Where and under which options of Node the command runs. */
export interface Setting {
  readonly folder: string;
  readonly nodeOptions: string;
}

/** `standin ...args` in a folder. */
export function standin(where: string | Setting, ...args: readonly string[]): Outcome {
  const { folder, nodeOptions } = typeof where === 'string' ? { folder: where, nodeOptions: '' } : where;
  const { FORCE_COLOR: _, ...environment } = process.env;
  const env = { ...environment, NO_COLOR: '1', NODE_OPTIONS: nodeOptions };
  const command = [join(PACKAGE_ROOT, 'bin/standin.js'), ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, command, {
    cwd: folder,
    encoding: 'utf8',
    env,
  });
  return { code: status, stdout, stderr };
}

/** The source of a small scenario: one master, one scheduler, half a minute, and what `options` add. */
export function scenarioSource(name: string, options = ''): string {
  return `import { defineScenario, SingleBranchScheduler } from 'standin';

export default defineScenario({
  name: '${name}',
  description: 'A small one.',
  masters: 2,
  durationS: 60,
  changes: 3,
  schedulers: () => [new SingleBranchScheduler('quick', ['linux'], { branch: 'main' })],
  ${options}
});
`;
}

/** A history of `count` commits on the branch main, as a .jsonl file has it. */
export function historyLines(count: number): string {
  const lines = Array.from({ length: count }, (_, index) => ({
    revision: index.toString(16).padStart(40, '0'),
    when: 1_700_000_000 + index * 60,
    author: 'dev-1',
    branch: 'main',
    files: ['README.md'],
  }));
  return lines.map((line) => `${JSON.stringify(line)}\n`).join('');
}
