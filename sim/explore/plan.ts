// A plan: the whole input of one run, as plain JSON, and how plans come about.
//
// A scenario and a seed determine a plan, whatever worker asks and in whatever order. The parts that shrink (faults,
// changes, clocks, start delays) are fast-check arbitraries whose simplest value is the mildest; the seed itself does not
// shrink, since another seed is another run. A plan in a file outlives the generator: it is replayed as it stands
// (see plan-file.ts).

import fc from 'fast-check';
import type { DecisionLog } from '../kernel/decisions.js';
import { WORLD_EPOCH_MS } from '../kernel/kernel.js';
import { FAULTS } from '../nemesis/index.js';
import type { Fault, PlannedFault } from '../nemesis/fault.js';
import { calledOf, type Scenario } from '../scenario.js';
import type { LoggedChange } from '../workload/logged-change.js';
import { operationsOf, type OperationKind, type PlannedOperation } from '../workload/operation.js';
import { plannedChanges, type PlannedChange } from './planned-changes.js';
import { defaultHistory } from './default-history.js';

/** The format of a plan; a file with another number is refused. */
export const PLAN_VERSION = 1;

/** Everything that a run depends on, besides the commit of the code. */
export interface Plan {
  readonly version: typeof PLAN_VERSION;
  /** Name of the scenario. */
  readonly scenario: string;
  /** Of the decisions; null: every decision is 0 unless `decisions` says otherwise. */
  readonly seed: string | null;
  readonly masters: number;
  /** Length of the chaos phase. */
  readonly durationS: number;
  /** Length of the phase after it, in which everything must come right. */
  readonly convergenceS: number;
  /** The wall-clock time at the start of the run, in milliseconds since the epoch. */
  readonly epochMs: number;
  readonly network: string;
  /** By master. */
  readonly clocks: readonly PlannedClock[];
  /** By master: from the start of the run to its first start. */
  readonly bootDelaysMs: readonly number[];
  /** Ordered by `atMs`. */
  readonly changes: readonly PlannedChange[];
  /** What operators do; ordered by `atMs`. */
  readonly operations: readonly PlannedOperation[];
  /** Ordered by `atMs`. */
  readonly faults: readonly PlannedFault[];
  /** Masters that are down for good from the end of the chaos phase on; never all of them. */
  readonly lostMasters: readonly string[];
  /** Decisions that are not drawn from the seed. */
  readonly decisions: DecisionLog;
}

/** The clock of a master, and the time zone of its process (UTC unless it is given). */
export interface PlannedClock {
  readonly offsetMs: number;
  readonly driftPpm: number;
  readonly timeZone?: string;
}

/** The plan that `seed` stands for; `history` is where its changes are taken from. Well under a millisecond. */
export function planForSeed(
  scenario: Scenario,
  seed: string,
  history: readonly LoggedChange[] = defaultHistory(),
): Plan {
  const [body] = fc.sample(bodyOf(scenario, history), { seed: hash32(seed), numRuns: 1 });
  return { ...(body as PlanBody), seed };
}

/**
 * Plans of `scenario` for property tests: `fc.assert(fc.asyncProperty(plans(failover), …))`.
 * They shrink towards no faults, no changes, exact clocks and a start of all masters at once.
 */
export function plans(
  scenario: Scenario,
  history: readonly LoggedChange[] = defaultHistory(),
): fc.Arbitrary<Plan> {
  const seeds = fc.noShrink(fc.noBias(fc.nat({ max: 2_147_483_647 })));
  return fc.tuple(bodyOf(scenario, history), seeds).map(([body, seed]) => ({ ...body, seed: String(seed) }));
}

/** The names of the masters of a plan: `master-a`, `master-b`, …; at most 26. */
export function masterNames(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `master-${String.fromCharCode(97 + index)}`);
}

type PlanBody = Omit<Plan, 'seed'>;

/** After the last fault: fail-over (96 s), the longest tree-stable timer in use, two polls, and as much again. */
const CONVERGENCE_S = 300;

/** What faults are told: the default lease, so that some pauses outlast it. */
const LEASE_MS = 60_000;

const MAX_BOOT_DELAY_MS = 5_000;

const bodies = new WeakMap<Scenario, WeakMap<readonly LoggedChange[], fc.Arbitrary<PlanBody>>>();

/** Building the arbitraries costs more than drawing from them, so each pair of scenario and history keeps its own. */
function bodyOf(scenario: Scenario, history: readonly LoggedChange[]): fc.Arbitrary<PlanBody> {
  const cache = bodies.get(scenario) ?? new WeakMap<readonly LoggedChange[], fc.Arbitrary<PlanBody>>();
  bodies.set(scenario, cache);
  const body = cache.get(history) ?? buildBody(scenario, history);
  cache.set(history, body);
  return body;
}

