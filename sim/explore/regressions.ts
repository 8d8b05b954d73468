// The minimal plans of bugs that were found: scenarios/regressions/*.json. Each is expected to pass now; one that does
// not is a failure like any other.

import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { StopWatch, type Target } from './campaign.js';
import { readSavedPlan, type CapsuleFacts } from './capsule.js';
import type { Lane } from './lane.js';
import { SCENARIOS_FOLDER } from './package-root.js';
import type { Plan } from './plan.js';
import type { RunSummary } from './run-summary.js';
import { findScenario, loadScenario } from './scenario-lookup.js';
import { Tally, type ScenarioResult } from './tally.js';

/** The files of all saved plans, sorted by name. */
export function regressionFiles(): readonly string[] {
  const folder = join(SCENARIOS_FOLDER, 'regressions');
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).filter((name) => name.endsWith('.json'));
  return names.sort((left, right) => (left < right ? -1 : 1)).map((name) => join(folder, name));
}

/** Runs all of them; their totals as those of one scenario called `regressions`, or nothing when there are none. */
export async function runRegressions(
  lane: Lane,
  onRun: (target: Target, run: RunSummary, plan: Plan) => void,
): Promise<readonly ScenarioResult[]> {
  const files = regressionFiles();
  const tally = new Tally('regressions');
  const watch = new StopWatch(null);
  for (const [index, file] of files.entries()) {
    const { target, plan } = await loadSavedTarget(file);
    const run = await lane.run({
      kind: 'run',
      subject: target.subject,
      seed: basename(file, '.json'),
      plan,
      keepsTrace: false,
    });
    tally.add(index, run);
    onRun(target, run, plan);
  }
  return files.length === 0 ? [] : [tally.result(watch.elapsedMs)];
}

/** A saved plan and the scenario that it is of. @throws UsageError when either is not right. */
export async function loadSavedTarget(file: string): Promise<SavedTarget> {
  const { plan, scenarioFile, facts } = readSavedPlan(file);
  const found = scenarioFile ?? findScenario(plan.scenario);
  const { scenario } = await loadScenario(found);
  return { target: { scenario, subject: { kind: 'file', file: found } }, plan, facts };
}

/** What a file with a saved plan stands for. */
export interface SavedTarget {
  readonly target: Target;
  readonly plan: Plan;
  /** What was seen when it was saved; null when the file does not say. */
  readonly facts: CapsuleFacts | null;
}
