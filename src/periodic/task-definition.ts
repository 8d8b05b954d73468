// What is known of a periodic task: its body and when it is to run. A definition is made once, from checked arguments, and
// never changes; when the task ran last belongs to the instance that runs it (see schedule.ts).

import { ConfigError } from '../core/errors.js';
import { nearest } from '../core/nearest.js';

/** Seconds between runs of a task that names no spacing, and the longest time to idle. */
export const DEFAULT_SPACING_S = 60;

/** What can be said about a task; everything has a default. */
export interface PeriodicTaskOptions {
  /** Seconds from run to run, in steps of 1 ms; 0, the default, stands for 60; less than 0 disables the task. */
  readonly spacing?: number;
  /** Also run in the first pass; otherwise the first run comes `spacing` after the start of the instance. Default false. */
  readonly runImmediately?: boolean;
  /** Default true. */
  readonly enabled?: boolean;
  /** The task may be left to another process (see `runExternalTasks` of PeriodicTasks). Default false. */
  readonly externalProcessOk?: boolean;
  /** False: due at exact multiples of the spacing, for tasks with a bound to keep. Default true. */
  readonly jitter?: boolean;
  /** After a run that failed the next is due so many seconds after its start, if not before. Default: as after any run. */
  readonly retry?: number;
  /** The pass begins it and goes on, as long as no run of it is under way. Default false, of drivers' tasks true. */
  readonly parallel?: boolean;
  /** What it is called in logs and states; unique in its instance. Default: the name of the function. */
  readonly name?: string;
}

/** A function that runs as a task: called with its manager as `this` and the context, or for a driver's with both. */
export type TaskBody = (...args: never[]) => unknown;

/** A task, as it is known to whom runs it. */
export interface TaskDefinition {
  readonly name: string;
  /** Seconds, more than 0. */
  readonly spacingS: number;
  readonly runImmediately: boolean;
  /** False when disabled, or when its spacing was less than 0. */
  readonly isEnabled: boolean;
  readonly isExternalOk: boolean;
  readonly isJittered: boolean;
  /** Seconds from the start of a run that failed to the next; null: as after any run. */
  readonly retryS: number | null;
  /** The pass does not wait for its runs. */
  readonly isParallel: boolean;
  readonly body: TaskBody;
}

/**
 * The definition that `options` make of `body`; `kind` is the decorator's name.
 * @throws ConfigError naming the first wrong argument, with a suggestion for a misspelt one.
 */
export function defineTask(kind: string, options: unknown, body: TaskBody): TaskDefinition {
  const given = checkOptions(kind, options);
  const name = given.name ?? body.name;
  if (name === '') {
    throw new ConfigError(`${kind}: a function without a name was given, expected the option 'name' with it`);
  }
  const spacing = given.spacing ?? 0;
  if ((given.retry ?? 0) < 0)
    throw new ConfigError(`${kind}: retry is ${given.retry}, expected a number of seconds, 0 or more`);
  return {
    name,
    spacingS: spacing === 0 ? DEFAULT_SPACING_S : spacing,
    runImmediately: given.runImmediately ?? false,
    isEnabled: spacing >= 0 && (given.enabled ?? true),
    isExternalOk: given.externalProcessOk ?? false,
    isJittered: given.jitter ?? true,
    retryS: given.retry ?? null,
    isParallel: given.parallel ?? false,
    body,
  };
}

const OPTIONS: Readonly<Record<string, 'number' | 'boolean' | 'string'>> = {
  spacing: 'number',
  runImmediately: 'boolean',
  enabled: 'boolean',
  externalProcessOk: 'boolean',
  jitter: 'boolean',
  retry: 'number',
  parallel: 'boolean',
  name: 'string',
};

/** `options` when each is known and of its kind; @throws ConfigError otherwise. */
export function checkOptions(owner: string, options: unknown): PeriodicTaskOptions {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new ConfigError(`${owner}: expected an object of options, got ${inWords(options)}`);
  }
  for (const [option, value] of Object.entries(options)) checkOption(owner, option, value);
  return options;
}

function checkOption(owner: string, option: string, value: unknown): void {
  const kind = OPTIONS[option];
  if (kind === undefined) throw new ConfigError(`${owner}: unknown option '${option}'${hint(option)}`);
  if (value === undefined) return;
  const isRight = typeof value === kind && value !== '' && (kind !== 'number' || Number.isFinite(value));
  if (!isRight) throw new ConfigError(`${owner}: ${option} is ${inWords(value)}, expected ${EXPECTED[kind]}`);
}

const EXPECTED = {
  number: 'a number of seconds',
  boolean: 'true or false',
  string: 'a name',
} as const;

/** Options by names that they have elsewhere. */
const FOREIGN: Readonly<Record<string, string>> = {
  ticks_between_runs: 'spacing',
  ticksBetweenRuns: 'spacing',
  interval: 'spacing',
  run_immediately: 'runImmediately',
  external_process_ok: 'externalProcessOk',
};

function hint(option: string): string {
  const foreign = FOREIGN[option];
  if (foreign !== undefined) return ` (did you mean '${foreign}'?)`;
  const suggestion = nearest(option, Object.keys(OPTIONS));
  return suggestion === '' ? `, expected one of ${Object.keys(OPTIONS).join(', ')}` : suggestion;
}

/** A value in an error message. */
export function inWords(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`;
  if (typeof value === 'function') return `the function ${value.name === '' ? 'without a name' : value.name}`;
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}
