// Where this package is, whether its modules run from sim/ (under vitest) or from dist/sim/, and which version of it
// this is. Read once; the paths are for finding files and never enter a plan or a trace.

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { assert } from '../../src/core/assert.js';

/** The folder of this package's package.json. */
export const PACKAGE_ROOT: string = findRoot(dirname(fileURLToPath(import.meta.url)));

/** The folder of the scenarios that come with the package. */
export const SCENARIOS_FOLDER: string = join(PACKAGE_ROOT, 'scenarios');

/** The version in package.json. */
export const STANDIN_VERSION: string = readVersion();

/**
 * The commit of the checkout that this runs from, with `-dirty` after it when files differ from it; `unknown` where the
 * package is installed, or git is not.
 */
export function standinCommit(): string {
  if (!existsSync(join(PACKAGE_ROOT, '.git'))) return 'unknown';
  try {
    const describe = ['-C', PACKAGE_ROOT, 'describe', '--always', '--dirty', '--abbrev=40', '--exclude=*'];
    return execFileSync('git', describe, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return 'unknown'; // no git, or no commit yet
  }
}

function findRoot(folder: string): string {
  if (existsSync(join(folder, 'package.json'))) return folder;
  const parent = dirname(folder);
  assert(parent !== folder, 'package.json of standin is not above its own modules');
  return findRoot(parent);
}

function readVersion(): string {
  const { version } = JSON.parse(readFileSync(join(PACKAGE_ROOT, 'package.json'), 'utf8')) as {
    version: string;
  };
  return version;
}
