// The input of `standin debug periodic-oracle`: a schedule of periodic tasks as JSON, checked. docs/periodic-oracle.md
// describes it; what is wrong in it is a UsageError that names the place.

import type { JsonObject, JsonValue } from '../../src/core/json.js';
import { nearest } from '../../src/core/nearest.js';
import { UsageError } from '../explore/usage-error.js';

/** Times in seconds. */
export interface PeriodicCase {
  readonly t0: number;
  readonly runExternal: boolean;
  readonly raiseOnError: boolean;
  /** From 0 to 1, in the order in which they are drawn; 0 when they are used up. */
  readonly random: readonly number[];
  readonly tasks: readonly CaseTask[];
  readonly steps: readonly CaseStep[];
}

export interface CaseTask {
  readonly name: string;
  readonly spacing: number;
  readonly runImmediately: boolean;
  readonly enabled: boolean;
  readonly externalProcessOk: boolean;
  /** The message of the error with which every run ends, or null. */
  readonly raises: string | null;
  /** By how much the clock moves during a run. */
  readonly takes: number;
}

/** Where the clock goes before a pass. */
export type CaseStep = { readonly advance: number } | { readonly at: number };

/** @throws UsageError; `where` names the case in it. */
export function readCase(value: JsonValue, where: string): PeriodicCase {
  const fields = new Fields(value, where, [
    't0',
    'run_external',
    'raise_on_error',
    'random',
    'tasks',
    'steps',
  ]);
  return {
    t0: fields.number('t0', 0),
    runExternal: fields.boolean('run_external', true),
    raiseOnError: fields.boolean('raise_on_error', false),
    random: fields.list('random').map((item, i) => readUniform(item, `${where}.random[${i}]`)),
    tasks: fields.list('tasks').map((item, i) => readTask(item, `${where}.tasks[${i}]`)),
    steps: fields.list('steps').map((item, i) => readStep(item, `${where}.steps[${i}]`)),
  };
}

function readTask(value: JsonValue, where: string): CaseTask {
  const fields = new Fields(value, where, TASK_FIELDS);
  const name = fields.get('name');
  if (typeof name !== 'string' || name === '') throw wrong(`${where}.name`, name, 'a name');
  return {
    name,
    spacing: fields.number('spacing', 0),
    runImmediately: fields.boolean('run_immediately', false),
    enabled: fields.boolean('enabled', true),
    externalProcessOk: fields.boolean('external_process_ok', false),
    raises: readError(fields.get('raises'), name, where),
    takes: fields.number('takes', 0),
  };
}

const TASK_FIELDS = [
  'name',
  'spacing',
  'run_immediately',
  'enabled',
  'external_process_ok',
  'raises',
  'takes',
] as const;

function readError(value: JsonValue | undefined, name: string, where: string): string | null {
  if (value === undefined || value === null || value === false) return null;
  if (value === true) return name;
  if (typeof value === 'string') return value;
  throw wrong(`${where}.raises`, value, 'true, false or a message');
}

function readStep(value: JsonValue, where: string): CaseStep {
  if (typeof value === 'number') return { at: value };
  const fields = new Fields(value, where, ['advance', 'at']);
  const [advance, at] = [fields.get('advance'), fields.get('at')];
  if (typeof advance === 'number' && at === undefined) return { advance };
  if (typeof at === 'number' && advance === undefined) return { at };
  throw wrong(where, value, 'a time, {"at": time} or {"advance": seconds}');
}

function readUniform(value: JsonValue, where: string): number {
  if (typeof value === 'number' && value >= 0 && value <= 1) return value;
  throw wrong(where, value, 'a number from 0 to 1');
}

/** The fields of one object, each known and of its kind. */
class Fields {
  readonly #object: JsonObject;
  readonly #where: string;

  constructor(value: JsonValue, where: string, known: readonly string[]) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw wrong(where, value, 'an object');
    }
    this.#object = value as JsonObject;
    this.#where = where;
    for (const key of Object.keys(value)) {
      if (known.includes(key)) continue;
      throw new UsageError(
        `${where}: unknown field '${key}'${nearest(key, known)}: expected ${known.join(', ')}`,
      );
    }
  }

  get(key: string): JsonValue | undefined {
    return this.#object[key];
  }

  number(key: string, otherwise: number): number {
    const value = this.get(key) ?? otherwise;
    if (typeof value === 'number') return value;
    throw wrong(`${this.#where}.${key}`, value, 'a number');
  }

  boolean(key: string, otherwise: boolean): boolean {
    const value = this.get(key) ?? otherwise;
    if (typeof value === 'boolean') return value;
    throw wrong(`${this.#where}.${key}`, value, 'true or false');
  }

  list(key: string): readonly JsonValue[] {
    const value = this.get(key) ?? [];
    if (Array.isArray(value)) return value;
    throw wrong(`${this.#where}.${key}`, value, 'an array');
  }
}

function wrong(where: string, value: JsonValue | undefined, expected: string): UsageError {
  const got = value === undefined ? 'missing' : JSON.stringify(value);
  return new UsageError(`${where} is ${got}, expected ${expected}`);
}
