// A campaign: many seeds of one scenario, over several lanes.
//
// Each lane takes the next seed as soon as it is free; what a seed gives does not depend on which lane takes it, nor
// when. The time limit ends the handing out, never a run. Results are told in the order in which they come and returned
// in the order of the seeds.

import type { Scenario } from '../scenario.js';
import type { RunJob, Subject } from './job.js';
import { Lane, type LaneOptions } from './lane.js';
import type { RunSummary } from './run-summary.js';
import type { Seeds } from './seeds.js';
import { Tally, type ScenarioResult } from './tally.js';

/** One scenario to be explored. */
export interface Target {
  readonly scenario: Scenario;
  /** Where workers load it from. */
  readonly subject: Subject;
}

/** What is explored, and for how long. */
export interface CampaignOptions {
  readonly target: Target;
  readonly seeds: Seeds;
  /** Real time after which no further seed is begun; null: all seeds are. */
  readonly timeMs: number | null;
  /** Told after each run; true ends the campaign. */
  readonly onRun: (run: RunSummary, tally: Tally) => boolean;
}

/** Runs `options.seeds` on `lanes`. @throws UsageError when the scenario does not load in a worker. */
export async function runCampaign(lanes: readonly Lane[], options: CampaignOptions): Promise<ScenarioResult> {
  const { target, seeds } = options;
  const tally = new Tally(target.scenario.name);
  const watch = new StopWatch(options.timeMs);
  let next = 0;
  let isEnded = false;
  const drive = async (lane: Lane): Promise<void> => {
    while (!isEnded && next < seeds.count && !watch.isOver) {
      const index = next++;
      const run = await lane.run(jobOf(target.subject, seeds.at(index)));
      tally.add(index, run);
      isEnded = options.onRun(run, tally) || isEnded;
    }
  };
  await Promise.all(lanes.map(drive));
  return tally.result(watch.elapsedMs);
}

/** `count` lanes; to be closed by `closeLanes`. */
export function openLanes(count: number, options: LaneOptions): readonly Lane[] {
  return Array.from({ length: count }, () => new Lane(options));
}

export async function closeLanes(lanes: readonly Lane[]): Promise<void> {
  await Promise.all(lanes.map((lane) => lane.close()));
}

/** The run of one seed. */
export function jobOf(subject: Subject, seed: string): RunJob {
  return { kind: 'run', subject, seed, plan: null, keepsTrace: false };
}

/** Real time since its construction, against a limit. */
export class StopWatch {
  readonly #startMs = performance.now();
  readonly #limitMs: number;

  /** `limitMs` null: no limit. */
  constructor(limitMs: number | null) {
    this.#limitMs = limitMs ?? Number.POSITIVE_INFINITY;
  }

  get elapsedMs(): number {
    return Math.round(performance.now() - this.#startMs);
  }

  get isOver(): boolean {
    return this.elapsedMs >= this.#limitMs;
  }
}
