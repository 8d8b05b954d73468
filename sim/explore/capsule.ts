// A capsule: a plan that failed, saved so that it can be run again for ever: `.standin/<scenario>-<seed>.json`.
//
// The plan in it has every decision written out and no seed, so that it outlives changes of the generator. Around it stand
// the facts of the failure: verdict, guarantee, trace hash, and the commit and versions under which it was seen.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { nearest } from '../../src/core/nearest.js';
import { PLAN_VERSION, type Plan } from './plan.js';
import { readPlan } from './plan-file.js';
import { STANDIN_VERSION } from './package-root.js';
import { UsageError } from './usage-error.js';

/** What a capsule says besides its plan. */
export interface CapsuleFacts {
  /** Of the run that was saved. */
  readonly verdict: 'violation' | 'unknown';
  /** The first guarantee that was broken; null when none was. */
  readonly guarantee: string | null;
  /** One sentence: the violation, or why the verdict is unknown. */
  readonly message: string;
  /** Empty when the run did not end. */
  readonly traceHash: string;
  /** The seed that found it. */
  readonly seed: string;
  readonly commit: string;
}

export interface Capsule extends CapsuleFacts {
  readonly standin: string;
  readonly node: string;
  /** Path of the scenario's file from the capsule's folder, with forward slashes; null for a packaged scenario. */
  readonly scenarioFile: string | null;
  readonly plan: Plan;
}

/** A plan that was read from a file: from a capsule, or standing alone. */
export interface SavedPlan {
  readonly plan: Plan;
  /** Null for a plan that stands alone. */
  readonly facts: CapsuleFacts | null;
  /** The scenario's file, absolute; null: a packaged scenario, by its name. */
  readonly scenarioFile: string | null;
}

/** Below the current folder. */
const FOLDER = '.standin';

/**
 * Writes the capsule and returns its path, relative to the current folder.
 * `scenarioFile` is absolute, or null for a packaged scenario.
 */
export function writeCapsule(plan: Plan, facts: CapsuleFacts, scenarioFile: string | null): string {
  const path = `${FOLDER}/${plan.scenario}-${facts.seed}.json`;
  const capsule: Capsule = {
    ...facts,
    standin: STANDIN_VERSION,
    node: process.versions.node,
    scenarioFile: scenarioFile === null ? null : relativePath(resolve(FOLDER), scenarioFile),
    plan,
  };
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(path, `${JSON.stringify(capsule, null, 1)}\n`);
  return path;
}

/** Reads a capsule or a plan. @throws UsageError naming the file and the first thing that is wrong with it. */
export function readSavedPlan(file: string): SavedPlan {
  const value = parse(file);
  if (!isRecord(value)) throw new UsageError(`${file}: expected an object, a plan or a capsule`);
  if (!('plan' in value)) return { plan: readPlan(value, file), facts: null, scenarioFile: null };
  const { scenarioFile } = value;
  if (typeof scenarioFile !== 'string' && scenarioFile !== null && scenarioFile !== undefined) {
    throw new UsageError(`${file}: scenarioFile is ${JSON.stringify(scenarioFile)}, expected a path or null`);
  }
  const plan = readPlan(value['plan'], file);
  const path = typeof scenarioFile === 'string' ? join(dirname(resolve(file)), scenarioFile) : null;
  return { plan, facts: readFacts(value, file), scenarioFile: path };
}

/** A capsule whose facts were cut away is replayed all the same, without comparison. */
function readFacts(value: Record<string, unknown>, file: string): CapsuleFacts | null {
  const { verdict, guarantee, message, traceHash, seed, commit } = value;
  if (traceHash === undefined) return null;
  if (verdict !== 'violation' && verdict !== 'unknown') {
    const hint = typeof verdict === 'string' ? nearest(verdict, ['violation', 'unknown']) : '';
    throw new UsageError(
      `${file}: verdict is ${JSON.stringify(verdict)}, expected violation or unknown${hint}`,
    );
  }
  const text = (part: unknown): string => (typeof part === 'string' ? part : '');
  return {
    verdict,
    guarantee: typeof guarantee === 'string' ? guarantee : null,
    message: text(message),
    traceHash: text(traceHash),
    seed: text(seed),
    commit: text(commit),
  };
}

function parse(file: string): unknown {
  const text = readText(file);
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new UsageError(`${file} is not valid JSON, expected a plan (version ${PLAN_VERSION}) or a capsule`);
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    throw new UsageError(`the plan file ${file} cannot be read`);
  }
}

/** Relative paths only where there is one (not across drives). */
function relativePath(from: string, to: string): string {
  const path = relative(from, to);
  return isAbsolute(path) ? path : path.split(sep).join('/');
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
