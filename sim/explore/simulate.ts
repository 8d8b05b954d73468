// One run: a pure function of the code and the plan.

import { assert, present } from '../../src/core/assert.js';
import { describeError } from '../../src/core/errors.js';
import type { JsonObject } from '../../src/core/json.js';
import { changeOfRow } from '../../src/db/changes.js';
import { completeConfig } from '../../src/master/config.js';
import type { MasterParts } from '../../src/master/parts.js';
import { Dependent } from '../../src/schedulers/dependent.js';
import { NightlyTriggerable } from '../../src/schedulers/nightly-triggerable.js';
import { Try_Jobdir } from '../../src/schedulers/try-jobdir.js';
import { TimedScheduler } from '../../src/schedulers/timed.js';
import { BasicScheduler } from '../../src/schedulers/basic.js';
import type { BaseScheduler } from '../../src/schedulers/base.js';
import { Decisions, type DecisionLog } from '../kernel/decisions.js';
import { Kernel, type RunEnd } from '../kernel/kernel.js';
import { Trace, type TraceEvent } from '../kernel/trace.js';
import type { UserModule } from '../kernel/user-modules.js';
import type {
  HistoryEvent,
  ObservedScheduler,
  ObservedSlots,
  ObservedTriggers,
  Oracle,
  OracleContext,
  OracleRun,
  Violation,
} from '../oracles/history.js';
import { ORACLES } from '../oracles/index.js';
import type { Scenario } from '../scenario.js';
import { SqlEngine } from '../world/sql-engine.js';
import { World, type FaultCount, type Mistake } from '../world/world.js';
import { masterNames, type Plan } from './plan.js';

export interface SimulateOptions {
  /** How microtasks drain; both give the same trace. Default tick. */
  readonly drain?: 'tick' | 'immediate';
  /** Keep the whole trace instead of its last 2,000 events. */
  readonly keepTrace?: boolean;
  /** Return all decisions that were not the default. */
  readonly recordDecisions?: boolean;
  /** The module of the scenario, evaluated anew for each start of a master. */
  readonly module?: UserModule;
  /** Other parts than the sound ones. */
  readonly parts?: Partial<MasterParts>;
  readonly onProgress?: () => void;
}

export interface RunResult {
  /** The worst of all oracles; unknown when the run did not get to its end. */
  readonly verdict: 'pass' | 'violation' | 'unknown';
  readonly violations: readonly Violation[];
  /** Why the verdict is unknown; null otherwise. */
  readonly reason: string | null;
  readonly events: number;
  readonly virtualUs: number;
  /** 16 hex digits over the whole trace. */
  readonly traceHash: string;
  readonly faults: Readonly<Record<string, FaultCount>>;
  readonly oracles: Readonly<
    Record<string, { readonly checks: number; readonly pending: readonly string[] }>
  >;
  readonly failoverMaxMs: number;
  readonly failoverBoundMs: number;
  readonly tail: readonly TraceEvent[];
  readonly decisions: DecisionLog | null;
  /** What the run was made of, resolved. */
  readonly config: JsonObject;
}

const MAX_EVENTS = 20_000_000;
/** … and for each second of the run; the scenarios have 4 to 7. */
const MAX_EVENTS_PER_S = 100;
const TAIL = 2_000;

/**
 * Runs one plan of a scenario and judges it.
 * @throws whatever is wrong with the scenario or the simulator itself; what goes wrong in the run is in the result
 */
export async function simulate(
  scenario: Scenario,
  plan: Plan,
  options: SimulateOptions = {},
): Promise<RunResult> {
  const replica = wantsReplica(plan) ? await replicaOfThisThread() : null;
  const run = new Run(scenario, plan, options, { primary: await engineOfThisThread(), replica });
  return run.result(await run.end());
}

/** One engine serves all runs of a thread, one after the other; it is reset for each. */
let engine: Promise<SqlEngine> | null = null;

function engineOfThisThread(): Promise<SqlEngine> {
  engine ??= SqlEngine.open();
  return engine;
}

/** Opened when the first plan wants it. */
let replica: Promise<SqlEngine> | null = null;

function replicaOfThisThread(): Promise<SqlEngine> {
  replica ??= SqlEngine.open();
  return replica;
}

/** A replica is there for the fault that strikes it: every other plan does without, and pays nothing. */
function wantsReplica({ faults }: Plan): boolean {
  return faults.some(({ kind }) => kind === 'replica-lag');
}

interface Engines {
  readonly primary: SqlEngine;
  readonly replica: SqlEngine | null;
}

class Run {
  readonly #scenario: Scenario;
  readonly #plan: Plan;
  readonly #options: SimulateOptions;
  readonly #engines: Engines;
  readonly #kernel: Kernel;
  readonly #context: OracleContext;
  readonly #judges: readonly { readonly oracle: Oracle; readonly run: OracleRun }[];
  readonly #violations: Violation[] = [];
  #world: World | null = null;
  #broken: string | null = null;

