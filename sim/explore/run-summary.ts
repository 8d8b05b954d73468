// What a campaign keeps of a run, and what it is told about a run that did not pass. Plain data: it crosses from the
// worker threads to the main thread.

import type { JsonObject } from '../../src/core/json.js';
import type { TraceEvent } from '../kernel/trace.js';
import type { Violation } from '../oracles/history.js';
import type { Plan } from './plan.js';
import type { RunResult } from './simulate.js';

/** The outcome of one run. */
export interface RunSummary {
  /** The seed, or the name of the plan's file. */
  readonly seed: string;
  readonly verdict: RunResult['verdict'];
  /** The guarantees that were broken, each once, in the order of their first violation. */
  readonly broken: readonly string[];
  /** Why the verdict is unknown; null otherwise. */
  readonly reason: string | null;
  readonly events: number;
  readonly virtualUs: number;
  /** 16 hex digits; empty when the run did not end. */
  readonly traceHash: string;
  readonly faults: RunResult['faults'];
  /** How often each oracle had something to judge. */
  readonly checks: Readonly<Record<string, number>>;
  readonly failoverMaxMs: number;
  readonly failoverBoundMs: number;
  /** Null when the run passed, or when its worker was lost. */
  readonly evidence: Evidence | null;
}

/** What explains a run that did not pass, from a second run of the same plan with everything recorded. */
export interface Evidence {
  readonly violations: readonly Violation[];
  /** The last events up to the first violation (or the end), and a few after it. */
  readonly around: readonly TraceEvent[];
  readonly config: JsonObject;
  /** Needs no seed where the second run recorded decisions: each that was not 0 is written out. */
  readonly plan: Plan;
  /** Of the second run; another hash than the summary's is nondeterminism. */
  readonly traceHash: string;
  /** What was still open at the end, by oracle. */
  readonly pending: readonly string[];
}

/** The part of `result` that a campaign keeps. */
export function summarize(seed: string, result: RunResult): RunSummary {
  return {
    seed,
    verdict: result.verdict,
    broken: [...new Set(result.violations.map(({ guarantee }) => guarantee))],
    reason: result.reason,
    events: result.events,
    virtualUs: result.virtualUs,
    traceHash: result.traceHash,
    faults: result.faults,
    checks: Object.fromEntries(Object.entries(result.oracles).map(([name, { checks }]) => [name, checks])),
    failoverMaxMs: result.failoverMaxMs,
    failoverBoundMs: result.failoverBoundMs,
    evidence: null,
  };
}

/** The summary of a run that gave no result: its worker hung, died or could not build the run. */
export function unknownSummary(seed: string, reason: string): RunSummary {
  return {
    seed,
    verdict: 'unknown',
    broken: [],
    reason,
    events: 0,
    virtualUs: 0,
    traceHash: '',
    faults: {},
    checks: {},
    failoverMaxMs: 0,
    failoverBoundMs: 0,
    evidence: null,
  };
}

/** What explains `result`, a run of `plan` with the whole trace and all decisions recorded. */
export function evidenceOf(plan: Plan, result: RunResult): Evidence {
  const atUs = result.violations[0]?.atUs ?? Number.POSITIVE_INFINITY;
  return {
    violations: result.violations,
    around: eventsAround(result.tail, atUs),
    config: result.config,
    plan: result.decisions === null ? plan : { ...plan, seed: null, decisions: result.decisions },
    traceHash: result.traceHash,
    pending: Object.entries(result.oracles).flatMap(([name, { pending }]) =>
      pending.map((open) => `${name}: ${open}`),
    ),
  };
}

/** Events of these kinds are most of a trace, and tell little without their neighbours. */
const ROUTINE = ['deliver', 'sql'];
const NOTEWORTHY_BEFORE = 16;
const ANY_BEFORE = 6;
const ANY_AFTER = 3;

/** What led up to `atUs`: the last noteworthy events, the last of any kind, and the next few. */
export function eventsAround(events: readonly TraceEvent[], atUs: number): readonly TraceEvent[] {
  const later = events.findIndex((event) => event.atUs > atUs);
  const end = later === -1 ? events.length : later;
  const near = Math.max(0, end - ANY_BEFORE);
  const noteworthy = events.slice(0, near).filter(({ kind }) => !ROUTINE.includes(kind));
  return [...noteworthy.slice(-NOTEWORTHY_BEFORE), ...events.slice(near, end + ANY_AFTER)];
}
