// From what a user types to a scenario: the name of one of the package's, or the path of a file of the user's own.
// A file is bundled and evaluated by sim/kernel/user-modules.ts; its default export must be what defineScenario returned.

import { existsSync, readdirSync } from 'node:fs';
import { basename, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { StandinError } from '../../src/core/errors.js';
import { nearest } from '../../src/core/nearest.js';
import { UserModule } from '../kernel/user-modules.js';
import { lasting, type Scenario } from '../scenario.js';
import type { Subject } from './job.js';
import { SCENARIOS_FOLDER } from './package-root.js';
import type { SimulateOptions } from './simulate.js';
import { UsageError } from './usage-error.js';

/** A scenario, and what `simulate` needs besides to run it. */
export interface LoadedScenario {
  readonly scenario: Scenario;
  readonly options: SimulateOptions;
}

const SUFFIX = '.scenario.ts';

/** The names of the package's scenarios, sorted. */
export function packagedScenarios(): readonly string[] {
  if (!existsSync(SCENARIOS_FOLDER)) return [];
  return readdirSync(SCENARIOS_FOLDER)
    .filter((file) => file.endsWith(SUFFIX))
    .map((file) => file.slice(0, -SUFFIX.length))
    .sort((left, right) => (left < right ? -1 : 1));
}

/**
 * The file of the scenario that `nameOrPath` stands for, absolute.
 * @throws UsageError when there is none, with what there is.
 */
export function findScenario(nameOrPath: string): string {
  const names = packagedScenarios();
  if (names.includes(nameOrPath)) return join(SCENARIOS_FOLDER, nameOrPath + SUFFIX);
  if (!looksLikePath(nameOrPath)) {
    const known = names.length === 0 ? 'a path' : `one of ${names.join(', ')}, or the path of a file`;
    throw new UsageError(
      `there is no scenario '${nameOrPath}'${nearest(nameOrPath, names)}: expected ${known}`,
    );
  }
  const file = resolve(nameOrPath);
  if (!existsSync(file)) throw new UsageError(`there is no scenario file ${nameOrPath}`);
  return file;
}

/** True when `file` is one of the package's scenarios, which are found by name. */
export function isPackaged(file: string): boolean {
  return file === join(SCENARIOS_FOLDER, basename(file)) && file.endsWith(SUFFIX);
}

/** `file` as a path from the current folder, with forward slashes. */
function displayName(file: string): string {
  const path = relative('.', file);
  return isAbsolute(path) ? path : path.split(sep).join('/');
}

/** @throws UsageError when the scenario does not load. */
export async function loadSubject(subject: Subject): Promise<LoadedScenario> {
  if (subject.kind === 'canary') return loadCanary(subject.name);
  const loaded = await loadScenario(subject.file);
  const { durationS } = subject;
  return durationS === undefined ? loaded : { ...loaded, scenario: lasting(loaded.scenario, durationS) };
}

/**
 * Bundles and evaluates the scenario in `file`.
 * @throws UsageError with one line that names the file and, where it is known, the line and the first cause.
 */
export async function loadScenario(file: string): Promise<LoadedScenario> {
  const module = await UserModule.load(file, await import('../index.js'));
  const { default: scenario } = evaluate(module, file);
  if (!isScenario(scenario)) {
    throw new UsageError(
      `${displayName(file)}: the default export is no scenario, expected what defineScenario returns`,
    );
  }
  return { scenario, options: { module } };
}

/**
 * Bundles and evaluates any module of the user's; returns its exports.
 * @throws UsageError as `loadScenario` does
 */
export async function loadModule(file: string): Promise<Record<string, unknown>> {
  return evaluate(await UserModule.load(file, await import('../index.js')), file);
}

async function loadCanary(name: string): Promise<LoadedScenario> {
  const { CANARIES } = await import('../canaries/index.js');
  const canary = CANARIES.find((candidate) => candidate.name === name);
  if (canary === undefined) throw new UsageError(`there is no canary '${name}'`);
  const { scenario, parts } = canary;
  if (canary.module === undefined) return { scenario, options: { parts } };
  const module = await UserModule.load(sourceOf(canary.module), await import('../index.js'));
  return { scenario, options: { parts, module } };
}

/** The file of a module, which has not been transpiled where the tests run. */
function sourceOf(module: URL): string {
  const file = fileURLToPath(module);
  return existsSync(file) ? file : file.replace(/\.js$/, '.ts');
}

function evaluate(module: UserModule, file: string): Record<string, unknown> {
  try {
    return module.instantiate();
  } catch (error) {
    const line = module.placeOf(error)?.line;
    const place = line === undefined ? displayName(file) : `${displayName(file)}:${line}`;
    throw withStackOf(error, new UsageError(`${place}: ${problemOf(error)}`));
  }
}

/** What defineScenario refuses speaks for itself. */
function problemOf(error: unknown): string {
  if (error instanceof StandinError) return error.message;
  return `throws while it loads: ${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}`;
}

function withStackOf(cause: unknown, error: UsageError): UsageError {
  if (cause instanceof Error && cause.stack !== undefined) error.stack = cause.stack;
  return error;
}

function isScenario(value: unknown): value is Scenario {
  return (
    typeof value === 'object' &&
    value !== null &&
    'schedulers' in value &&
    'guarantees' in value &&
    'durationS' in value
  );
}

function looksLikePath(text: string): boolean {
  return /[/\\]/.test(text) || /\.[cm]?[jt]s$/.test(text);
}
