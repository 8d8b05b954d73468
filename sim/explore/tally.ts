// The running totals of a campaign over one scenario. Sums and maxima only, so that the order in which workers finish
// shows nowhere, and a line per run: memory grows by that line and by nothing else.

import { TimedScheduler } from '../../src/schedulers/timed.js';
import type { OracleNeed } from '../oracles/history.js';
import { ORACLES } from '../oracles/index.js';
import type { Scenario } from '../scenario.js';
import type { RunSummary } from './run-summary.js';

/** What is kept of each run. */
export interface RunLine {
  readonly seed: string;
  readonly verdict: RunSummary['verdict'];
  readonly broken: readonly string[];
  readonly reason: string | null;
  readonly events: number;
  readonly traceHash: string;
}

/** The totals of the runs of one scenario. */
export interface ScenarioResult {
  readonly name: string;
  /** In the order of their seeds. */
  readonly runs: readonly RunLine[];
  readonly pass: number;
  readonly violation: number;
  readonly unknown: number;
  readonly events: number;
  readonly virtualUs: number;
  /** Real time that the scenario took, all workers together running. */
  readonly wallMs: number;
  readonly failoverMaxMs: number;
  readonly failoverBoundMs: number;
  readonly faults: Readonly<Record<string, { readonly eligible: number; readonly fired: number }>>;
  /** How often each oracle had something to judge. */
  readonly checks: Readonly<Record<string, number>>;
}

/** Folds the runs of one scenario, in whatever order they end. */
export class Tally {
  readonly #name: string;
  readonly #lines: { index: number; line: RunLine }[] = [];
  readonly #verdicts = { pass: 0, violation: 0, unknown: 0 };
  readonly #faults = new Map<string, { eligible: number; fired: number }>();
  readonly #checks = new Map<string, number>();
  #events = 0;
  #virtualUs = 0;
  #failoverMaxMs = 0;
  #failoverBoundMs = 0;

  constructor(name: string) {
    this.#name = name;
  }

  /** `index`: the position of the seed in its sequence. */
  add(index: number, run: RunSummary): void {
    const { seed, verdict, broken, reason, events, traceHash } = run;
    this.#lines.push({ index, line: { seed, verdict, broken, reason, events, traceHash } });
    this.#verdicts[verdict] += 1;
    this.#events += events;
    this.#virtualUs += run.virtualUs;
    this.#failoverMaxMs = Math.max(this.#failoverMaxMs, run.failoverMaxMs);
    this.#failoverBoundMs = Math.max(this.#failoverBoundMs, run.failoverBoundMs);
    for (const [kind, { eligible, fired }] of Object.entries(run.faults)) {
      const sum = this.#faults.get(kind) ?? { eligible: 0, fired: 0 };
      this.#faults.set(kind, { eligible: sum.eligible + eligible, fired: sum.fired + fired });
    }
    for (const [name, checks] of Object.entries(run.checks)) {
      this.#checks.set(name, (this.#checks.get(name) ?? 0) + checks);
    }
  }

  get runs(): number {
    return this.#lines.length;
  }

  get violations(): number {
    return this.#verdicts.violation;
  }

  get unknowns(): number {
    return this.#verdicts.unknown;
  }

  get virtualUs(): number {
    return this.#virtualUs;
  }

  /** The totals so far. */
  result(wallMs: number): ScenarioResult {
    const lines = this.#lines.toSorted((left, right) => left.index - right.index);
    return {
      name: this.#name,
      runs: lines.map(({ line }) => line),
      ...this.#verdicts,
      events: this.#events,
      virtualUs: this.#virtualUs,
      wallMs,
      failoverMaxMs: this.#failoverMaxMs,
      failoverBoundMs: this.#failoverBoundMs,
      faults: sorted(this.#faults),
      checks: sorted(this.#checks),
    };
  }
}

/** What a scenario declares. */
export interface Declared {
  /** Faults and operations whose rate is not 0. */
  readonly kinds: readonly string[];
  /** What it has of what oracles may need. */
  readonly has: ReadonlySet<OracleNeed>;
}

/** What `scenario` declares. Makes its schedulers once, outside of any run. */
export function declaredBy({ faults, operations, changes, counters, schedulers }: Scenario): Declared {
  const kinds = Object.entries({ ...faults, ...operations })
    .filter(([, perHour]) => perHour > 0)
    .map(([kind]) => kind);
  const has = new Set<OracleNeed>();
  if (kinds.length > 0) has.add('faults');
  if (Object.keys(counters).length > 0) has.add('state');
  if (kinds.includes('disable')) has.add('disabling');
  if (changes > 0 || kinds.some((kind) => CALLS.has(kind))) has.add('work');
  if (schedulers(0).some((scheduler) => scheduler instanceof TimedScheduler)) has.add('slots');
  return { kinds, has };
}

/** Operations that ask for builds. */
const CALLS: ReadonlySet<string> = new Set(['force', 'trigger', 'try', 'build']);

/** Fewer runs than this prove nothing by what did not happen in them. */
const ENOUGH_RUNS = 100;

/**
 * What a campaign declared and never had: faults (and operations) that never struck, oracles that never judged although
 * the scenario has what they need. Empty for a campaign too small to say.
 */
export function vacuities(declared: Declared, result: ScenarioResult): readonly string[] {
  if (result.runs.length < ENOUGH_RUNS) return [];
  const faults = declared.kinds.filter((kind) => (result.faults[kind]?.fired ?? 0) === 0);
  const excused = ORACLES.filter(({ needs }) => needs !== undefined && !declared.has.has(needs));
  const oracles = Object.entries(result.checks).filter(
    ([name, checks]) => checks === 0 && !excused.some((oracle) => oracle.name === name),
  );
  return [
    ...faults.map((kind) => `the fault ${kind} never struck`),
    ...oracles.map(([name]) => `the oracle ${name} never had anything to judge`),
  ];
}

function sorted<T>(map: ReadonlyMap<string, T>): Record<string, T> {
  return Object.fromEntries([...map].sort(([left], [right]) => (left < right ? -1 : 1)));
}
