// Reads a plan from JSON that anyone may have written or edited: a plan that is accepted has every field that a run
// needs, of the right type and in range. The first thing that is wrong is reported, with its path, and nothing else.
// Unknown fields are refused too: in a plan edited by hand they are misspelt ones.

import { StandinError } from '../../src/core/errors.js';
import { CANCELLED, SUCCESS } from '../../src/core/results.js';
import { nearest } from '../../src/core/nearest.js';
import { TimeZone } from '../../src/core/time-zone.js';
import type { DecisionLog } from '../kernel/decisions.js';
import { WORLD_EPOCH_MS } from '../kernel/kernel.js';
import { FAULTS } from '../nemesis/index.js';
import type { PlannedFault } from '../nemesis/fault.js';
import { NETWORK_PROFILES } from '../world/network-profile.js';
import type { PlannedOperation } from '../workload/operation.js';
import { masterNames, PLAN_VERSION, type Plan } from './plan.js';
import type { PlannedChange } from './planned-changes.js';
import { parseSeed } from './seeds.js';
import { UsageError } from './usage-error.js';

/**
 * The plan in `value`, the parsed content of the file that messages call `source`.
 * @throws UsageError for another version, a missing, unknown or wrong field, or a fault that does not exist.
 */
export function readPlan(value: unknown, source: string): Plan {
  const plan = new Field(value, source, '');
  checkVersion(plan.optional('version')?.value, source);
  const fields = plan.object(PLAN_FIELDS, ['operations', 'epochMs']);
  const masters = fields.masters.integer(1, 26);
  return {
    version: PLAN_VERSION,
    scenario: fields.scenario.text(),
    seed: fields.seed.value === null ? null : readSeed(fields.seed),
    masters,
    durationS: fields.durationS.integer(0, 3_000_000),
    convergenceS: fields.convergenceS.integer(0, 3_000_000),
    epochMs: plan.optional('epochMs')?.integer(0, LATEST_MS) ?? WORLD_EPOCH_MS,
    network: fields.network.oneOf(Object.keys(NETWORK_PROFILES)),
    clocks: perMaster(fields.clocks, masters).map(readClock),
    bootDelaysMs: perMaster(fields.bootDelaysMs, masters).map((delay) => delay.integer(0, MAX_MS)),
    changes: fields.changes.list().map((change) => readChange(change, masters)),
    operations: (plan.optional('operations')?.list() ?? []).map((operation) =>
      readOperation(operation, masters),
    ),
    faults: fields.faults.list().map((fault) => readFault(fault, masters)),
    lostMasters: readLostMasters(fields.lostMasters, masters),
    decisions: readDecisions(fields.decisions),
  };
}

/** Checked before anything else: a plan of another version may well have other fields. */
function checkVersion(version: unknown, source: string): void {
  if (version === PLAN_VERSION) return;
  throw new UsageError(
    `${source}: a plan of version ${show(version)}, expected version ${PLAN_VERSION} (made by another standin?)`,
  );
}

const PLAN_FIELDS = [
  'version',
  'scenario',
  'seed',
  'masters',
  'durationS',
  'convergenceS',
  'network',
  'clocks',
  'bootDelaysMs',
  'changes',
  'faults',
  'lostMasters',
  'decisions',
] as const;

const MAX_MS = 4_000_000_000;
/** The end of the year 2199. */
const LATEST_MS = Date.UTC(2200, 0, 1) - 1;

function readSeed(field: Field): string {
  const seed = field.text();
  field.check(() => parseSeed(seed));
  return seed;
}

function perMaster(field: Field, masters: number): Field[] {
  const items = field.list();
  if (items.length !== masters) field.fail(`one item for each of the ${masters} masters`);
  return items;
}

function readClock(clock: Field): Plan['clocks'][number] {
  const { offsetMs, driftPpm } = clock.object(['offsetMs', 'driftPpm'], ['timeZone']);
  const zone = clock.optional('timeZone');
  const timeZone = zone?.text() ?? 'UTC';
  zone?.check(() => new TimeZone(timeZone));
  return {
    offsetMs: offsetMs.integer(-MAX_MS, MAX_MS),
    driftPpm: driftPpm.integer(-100_000, 100_000),
    ...(zone !== null && { timeZone }),
  };
}

function readChange(change: Field, masters: number): PlannedChange {
  const required = ['atMs', 'author', 'branch', 'files', 'revision', 'viaMaster'] as const;
  const fields = change.object(required, ['repository', 'comments']);
  const repository = change.optional('repository');
  const comments = change.optional('comments');
  return {
    atMs: fields.atMs.integer(0, MAX_MS),
    author: fields.author.text(),
    branch: fields.branch.text(),
    files: fields.files.list().map((file) => file.text()),
    revision: fields.revision.text(),
    ...(repository === null ? {} : { repository: repository.text() }),
    ...(comments === null ? {} : { comments: comments.text() }),
    viaMaster: fields.viaMaster.integer(0, masters - 1),
  };
}

