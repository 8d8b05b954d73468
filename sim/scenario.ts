// What a scenario is: the cluster, its schedulers, what happens to it, and what must hold all the same.
//
// `defineScenario` checks and completes what the author wrote; everything after it works with the complete `Scenario`.
// A scenario is code (its schedulers are), a plan (sim/explore/plan.ts) is the data of one run of it.

import { ConfigError } from '../src/core/errors.js';
import { nearest } from '../src/core/nearest.js';
import { TimeZone } from '../src/core/time-zone.js';
import type { BaseScheduler } from '../src/schedulers/base.js';
import { ForceScheduler } from '../src/schedulers/force.js';
import { NightlyTriggerable } from '../src/schedulers/nightly-triggerable.js';
import { Triggerable } from '../src/schedulers/triggerable.js';
import { Try_Jobdir } from '../src/schedulers/try-jobdir.js';
import { OPERATIONS, type OperationKind } from './workload/operation.js';
import { FAULTS } from './nemesis/index.js';
import { ORACLES } from './oracles/index.js';
import type { Oracle } from './oracles/history.js';
import { BUILDS_RANGES, type SimulatedBuilds } from './workload/simulated-executor.js';

/** What the author of a scenario writes; everything but name, description and schedulers has a default. */
export interface ScenarioOptions {
  /** Kebab-case; the name on the command line. */
  readonly name: string;
  /** One sentence for `standin list`. */
  readonly description: string;
  /** How many masters run, 1 to 9. Default 3. */
  readonly masters?: number;
  /** Length of the chaos phase in seconds. Default 600. */
  readonly durationS?: number;
  /**
   * The schedulers of a master. Called anew at each start of each master, in a fresh evaluation of the scenario's
   * module, so that whatever a module variable held is lost with the process.
   */
  readonly schedulers: (version: number) => readonly BaseScheduler[];
  /** How many versions of the configuration there are: `schedulers` is called with 0 at first. Default 1. */
  readonly versions?: number;
  /** Somebody who does the builds: every master drives those of all builders. Default nobody; requests stay open. */
  readonly executor?: SimulatedBuilds | null;
  /** Changes that arrive during the chaos phase. Default 40. */
  readonly changes?: number;
  /** Expected strikes of each fault per simulated hour; see `standin list --faults`. Default none. */
  readonly faults?: Readonly<Record<string, number>>;
  /** How often operators do something, per simulated hour; see sim/workload/operation.ts. Default never. */
  readonly operations?: Readonly<Partial<Record<OperationKind, number>>>;
  /** Latency, loss and reordering of every link: local, lan, wan or flaky. Default lan. */
  readonly network?: string;
  /**
   * The largest offset (s) and drift (ppm) of a master's clock, and the time zones of their processes, of which each
   * master has one (what TZ is to a real process). Default 0, 0 and UTC.
   */
  readonly clocks?: {
    readonly offsetS?: number;
    readonly driftPpm?: number;
    readonly timeZones?: readonly string[];
  };
  /** Instants like '2026-03-29T00:45Z', of which each run begins at one. Default a Monday in January, in 2026. */
  readonly startsAt?: readonly string[];
  /** State keys, by scheduler, of which every commit must be the previous value plus one. */
  readonly counters?: Readonly<Record<string, readonly string[]>>;
  /** The guarantees judged; default all of them. */
  readonly guarantees?: readonly string[];
  /** Invariants of the author's own. */
  readonly oracles?: readonly Oracle[];
  /** Ambient globals (Date, setTimeout, Math.random) of the author's code: routed to the node, or refused. Default route. */
  readonly ambient?: 'route' | 'strict';
  /** True when uncaught errors, and mistakes that the control plane survives, are part of the scenario. Default false. */
  readonly allowUncaught?: boolean;
}

/** A complete scenario. */
export interface Scenario extends Required<Omit<ScenarioOptions, 'clocks'>> {
  readonly clocks: {
    readonly offsetS: number;
    readonly driftPpm: number;
    readonly timeZones: readonly string[];
  };
}

/** The schedulers of a scenario, by what somebody outside may do with them. */
export interface CalledSchedulers {
  readonly schedulers: readonly string[];
  readonly forced: readonly string[];
  readonly triggered: readonly string[];
  readonly jobdirs: readonly string[];
}

/** Of the first version of the configuration. @throws ConfigError when an operation is declared that none of them takes */
export function calledOf({ name, schedulers, operations }: Scenario): CalledSchedulers {
  const all = schedulers(0);
  const called: CalledSchedulers = {
    schedulers: all.map((one) => one.name),
    forced: all.filter((one) => one instanceof ForceScheduler).map((one) => one.name),
    triggered: all
      .filter((one) => one instanceof Triggerable || one instanceof NightlyTriggerable)
      .map((one) => one.name),
    jobdirs: all.flatMap((one) => (one instanceof Try_Jobdir ? [one.jobdir] : [])),
  };
  const { force = 0, trigger = 0, try: tries = 0 } = operations;
  if (force > 0 && called.forced.length === 0) fail(name, "declares 'force', but has no ForceScheduler");
  if (trigger > 0 && called.triggered.length === 0) fail(name, "declares 'trigger', but has no Triggerable");
  if (tries > 0 && called.jobdirs.length === 0) fail(name, "declares 'try', but has no Try_Jobdir");
  return called;
}

const NETWORKS = ['local', 'lan', 'wan', 'flaky'];