  constructor(scenario: Scenario, plan: Plan, options: SimulateOptions, engines: Engines) {
    this.#scenario = scenario;
    this.#plan = plan;
    this.#options = options;
    this.#engines = engines;
    const { drain = 'tick', keepTrace = false, onProgress, module } = options;
    this.#kernel = new Kernel({
      decisions: new Decisions(plan.seed, plan.decisions, options.recordDecisions === true),
      trace: new Trace({ keepAll: keepTrace }),
      epochMs: plan.epochMs,
      drain,
      maxEvents: mostEvents(plan),
      ...(onProgress && { onProgress }),
      guard: { mode: scenario.ambient, ...(module && { sourceOf: (frame) => module.sourceOf(frame) }) },
    });
    const versions = Array.from({ length: scenario.versions }, (_, version) => this.#newSchedulers(version));
    this.#context = contextOf(scenario, plan, versions);
    const judging = [
      ...ORACLES.filter((oracle) => scenario.guarantees.includes(oracle.name)),
      ...scenario.oracles,
    ];
    this.#judges = judging.map((oracle) => ({ oracle, run: oracle.start(this.#context) }));
  }

  async end(): Promise<RunEnd> {
    const { durationS, convergenceS } = this.#plan;
    this.#kernel.onUncaught(({ atUs, node, error }) => this.#uncaught(atUs, node, error));
    // Built in the first event: only then is the thread, and with it the engine, this run's alone.
    this.#kernel.at(0, () => this.#build());
    return this.#kernel.run((durationS + convergenceS) * 1_000_000);
  }

  #build(): void {
    const { primary, replica: replicaEngine } = this.#engines;
    primary.reset();
    replicaEngine?.reset();
    this.#world = new World({
      kernel: this.#kernel,
      engine: primary,
      replicaEngine,
      plan: this.#plan,
      schedulers: (version) => this.#newSchedulers(version),
      builds: this.#scenario.executor,
      parts: this.#options.parts ?? {},
      onHistory: (event) => this.#observe(event),
      onMistake: (mistake) => this.#mistaken(mistake),
    });
  }

  result(end: RunEnd): RunResult {
    const { nowUs, eventCount, trace, decisions } = this.#kernel;
    if (end === 'horizon') this.#finish(nowUs);
    const reason = this.#reason(end);
    const kept = this.#options.keepTrace === true ? trace.count : TAIL;
    return {
      verdict: this.#violations.length > 0 ? 'violation' : reason === null ? 'pass' : 'unknown',
      violations: this.#violations,
      reason: this.#violations.length > 0 ? null : reason,
      events: eventCount,
      virtualUs: nowUs,
      traceHash: trace.hash(),
      faults: Object.fromEntries(this.#world?.faultCounts ?? []),
      oracles: Object.fromEntries(
        this.#judges.map(({ oracle, run }) => [
          oracle.name,
          { checks: run.checks, pending: run.pending ?? [] },
        ]),
      ),
      failoverMaxMs: Math.max(0, ...this.#judges.map(({ run }) => run.figures?.['failoverMaxMs'] ?? 0)),
      failoverBoundMs: this.#context.failoverBoundMs,
      get tail() {
        return trace.tail(kept); // in words only when somebody reads it
      },
      decisions: this.#options.recordDecisions === true ? decisions.nonDefault() : null,
      config: configOf(this.#scenario, this.#plan, this.#context),
    };
  }

  #reason(end: RunEnd): string | null {
    if (this.#broken !== null) return this.#broken;
    return end === 'event-limit' ? `the run did not end within ${mostEvents(this.#plan)} events` : null;
  }

  #newSchedulers(version: number): readonly BaseScheduler[] {
    const { module } = this.#options;
    if (module === undefined) return this.#scenario.schedulers(version);
    return (module.instantiate()['default'] as Scenario).schedulers(version);
  }

  #uncaught(atUs: number, node: string, error: unknown): void {
    const detail = describeError(error);
    this.#observe({ kind: 'uncaught', atUs, node, detail });
    if (this.#scenario.allowUncaught) return;
    const place = this.#placeOf(error instanceof Error ? (error.stack ?? '') : '');
    const message = `${node} ended by an uncaught error (${detail})${place}`;
    this.#violate([{ guarantee: 'no-uncaught', atUs, message, subject: node }]);
  }

  #mistaken({ node, text, stack }: Mistake): void {
    if (this.#scenario.allowUncaught) return;
    const message = `on ${node}, ${text}${this.#placeOf(stack)}`;
    this.#violate([{ guarantee: 'no-mistake', atUs: this.#kernel.nowUs, message, subject: node }]);
  }

  #placeOf(stack: string): string {
    const place = this.#options.module?.placeOfStack(stack) ?? null;
    return place === null ? '' : `, at ${place.file}:${place.line}`;
  }

  #observe(event: HistoryEvent): void {
    for (const { oracle, run } of this.#judges) {
      try {
        this.#violate(run.observe(event));
      } catch (error) {
        this.#break(oracle, error);
      }
    }
  }

  #finish(atUs: number): void {
    this.#observe({ kind: 'phase', atUs, phase: 'end' });
    for (const { oracle, run } of this.#judges) {
      try {
        this.#violate(run.finish(atUs));
      } catch (error) {
        this.#break(oracle, error);
      }
    }
  }

  #break(oracle: Oracle, error: unknown): void {
    this.#broken ??= `the oracle ${oracle.name} broke: ${error instanceof Error ? error.message : String(error)}`;
  }

  /** The run ends with the first event that breaks a guarantee: what follows only repeats it. */
  #violate(violations: readonly Violation[]): void {
    if (violations.length === 0) return;
    this.#violations.push(...violations);
    this.#kernel.stop();
  }
}

