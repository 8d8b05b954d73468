// The codebases of a scheduler: their names, and what to build of each by default.
// @source buildbot master/buildbot/schedulers/base.py (codebases)

import { ConfigError } from '../core/errors.js';
import { nearest } from '../core/nearest.js';

/** What to build of a codebase when nothing else says so. */
export interface CodebaseDefaults {
  readonly branch?: string | null;
  readonly revision?: string | null;
  readonly repository?: string;
}

/** By name with their defaults, or their names alone. */
export type Codebases = Readonly<Record<string, CodebaseDefaults>> | readonly string[];

const KEYS: readonly string[] = ['branch', 'revision', 'repository'];

/** The complete form; one codebase, '', when none is given. @throws ConfigError naming scheduler, codebase and key. */
export function completeCodebases(
  scheduler: string,
  codebases: Codebases = { '': {} },
): Readonly<Record<string, CodebaseDefaults>> {
  if (isList(codebases)) {
    const odd = codebases.find((name) => typeof name !== 'string');
    if (odd !== undefined) fail(scheduler, `has a codebase that is a ${typeof odd}, expected its name`);
    return Object.fromEntries(codebases.map((name) => [name, {}]));
  }
  if (typeof codebases !== 'object' || codebases === null) {
    fail(scheduler, `has codebases that are a ${typeof codebases}, expected an object or an array of names`);
  }
  for (const [name, defaults] of Object.entries(codebases)) checkDefaults(scheduler, name, defaults);
  return codebases;
}

function checkDefaults(scheduler: string, name: string, defaults: unknown): void {
  if (typeof defaults !== 'object' || defaults === null || Array.isArray(defaults)) {
    fail(scheduler, `needs an object for the codebase '${name}', with any of ${KEYS.join(', ')}`);
  }
  for (const [key, value] of Object.entries(defaults)) {
    if (!KEYS.includes(key)) {
      fail(
        scheduler,
        `has '${key}' in the codebase '${name}', expected ${KEYS.join(', ')}${nearest(key, KEYS)}`,
      );
    }
    if (value !== null && typeof value !== 'string') {
      fail(scheduler, `has a ${typeof value} as '${key}' of the codebase '${name}', expected a text`);
    }
  }
}

function isList(codebases: Codebases): codebases is readonly string[] {
  return Array.isArray(codebases);
}

function fail(scheduler: string, problem: string): never {
  throw new ConfigError(`scheduler '${scheduler}' ${problem}`);
}