/**
 * The scenario with a chaos phase of `durationS`: as many changes an hour as before, as rates of faults and operations are
 * by the hour already.
 * @throws ConfigError when it is out of range, or would need more changes than a scenario may have.
 */
export function lasting(scenario: Scenario, durationS: number): Scenario {
  const changes = Math.round((scenario.changes * durationS) / scenario.durationS);
  const longer = { ...scenario, durationS, changes };
  checkScenario(longer);
  return Object.freeze(longer);
}

/**
 * Checks and completes a scenario.
 * @throws ConfigError naming the scenario, the key, what was expected and what was got.
 */
export function defineScenario(options: ScenarioOptions): Scenario {
  const scenario: Scenario = {
    masters: 3,
    durationS: 600,
    changes: 40,
    executor: null,
    versions: 1,
    operations: {},
    faults: {},
    network: 'lan',
    counters: {},
    startsAt: [],
    guarantees: ORACLES.map((oracle) => oracle.name),
    oracles: [],
    ambient: 'route',
    allowUncaught: false,
    ...options,
    clocks: { offsetS: 0, driftPpm: 0, timeZones: [], ...options.clocks },
  };
  checkKeys(options);
  checkScenario(scenario);
  return Object.freeze(scenario);
}

const KEYS = [
  'name', 'description', 'masters', 'durationS', 'schedulers', 'changes', 'faults', 'network', 'clocks', 'counters',
  'guarantees', 'executor', 'versions', 'operations', 'oracles', 'ambient', 'allowUncaught', 'startsAt',
]; // prettier-ignore

function checkKeys(options: ScenarioOptions): void {
  for (const key of Object.keys(options)) {
    if (!KEYS.includes(key)) fail(options.name, `has no option '${key}'${nearest(key, KEYS)}`);
  }
}

function checkScenario(scenario: Scenario): void {
  const { name, faults, operations, guarantees } = scenario;
  if (typeof name !== 'string' || !/^[a-z][a-z0-9-]*$/.test(name))
    fail(String(name), 'needs a name in kebab-case');
  if (typeof scenario.schedulers !== 'function')
    fail(name, `needs 'schedulers', a function that returns an array`);
  checkInteger(name, 'masters', scenario.masters, [1, 9]);
  checkInteger(name, 'durationS', scenario.durationS, [10, 3_000_000]);
  checkInteger(name, 'changes', scenario.changes, [0, 100_000]);
  checkInteger(name, 'clocks.offsetS', scenario.clocks.offsetS, [0, 1_000_000]);
  checkInteger(name, 'clocks.driftPpm', scenario.clocks.driftPpm, [0, 10_000]);
  checkInteger(name, 'versions', scenario.versions, [1, 100]);
  checkTimes(scenario);
  checkRates(
    name,
    'fault',
    faults,
    FAULTS.map((fault) => fault.kind),
  );
  checkRates(name, 'operation', operations, Object.keys(OPERATIONS));
  if (scenario.executor !== null) checkBuilds(name, scenario.executor);
  checkOneOf(name, 'network', scenario.network, NETWORKS);
  checkOneOf(name, 'ambient', scenario.ambient, ['route', 'strict']);
  const known = ORACLES.map((oracle) => oracle.name);
  for (const guarantee of guarantees) checkOneOf(name, 'guarantees', guarantee, known);
}

/** With a zone, so that no machine's decides. */
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)$/;

function checkTimes({ name, startsAt, clocks }: Scenario): void {
  for (const text of startsAt) {
    if (!INSTANT.test(text) || Number.isNaN(Date.parse(text)))
      fail(name, `has '${text}' in 'startsAt', expected an instant like 2026-03-29T00:45Z`);
  }
  for (const zone of clocks.timeZones) {
    try {
      void new TimeZone(zone);
    } catch (error) {
      fail(name, `has a wrong 'clocks.timeZones': ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}

function checkBuilds(name: string, builds: SimulatedBuilds): void {
  for (const [key, value] of Object.entries(builds)) {
    const range = BUILDS_RANGES[key as keyof SimulatedBuilds];
    if (range === undefined)
      fail(name, `has no option 'executor.${key}'${nearest(key, Object.keys(BUILDS_RANGES))}`);
    checkInteger(name, `executor.${key}`, value as number, range);
  }
}

function checkRates(
  name: string,
  what: string,
  rates: Readonly<Record<string, number>>,
  kinds: readonly string[],
): void {
  for (const [kind, perHour] of Object.entries(rates)) {
    if (!kinds.includes(kind)) fail(name, `declares the unknown ${what} '${kind}'${nearest(kind, kinds)}`);
    if (!(Number.isFinite(perHour) && perHour >= 0))
      fail(name, `needs a rate per hour for the ${what} '${kind}', got ${perHour}`);
  }
}

function checkInteger(
  name: string,
  key: string,
  value: number,
  [low, high]: readonly [number, number],
): void {
  if (!Number.isInteger(value) || value < low || value > high) {
    fail(name, `needs an integer from ${low} to ${high} for '${key}', got ${String(value)}`);
  }
}

function checkOneOf(name: string, key: string, value: string, known: readonly string[]): void {
  if (!known.includes(value))
    fail(name, `has '${value}' in '${key}', expected one of ${known.join(', ')}${nearest(value, known)}`);
}

function fail(name: string, problem: string): never {
  throw new ConfigError(`scenario '${name}' ${problem}`);
}