/** Plans that were made before there were operations have none. */
function readOperation(field: Field, masters: number): PlannedOperation {
  const { kind: named, atMs: at } = field.object(['kind', 'atMs'], OPERATION_FIELDS);
  const kind = named.oneOf(OPERATION_KINDS) as PlannedOperation['kind'];
  const atMs = at.integer(0, MAX_MS);
  switch (kind) {
    case 'reconfigure': {
      const { master, version } = field.object(['kind', 'atMs', 'master', 'version']);
      return { kind, atMs, master: master.oneOf(masterNames(masters)), version: version.integer(0, 99) };
    }
    case 'try':
      return { kind, atMs, jobdir: field.object(['kind', 'atMs', 'jobdir']).jobdir.text() };
    case 'build': {
      const fields = field.object(['kind', 'atMs', 'viaMaster', 'durationMs', 'results']);
      const viaMaster = fields.viaMaster.integer(0, masters - 1);
      const durationMs = fields.durationMs.integer(0, MAX_MS);
      return { kind, atMs, viaMaster, durationMs, results: fields.results.integer(SUCCESS, CANCELLED) };
    }
    case 'disable':
    case 'enable':
    case 'force':
    case 'trigger': {
      const { scheduler, viaMaster } = field.object(['kind', 'atMs', 'scheduler', 'viaMaster']);
      return { kind, atMs, scheduler: scheduler.text(), viaMaster: viaMaster.integer(0, masters - 1) };
    }
  }
}

const OPERATION_FIELDS = ['master', 'version', 'scheduler', 'viaMaster', 'jobdir', 'durationMs', 'results'];
const OPERATION_KINDS = ['reconfigure', 'disable', 'enable', 'force', 'trigger', 'try', 'build'];

function readFault(field: Field, masters: number): PlannedFault {
  const fields = field.object(['kind', 'atMs', 'durationMs', 'target', 'params']);
  const kinds = FAULTS.map(({ kind }) => kind);
  const kind = fields.kind.text();
  const known = FAULTS.find((fault) => fault.kind === kind);
  if (known === undefined) return fields.kind.fail(`the kind of a fault${nearest(kind, kinds)}`);
  const fault = {
    kind,
    atMs: fields.atMs.integer(0, MAX_MS),
    durationMs: fields.durationMs.integer(0, MAX_MS),
    target: fields.target.text(),
    params: Object.fromEntries(fields.params.entries().map(([name, param]) => [name, param.textOrNumber()])),
  };
  field.check(() => known.check(fault, masterNames(masters)));
  return fault;
}

function readLostMasters(field: Field, masters: number): string[] {
  const names = field.list().map((name) => name.oneOf(masterNames(masters)));
  if (new Set(names).size === masters) field.fail('at least one master that is not lost');
  return names;
}

function readDecisions(field: Field): DecisionLog {
  const sites = field
    .entries()
    .map(([site, entities]) => [site, entities.entries().map(readEntity)] as const);
  return Object.fromEntries(sites.map(([site, entities]) => [site, Object.fromEntries(entities)]));
}

function readEntity([entity, ordinals]: [string, Field]): [string, Record<string, number>] {
  const values = ordinals.entries().map(([ordinal, value]) => {
    if (!/^(0|[1-9]\d*)$/.test(ordinal)) ordinals.fail('decisions by their number, from 0');
    return [ordinal, value.integer(0, Number.MAX_SAFE_INTEGER)] as const;
  });
  return [entity, Object.fromEntries(values)];
}

/** A value with the path at which it stands, which can be asked for as what it should be. */
class Field {
  readonly value: unknown;
  readonly #source: string;
  readonly #path: string;

  constructor(value: unknown, source: string, path: string) {
    this.value = value;
    this.#source = source;
    this.#path = path;
  }

  object<K extends string>(required: readonly K[], optional: readonly string[] = []): Record<K, Field> {
    const names = this.entries().map(([name]) => name);
    for (const name of required) if (!names.includes(name)) this.#at(name).fail('to be there');
    const known = [...required, ...optional];
    const unknown = names.find((name) => !known.includes(name));
    if (unknown !== undefined) this.#at(unknown).fail(`no such field${nearest(unknown, known)}`);
    return Object.fromEntries(required.map((name) => [name, this.#at(name)])) as Record<K, Field>;
  }

  optional(name: string): Field | null {
    const field = this.#at(name);
    return field.value === undefined ? null : field;
  }

  entries(): [string, Field][] {
    if (!isRecord(this.value)) return this.fail('an object');
    return Object.keys(this.value).map((name) => [name, this.#at(name)]);
  }

  list(): Field[] {
    if (!Array.isArray(this.value)) return this.fail('an array');
    return this.value.map((item: unknown, index) => new Field(item, this.#source, `${this.#path}[${index}]`));
  }

  integer(low: number, high: number): number {
    const { value } = this;
    if (typeof value === 'number' && Number.isInteger(value) && value >= low && value <= high) return value;
    return this.fail(`an integer from ${low} to ${high}`);
  }

  text(): string {
    return typeof this.value === 'string' ? this.value : this.fail('a string');
  }

  oneOf(known: readonly string[]): string {
    const text = this.text();
    return known.includes(text) ? text : this.fail(`one of ${known.join(', ')}${nearest(text, known)}`);
  }

  textOrNumber(): string | number {
    const { value } = this;
    return typeof value === 'string' || typeof value === 'number' ? value : this.fail('a string or a number');
  }

  /** Runs `check`; what it throws is told with the path of this field. */
  check(check: () => void): void {
    try {
      check();
    } catch (error) {
      if (!(error instanceof StandinError)) throw error;
      throw new UsageError(`${this.#source}: ${this.#path}: ${error.message}`);
    }
  }

  fail(expected: string): never {
    const what = this.#path === '' ? 'the plan' : this.#path;
    throw new UsageError(`${this.#source}: ${what} is ${show(this.value)}, expected ${expected}`);
  }

  #at(name: string): Field {
    const value = isRecord(this.value) && Object.hasOwn(this.value, name) ? this.value[name] : undefined;
    return new Field(value, this.#source, this.#path === '' ? name : `${this.#path}.${name}`);
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function show(value: unknown): string {
  if (value === undefined) return 'missing';
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
