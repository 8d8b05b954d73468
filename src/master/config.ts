// The configuration of a master, checked and completed.

import { ConfigError } from '../core/errors.js';
import { nearest } from '../core/nearest.js';
import { checkMqOptions, type MqOptions } from '../mq/mq-options.js';
import { ChangeSource } from '../drivers/change-source.js';
import type { Driver } from '../drivers/driver-host.js';
import { BaseScheduler } from '../schedulers/base.js';
import { LEASE_MARGIN_MS } from './lease.js';

/** What a user configures; only name and schedulers are needed. */
export interface MasterOptions {
  /** Unique in the cluster; generally hostname:basedir. */
  readonly name: string;
  readonly schedulers: readonly BaseScheduler[];
  /** Builders, besides those that the schedulers name. */
  readonly builders?: readonly string[];
  /** Clustered like schedulers: each is active on one of the masters that name it. */
  readonly changeSources?: readonly ChangeSource[];
  /** What this master drives by periodic tasks: build drivers, for example. */
  readonly drivers?: readonly Driver[];
  /** The kind of message queue, and what it needs. Default `{ type: 'simple' }`, which is for a single master. */
  readonly mq?: MqOptions;
  /** How often the lease is renewed and owners are watched. Default 10,000. */
  readonly heartbeatMs?: number;
  /** How long a master that does not renew keeps its claims. Default 60,000. */
  readonly leaseMs?: number;
  /** How often each consumer looks for what no message announced. Default 30,000. */
  readonly claimPollMs?: number;
}

export type MasterConfig = Required<MasterOptions>;

const KEYS: readonly string[] = [
  'name',
  'schedulers',
  'builders',
  'changeSources',
  'drivers',
  'mq',
  'heartbeatMs',
  'leaseMs',
  'claimPollMs',
];

/** @throws ConfigError naming the key, what was expected and what was got. */
export function completeConfig(options: MasterOptions): MasterConfig {
  for (const key of Object.keys(options)) {
    if (!KEYS.includes(key))
      throw new ConfigError(`unknown key '${key}' in the configuration${nearest(key, KEYS)}`);
  }
  const config: MasterConfig = {
    builders: [],
    changeSources: [],
    drivers: [],
    mq: { type: 'simple' },
    heartbeatMs: 10_000,
    leaseMs: 60_000,
    claimPollMs: 30_000,
    ...options,
  };
  if (typeof config.name !== 'string' || config.name === '')
    throw new ConfigError(`'name' must be a text that is not empty`);
  for (const key of ['heartbeatMs', 'leaseMs', 'claimPollMs'] as const) {
    if (!Number.isInteger(config[key]) || config[key] <= 0) {
      throw new ConfigError(
        `'${key}' is ${String(config[key])}, expected a whole number of milliseconds above 0`,
      );
    }
  }
  const leastLeaseMs = 3 * config.heartbeatMs + LEASE_MARGIN_MS;
  if (config.leaseMs < leastLeaseMs) {
    throw new ConfigError(
      `'leaseMs' is ${config.leaseMs}, expected at least ${leastLeaseMs}: three heartbeats and ${LEASE_MARGIN_MS} ms`,
    );
  }
  checkMqOptions(config.mq);
  checkSchedulers(config.schedulers);
  checkNames('changeSources', config.changeSources);
  checkNames('drivers', config.drivers);
  return config;
}

function checkSchedulers(schedulers: readonly BaseScheduler[]): void {
  if (!Array.isArray(schedulers)) throw new ConfigError(`'schedulers' must be an array`);
  const names = new Set<string>();
  for (const [i, scheduler] of schedulers.entries()) {
    if (!(scheduler instanceof BaseScheduler)) throw new ConfigError(`schedulers[${i}] is no scheduler`);
    if (names.has(scheduler.name)) throw new ConfigError(`two schedulers are named '${scheduler.name}'`);
    names.add(scheduler.name);
  }
}

function checkNames(key: 'changeSources' | 'drivers', parts: readonly { readonly name: string }[]): void {
  if (!Array.isArray(parts)) throw new ConfigError(`'${key}' must be an array`);
  const names = new Set<string>();
  for (const [i, part] of parts.entries()) {
    if (key === 'changeSources' && !(part instanceof ChangeSource))
      throw new ConfigError(`changeSources[${i}] is no change source`);
    if (names.has(part.name)) throw new ConfigError(`two of '${key}' are named '${part.name}'`);
    names.add(part.name);
  }
}