function buildBody(scenario: Scenario, history: readonly LoggedChange[]): fc.Arbitrary<PlanBody> {
  const { masters, durationS } = scenario;
  const parts = fc.tuple(
    faultsArbitrary(scenario),
    plannedChanges(history, { count: scenario.changes, chaosMs: durationS * 1000, masters }),
    perMaster(masters, clockArbitrary(scenario.clocks)),
    perMaster(masters, fc.nat({ max: MAX_BOOT_DELAY_MS })),
    lostMasters(scenario),
    operationsArbitrary(scenario),
    epochArbitrary(scenario),
  );
  const constants = { version: PLAN_VERSION, scenario: scenario.name, masters, durationS } as const;
  return fc.noBias(parts).map(([faults, changes, clocks, bootDelaysMs, lost, operations, epochMs]) => ({
    ...constants,
    convergenceS: CONVERGENCE_S,
    epochMs,
    network: scenario.network,
    clocks,
    bootDelaysMs,
    changes,
    operations,
    faults,
    lostMasters: lost,
    decisions: {},
  }));
}

function perMaster<T>(masters: number, arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T[]> {
  return fc.array(arbitrary, { minLength: masters, maxLength: masters });
}

/** In a quarter of the plans in which anything goes wrong, the rest that converges is not the whole. */
function lostMasters({ masters, faults }: Scenario): fc.Arbitrary<string[]> {
  if (masters === 1 || Object.keys(faults).length === 0) return fc.constant([]);
  const some = fc.subarray([...masterNames(masters)], { minLength: 1, maxLength: masters - 1 });
  return fc.oneof(
    { withCrossShrink: true },
    { arbitrary: fc.constant<string[]>([]), weight: 3 },
    { arbitrary: some, weight: 1 },
  );
}

function clockArbitrary({ offsetS, driftPpm, timeZones }: Scenario['clocks']): fc.Arbitrary<PlannedClock> {
  const offsetMs = offsetS * 1000;
  return fc.record({
    offsetMs: fc.integer({ min: -offsetMs, max: offsetMs }),
    driftPpm: fc.integer({ min: -driftPpm, max: driftPpm }),
    ...(timeZones.length > 0 && { timeZone: fc.constantFrom(...timeZones) }),
  });
}

/** Drawn last, and only where there is a choice: what else a seed stands for does not depend on it. */
function epochArbitrary({ startsAt }: Scenario): fc.Arbitrary<number> {
  return fc.constantFrom(...(startsAt.length > 0 ? startsAt.map(Date.parse) : [WORLD_EPOCH_MS]));
}

/** The faults of all declared kinds, in the order in which they strike. */
function faultsArbitrary(scenario: Scenario): fc.Arbitrary<PlannedFault[]> {
  const ofKinds = FAULTS.flatMap((fault) => {
    const perHour = scenario.faults[fault.kind] ?? 0;
    return perHour > 0 ? [faultsOfKind(fault, scenario, (perHour * scenario.durationS) / 3600)] : [];
  });
  return fc.tuple(...ofKinds).map((lists) => lists.flat().sort(byTime));
}

/** The operations of all declared kinds, in the order in which they are begun. */
function operationsArbitrary(scenario: Scenario): fc.Arbitrary<PlannedOperation[]> {
  const rates = Object.entries(scenario.operations) as [OperationKind, number][];
  const kinds = rates.filter(([, perHour]) => perHour > 0);
  if (kinds.length === 0) return fc.constant([]);
  const context = {
    masters: masterNames(scenario.masters),
    ...calledOf(scenario),
    versions: scenario.versions,
    chaosMs: scenario.durationS * 1000,
  };
  const groups = kinds.map(([kind, perHour]) =>
    severalOf(operationsOf(kind, context), (perHour * scenario.durationS) / 3600),
  );
  return fc.tuple(...groups).map((lists) => lists.flat(2).sort((left, right) => left.atMs - right.atMs));
}

function faultsOfKind(fault: Fault, scenario: Scenario, expected: number): fc.Arbitrary<PlannedFault[]> {
  const context = { masters: masterNames(scenario.masters), leaseMs: LEASE_MS };
  const strikeAtMs = fc.nat({ max: scenario.durationS * 1000 - 1 });
  const one = fc
    .tuple(strikeAtMs, fault.arbitrary(context))
    .map(([atMs, drawn]) => ({ kind: fault.kind, atMs, ...drawn }));
  return severalOf(one, expected);
}

/**
 * On average `expected` of one kind. At least a quarter of the plans leave the kind out (swarm testing: what one fault
 * hides, its absence shows); in the others the number is uniform from 1 to `most`.
 */
function severalOf<T>(one: fc.Arbitrary<T>, expected: number): fc.Arbitrary<T[]> {
  const most = Math.max(1, Math.ceil((expected * 8) / 3 - 1));
  const presentPerMille = Math.min(1000, Math.round((2000 * expected) / (1 + most)));
  const several = fc.array(one, { minLength: 1, maxLength: most, size: 'max' });
  return fc.oneof(
    { withCrossShrink: true },
    { arbitrary: fc.constant<T[]>([]), weight: 1000 - presentPerMille },
    { arbitrary: several, weight: presentPerMille },
  );
}

/** Time first; the rest only makes the order total. */
function byTime(left: PlannedFault, right: PlannedFault): number {
  if (left.atMs !== right.atMs) return left.atMs - right.atMs;
  const leftKey = `${left.kind} ${left.target}`;
  const rightKey = `${right.kind} ${right.target}`;
  return leftKey < rightKey ? -1 : leftKey > rightKey ? 1 : 0;
}

/** FNV-1a over the UTF-16 code units, then mixed, as a signed 32-bit integer: neighbouring seeds get unrelated plans. */
function hash32(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) | 0;
}
