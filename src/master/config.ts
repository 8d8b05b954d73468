// The configuration of a master, checked and completed. Everything that is wrong is said at once: a line a problem, with the
// key's path, what was got and what was expected.

import { ConfigError } from '../core/errors.js';
import { nearest } from '../core/nearest.js';
import { parseDatabaseUrl } from '../db/open-database.js';
import { checkMqOptions, checkMqReconfiguration, type MqOptions } from '../mq/mq-options.js';
import { ChangeSource } from '../drivers/change-source.js';
import type { Driver } from '../drivers/driver-host.js';
import { BaseScheduler } from '../schedulers/base.js';
import { comparedAttributes, isEqual } from '../services/equivalence.js';
import { LEASE_MARGIN_MS } from './lease.js';

/** What a user configures; only name and schedulers are needed. */
export interface MasterOptions {
  /** Unique in the cluster; generally hostname:basedir. */
  readonly name: string;
  readonly schedulers: readonly BaseScheduler[];
  /** Builders, besides those that the schedulers name. */
  readonly builders?: readonly string[];
  /** The database that all masters share, as a URL. Default `sqlite:standin.sqlite`, a file for masters of one machine. */
  readonly db?: string;
  /** A replica of it, for lists, which may then be old; `postgres://…`. Default null: lists are read where all else is. */
  readonly replica?: string | null;
  /** Clustered like schedulers: each is active on one of the masters that name it. */
  readonly changeSources?: readonly ChangeSource[];
  /** What this master drives by periodic tasks: build drivers, for example. */
  readonly drivers?: readonly Driver[];
  /** The kind of message queue, and what it needs. Default `{ type: 'simple' }`, which is for a single master. */
  readonly mq?: MqOptions;
  /** How often the lease is renewed and owners are watched. Default 10,000. */
  readonly heartbeatMs?: number;
  /** How long a master that does not renew keeps its claims; the same on all masters. Default 60,000. */
  readonly leaseMs?: number;
  /** How often each consumer looks for what no message announced. Default 30,000. */
  readonly claimPollMs?: number;
}

export type MasterConfig = Required<MasterOptions>;

const DEFAULTS = {
  builders: [],
  changeSources: [],
  drivers: [],
  db: 'sqlite:standin.sqlite',
  replica: null,
  mq: { type: 'simple' },
  heartbeatMs: 10_000,
  leaseMs: 60_000,
  claimPollMs: 30_000,
} as const;

const KEYS: readonly string[] = ['name', 'schedulers', ...Object.keys(DEFAULTS)];
const TIMINGS = ['heartbeatMs', 'leaseMs', 'claimPollMs'] as const;
/** What a running master cannot change, and why. */
const FIXED: Readonly<Partial<Record<keyof MasterConfig, string>>> = {
  name: 'it is the identity of this master: stop it and start another one',
  db: 'stop all masters, and start them with the new one',
  replica: 'restart this master',
  heartbeatMs: 'restart this master',
  leaseMs: 'stop all masters, and start them with the new one: they must agree on it',
  claimPollMs: 'restart this master',
};

/** @throws ConfigError naming everything that is wrong. */
export function completeConfig(options: MasterOptions): MasterConfig {
  if (!isRecord(options)) refuse([`the configuration is ${show(options)}, expected an object`]);
  const config: MasterConfig = { ...DEFAULTS, ...defined(options) } as MasterConfig;
  const problems = [
    ...unknownKeys(options, KEYS, ''),
    ...nameProblems(config.name),
    ...refusalOf(() => parseDatabaseUrl(config.db)),
    ...replicaProblems(config),
    ...builderProblems(config.builders),
    ...refusalOf(() => checkMqOptions(config.mq)),
    ...timingProblems(config),
    ...schedulerProblems(config.schedulers),
    ...partProblems('changeSources', config.changeSources, isChangeSource),
    ...partProblems('drivers', config.drivers, isDriver),
  ];
  if (problems.length > 0) refuse(problems);
  return config;
}

/** @throws ConfigError naming everything that differs and cannot change while the master runs. */
export function checkReconfiguration(running: MasterConfig, wanted: MasterConfig): void {
  const problems = Object.entries(FIXED).flatMap(([key, cure]) => {
    const [before, after] = [running[key as keyof MasterConfig], wanted[key as keyof MasterConfig]];
    if (isEqual(before, after)) return [];
    return [`'${key}' cannot change from ${show(before)} to ${show(after)} while the master runs: ${cure}`];
  });
  problems.push(...refusalOf(() => checkMqReconfiguration(running.mq, wanted.mq)));
  if (problems.length > 0) refuse(problems);
}

