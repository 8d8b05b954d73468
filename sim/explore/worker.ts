// The worker thread of a campaign: loads each scenario once, then runs one plan at a time.
//
// A run that does not pass is run again at once with everything recorded, since only this second run can tell what
// happened; a long one is too large for that, and ends with the first thing that is wrong anyway. Nothing else is kept from one run to the next, but for traces that a twin check has asked for.

import { parentPort, workerData } from 'node:worker_threads';
import { present } from '../../src/core/assert.js';
import { StandinError, describeError } from '../../src/core/errors.js';
import type { TraceEvent } from '../kernel/trace.js';
import { defaultHistory } from './default-history.js';
import {
  PROGRESS,
  STARTED,
  type Job,
  type Reply,
  type RunJob,
  type Subject,
  type WorkerSetup,
} from './job.js';
import { planForSeed, type Plan } from './plan.js';
import { evidenceOf, summarize, type RunSummary } from './run-summary.js';
import { loadSubject, type LoadedScenario } from './scenario-lookup.js';
import type { simulate as Simulate, SimulateOptions } from './simulate.js';

/** A quarter of a day has some 100,000 events and some megabytes of decisions. */
const LONGEST_RECORDED_S = 21_600;

const setup = workerData as WorkerSetup;
const port = present(parentPort, 'the port to the main thread');
const shared = new Int32Array(setup.shared);
const { simulate } = (await import(setup.simulateUrl)) as { simulate: typeof Simulate };
const scenarios = new Map<string, LoadedScenario>();
const traces = new Map<string, readonly TraceEvent[]>();

port.on('message', (job: Job) => {
  void answer(job).then((reply) => port.postMessage(reply));
});

async function answer(job: Job): Promise<Reply> {
  try {
    switch (job.kind) {
      case 'run':
        return { kind: 'ran', summary: await run(job) };
      case 'trace':
        return { kind: 'trace', events: present(traces.get(job.seed), `the trace of seed ${job.seed}`) };
      case 'forget':
        traces.clear();
        return { kind: 'forgotten' };
    }
  } catch (error) {
    const message = error instanceof Error ? error.message : describeError(error);
    const stack = error instanceof Error ? (error.stack ?? message) : message;
    return { kind: 'failed', isUsage: isUsersMistake(error), message, stack };
  }
}

async function run(job: RunJob): Promise<RunSummary> {
  const loaded = await load(job.subject);
  const plan = job.plan ?? planForSeed(loaded.scenario, job.seed, setup.history ?? defaultHistory());
  Atomics.add(shared, STARTED, 1);
  const result = await simulate(loaded.scenario, plan, optionsFor(loaded, { keepTrace: job.keepsTrace }));
  if (job.keepsTrace) traces.set(job.seed, result.tail);
  const summary = summarize(job.seed, result);
  return result.verdict === 'pass' ? summary : { ...summary, evidence: await explain(loaded, plan) };
}

async function explain(loaded: LoadedScenario, plan: Plan): Promise<RunSummary['evidence']> {
  const isShort = plan.durationS <= LONGEST_RECORDED_S;
  const options = optionsFor(loaded, { keepTrace: isShort, recordDecisions: isShort });
  return evidenceOf(plan, await simulate(loaded.scenario, plan, options));
}

function optionsFor(loaded: LoadedScenario, recorded: SimulateOptions): SimulateOptions {
  const onProgress = (): void => {
    Atomics.add(shared, PROGRESS, 1);
  };
  return { drain: setup.drain, ...loaded.options, ...recorded, onProgress };
}

/** What is wrong with a scenario, as against what went wrong in a run. */
function isUsersMistake(error: unknown): boolean {
  return (
    error instanceof StandinError && ['usage', 'config', 'scenario-load', 'change-log'].includes(error.code)
  );
}

async function load(subject: Subject): Promise<LoadedScenario> {
  const key = JSON.stringify(subject);
  const loaded = scenarios.get(key) ?? (await loadSubject(subject));
  scenarios.set(key, loaded);
  return loaded;
}
