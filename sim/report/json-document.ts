// The one document that `--json` prints.
//
// Its form is an interface: what is here keeps its name and meaning, new keys may come. Everything in it but `wallMs` is
// determined by the commit and the seeds.

import type { Nondeterminism } from '../explore/twin-check.js';
import type { RunLine, ScenarioResult } from '../explore/tally.js';

/** Facts about the whole campaign. */
export interface DocumentHead {
  readonly version: string;
  readonly commit: string;
  /** First of the fresh seeds; null when the user chose the seeds. */
  readonly base: string | null;
  /** Faults and oracles that never took effect, by scenario. */
  readonly vacuous: readonly string[];
  readonly nondeterminism: Nondeterminism | null;
}

/** The document as text, ending in a newline. */
export function jsonDocument(head: DocumentHead, results: readonly ScenarioResult[]): string {
  const { version, commit, base, vacuous, nondeterminism } = head;
  const document = {
    version,
    commit,
    node: process.versions.node,
    base,
    scenarios: results.map(scenarioOf),
    ...(vacuous.length === 0 ? {} : { vacuous }),
    ...(nondeterminism === null ? {} : { nondeterminism }),
  };
  return `${JSON.stringify(document, null, 1)}\n`;
}

function scenarioOf(result: ScenarioResult): object {
  const { name, runs, pass, violation, unknown, events, virtualUs, wallMs } = result;
  return {
    name,
    seeds: runs.length,
    pass,
    violation,
    unknown,
    events,
    virtualMs: Math.floor(virtualUs / 1000),
    wallMs,
    failoverMaxMs: result.failoverMaxMs,
    failoverBoundMs: result.failoverBoundMs,
    faults: result.faults,
    runs: runs.map(runOf),
  };
}

function runOf({ seed, verdict, broken, reason, events, traceHash }: RunLine): object {
  const oracle = broken[0];
  return {
    seed,
    verdict,
    ...(oracle === undefined ? {} : { oracle }),
    ...(reason === null ? {} : { reason }),
    events,
    traceHash,
  };
}