function refuse(problems: readonly string[]): never {
  const [first = '', ...others] = problems;
  if (others.length === 0) throw new ConfigError(first);
  throw new ConfigError(
    `${problems.length} problems\n${problems.map((problem) => `  ${problem}`).join('\n')}`,
  );
}

function unknownKeys(holder: object, known: readonly string[], path: string): string[] {
  const unknown = Object.keys(holder).filter((key) => !known.includes(key));
  return unknown.map((key) => `unknown key '${path}${key}' in the configuration${nearest(key, known)}`);
}

function nameProblems(name: unknown): string[] {
  return typeof name === 'string' && name !== '' ? [] : [`'name' must be a text that is not empty`];
}

function textProblems(path: string, value: unknown): string[] {
  return typeof value === 'string' && value !== '' ? [] : [`'${path}' is ${show(value)}, expected a text`];
}

function replicaProblems({ db, replica }: MasterConfig): string[] {
  if (replica === null) return [];
  const isPostgres = (url: unknown): boolean => parseDatabaseUrl(String(url)).kind === 'postgres';
  return refusalOf(() => {
    if (!isPostgres(replica))
      throw new ConfigError(`'replica' is ${show(replica)}, expected postgres://host/database`);
    if (!isPostgres(db))
      throw new ConfigError(`'replica' is set, but 'db' is no PostgreSQL: a file has no replica`);
  });
}

function builderProblems(builders: unknown): string[] {
  if (!Array.isArray(builders)) return [`'builders' is ${show(builders)}, expected an array of names`];
  return builders.flatMap((name, i) => textProblems(`builders[${i}]`, name));
}

function timingProblems(config: MasterConfig): string[] {
  const problems = TIMINGS.flatMap((key) => {
    if (Number.isInteger(config[key]) && config[key] > 0) return [];
    return [`'${key}' is ${String(config[key])}, expected a whole number of milliseconds above 0`];
  });
  const leastLeaseMs = 3 * config.heartbeatMs + LEASE_MARGIN_MS;
  if (problems.length > 0 || config.leaseMs >= leastLeaseMs) return problems;
  return [
    `'leaseMs' is ${config.leaseMs}, expected at least ${leastLeaseMs}: three heartbeats and ${LEASE_MARGIN_MS} ms`,
  ];
}

function schedulerProblems(schedulers: unknown): string[] {
  if (!Array.isArray(schedulers)) return [`'schedulers' must be an array`];
  const names = new Set<string>();
  return schedulers.flatMap((scheduler: unknown, i) => {
    if (!(scheduler instanceof BaseScheduler)) return [`schedulers[${i}] is no scheduler`];
    const problems = names.has(scheduler.name) ? [`two schedulers are named '${scheduler.name}'`] : [];
    names.add(scheduler.name);
    // What would only come up in the first reconfiguration.
    return [...problems, ...refusalOf(() => comparedAttributes(scheduler))];
  });
}

/** What `check` has against it; nothing when it goes through. */
function refusalOf(check: () => unknown): string[] {
  try {
    check();
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return [error.message];
    throw error;
  }
}

/** Without the keys that are undefined: those have their defaults. */
function defined(options: MasterOptions): Partial<MasterOptions> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

function isRecord(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function show(value: unknown): string {
  return value === undefined ? 'missing' : (JSON.stringify(value) ?? typeof value);
}

function isChangeSource(part: unknown): boolean {
  return part instanceof ChangeSource;
}

function isDriver(part: unknown): boolean {
  if (!isRecord(part)) return false;
  const { name, start, stop } = part as Partial<Driver>;
  return typeof name === 'string' && typeof start === 'function' && typeof stop === 'function';
}

function partProblems(key: string, parts: unknown, isOne: (part: unknown) => boolean): string[] {
  if (!Array.isArray(parts)) return [`'${key}' must be an array`];
  const names = new Set<string>();
  return parts.flatMap((part: { readonly name: string }, i) => {
    if (!isOne(part)) return [`${key}[${i}] is none of '${key}'`];
    const problems = names.has(part.name) ? [`two of '${key}' are named '${part.name}'`] : [];
    names.add(part.name);
    return problems;
  });
}
