// Writes the capsule of each run that did not pass and tells about it: the first few on a page each, then only counts.

import { defaultHistory } from '../explore/default-history.js';
import { writeCapsule, type CapsuleFacts } from '../explore/capsule.js';
import type { Subject } from '../explore/job.js';
import { planForSeed, type Plan } from '../explore/plan.js';
import { isPackaged } from '../explore/scenario-lookup.js';
import type { Target } from '../explore/campaign.js';
import type { RunSummary } from '../explore/run-summary.js';
import type { LoggedChange } from '../workload/logged-change.js';
import { failurePage } from '../report/failure-page.js';

/** Told about each run of a campaign. */
export interface Failures {
  /** Saves and shows `run` unless it passed. `plan`: what it ran, when that does not follow from the seed. */
  add(target: Target, run: RunSummary, plan?: Plan): void;
}

/** More pages than this nobody reads. */
const MOST_PAGES = 3;

/** `print` takes the lines of a page; `history` is that of the campaign. */
export function saveFailures(options: {
  readonly commit: string;
  readonly history: readonly LoggedChange[] | null;
  readonly print: (line: string) => void;
}): Failures {
  let pages = 0;
  return {
    add(target, run, plan) {
      if (run.verdict === 'pass') return;
      const history = options.history ?? defaultHistory();
      const saved = run.evidence?.plan ?? plan ?? planForSeed(target.scenario, run.seed, history);
      const capsule = writeCapsule(saved, factsOf(run, options.commit), userFile(target.subject));
      pages += 1;
      if (pages > MOST_PAGES)
        options.print(`${run.verdict} in ${target.scenario.name}, seed ${run.seed}: ${capsule}`);
      else failurePage(run, { scenario: target.scenario.name, capsule }).forEach(options.print);
    },
  };
}

/** The facts of a run that did not pass. */
export function factsOf(run: RunSummary, commit: string): CapsuleFacts {
  return {
    verdict: run.verdict === 'violation' ? 'violation' : 'unknown',
    guarantee: run.broken[0] ?? null,
    message: run.evidence?.violations[0]?.message ?? run.reason ?? '',
    traceHash: run.traceHash,
    seed: run.seed,
    commit,
  };
}

/** Null for a packaged scenario, which is found by its name. */
export function userFile(subject: Subject): string | null {
  return subject.kind === 'file' && !isPackaged(subject.file) ? subject.file : null;
}