function mostEvents({ durationS, convergenceS }: Plan): number {
  return MAX_EVENTS + MAX_EVENTS_PER_S * (durationS + convergenceS);
}

function contextOf(
  scenario: Scenario,
  plan: Plan,
  versions: readonly (readonly BaseScheduler[])[],
): OracleContext {
  const [{ heartbeatMs, leaseMs, claimPollMs } = completeConfig({ name: 'any', schedulers: [] })] =
    versions.map((schedulers) => completeConfig({ name: 'any', schedulers }));
  const names = new Set(versions.flatMap((schedulers) => schedulers.map(({ name }) => name)));
  assert(names.size > 0, `scenario '${scenario.name}' has no scheduler`);
  return {
    heartbeatMs,
    leaseMs,
    claimPollMs,
    failoverBoundMs: Math.ceil((leaseMs + 2 * heartbeatMs) * 1.01) + 15_000,
    releaseBoundMs: Math.ceil(claimPollMs * 1.01) + 5_000,
    epochMs: plan.epochMs,
    clockErrorMs: clockErrorMs(plan),
    masters: masterNames(plan.masters),
    schedulers: [...names].flatMap((name) => {
      const inVersions = versions.flatMap((schedulers) => schedulers.filter((one) => one.name === name));
      // One that comes and goes is owed nothing; whether it acts rightly is judged all the same.
      return inVersions.length < versions.length ? [] : [observed(inVersions, scenario.counters[name] ?? [])];
    }),
  };
}

/** A scheduler as all versions of the configuration have it: what they do not agree on cannot be demanded. */
function observed(versions: readonly BaseScheduler[], counterKeys: readonly string[]): ObservedScheduler {
  return {
    name: present(versions[0], 'a version').name,
    treeStableTimerMs: Math.max(
      ...versions.map((one) => (one instanceof BasicScheduler ? one.treeStableTimerMs : 0)),
    ),
    slots: slotsOf(versions),
    triggers: triggersOf(versions),
    wants: (row) => {
      const wishes = new Set(versions.map((one) => one.wantsChange(changeOfRow(row))));
      const [wish = null] = wishes;
      return wishes.size === 1 ? wish : null;
    },
    counterKeys,
  };
}

/** Triggers on which not all versions agree cannot be demanded. */
function triggersOf(versions: readonly BaseScheduler[]): ObservedTriggers {
  const triggers = versions.map((one): ObservedTriggers => {
    if (one instanceof Dependent) return { kind: 'upstream', upstream: one.upstream };
    if (one instanceof Try_Jobdir) return { kind: 'jobs', jobdir: one.jobdir };
    return { kind: one instanceof NightlyTriggerable ? 'calls-by-slot' : 'none' };
  });
  const [trigger = { kind: 'none' }] = triggers;
  const isAgreed = triggers.every((other) => JSON.stringify(other) === JSON.stringify(trigger));
  return isAgreed ? trigger : { kind: 'none' };
}

/** Slots on which not all versions agree cannot be judged. */
function slotsOf(versions: readonly BaseScheduler[]): ObservedSlots | null {
  const rules = versions.map((one) =>
    one instanceof TimedScheduler ? { ...one.slotRule, isUnconditional: one.buildsEverySlot } : null,
  );
  const [rule = null] = rules;
  return rules.every((other) => JSON.stringify(other) === JSON.stringify(rule)) ? rule : null;
}

/** Offsets and drift bound it; clocks that are set do not. */
function clockErrorMs({ faults, clocks, durationS, convergenceS }: Plan): number | null {
  if (faults.some(({ kind }) => kind.startsWith('clock-'))) return null;
  const errors = clocks.map(
    ({ offsetMs, driftPpm }) => Math.abs(offsetMs) + (Math.abs(driftPpm) * (durationS + convergenceS)) / 1000,
  );
  return Math.ceil(Math.max(...errors));
}

function configOf(scenario: Scenario, plan: Plan, context: OracleContext): JsonObject {
  return {
    scenario: scenario.name,
    seed: plan.seed,
    masters: context.masters,
    schedulers: context.schedulers.map(({ name }) => name),
    heartbeatMs: context.heartbeatMs,
    leaseMs: context.leaseMs,
    claimPollMs: context.claimPollMs,
    network: plan.network,
    startsAt: new Date(plan.epochMs).toISOString(),
    clocks: plan.clocks.map((clock) => ({ ...clock })),
    durationS: plan.durationS,
    convergenceS: plan.convergenceS,
    changes: plan.changes.length,
    operations: plan.operations.map((operation) => ({ ...operation })),
    faults: plan.faults.map((fault) => ({ ...fault })),
    lostMasters: plan.lostMasters,
    ambient: scenario.ambient,
  };
}
