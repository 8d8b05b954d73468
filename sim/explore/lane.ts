// A lane: one worker thread at a time, and the watch over it.
//
// The lane runs one job at a time. A worker that shows no progress in shared memory for `stallMs`, or dies, is ended; the
// run that it was in counts as unknown, with the reason, and the next job gets a new worker. The watch counts its own
// ticks and reads no clock: a machine that was suspended has not stalled.

import { Worker } from 'node:worker_threads';
import { assert } from '../../src/core/assert.js';
import type { TraceEvent } from '../kernel/trace.js';
import type { LoggedChange } from '../workload/logged-change.js';
import { PROGRESS, SHARED_BYTES, STARTED, type Job, type Reply, type RunJob } from './job.js';
import { unknownSummary, type RunSummary } from './run-summary.js';
import { UsageError } from './usage-error.js';

/** What the workers of a campaign have in common. */
export interface LaneOptions {
  readonly drain: 'tick' | 'immediate';
  /** Null: the history that comes with the package. */
  readonly history: readonly LoggedChange[] | null;
  /** Without progress for so long, a run has hung. */
  readonly stallMs: number;
  /** The modules of the worker and of `simulate`; others only in tests. */
  readonly workerUrl: URL;
  readonly simulateUrl: URL;
}

/** The lanes of a real campaign. */
export const DEFAULT_LANE: LaneOptions = {
  drain: 'tick',
  history: null,
  stallMs: 10_000,
  workerUrl: new URL('./worker.js', import.meta.url),
  simulateUrl: new URL('./simulate.js', import.meta.url),
};

/** How often a watch looks, per stallMs. */
const LOOKS = 20;

/** Loading (the bundling of a user's scenario on a busy machine) may take so many times longer than a silent run. */
const LOADING_FACTOR = 6;

/** A run makes much garbage: fewer and larger sweeps of the young generation cost a tenth less. */
const RESOURCES = { maxYoungGenerationSizeMb: 192 };

export class Lane {
  readonly #options: LaneOptions;
  readonly #shared = new Int32Array(new SharedArrayBuffer(SHARED_BYTES));
  #worker: Worker | null = null;
  #isBusy = false;
  #isClosed = false;

  constructor(options: LaneOptions) {
    this.#options = options;
  }

  /**
   * Runs one plan; a run that hangs or kills its worker is `unknown`.
   * @throws UsageError when the scenario does not load, Error when no run can begin at all.
   */
  async run(job: RunJob): Promise<RunSummary> {
    const answer = await this.#ask(job);
    if (typeof answer === 'string') return unknownSummary(job.seed, answer);
    assert(answer.kind === 'ran', `a run was answered by '${answer.kind}'`);
    return answer.summary;
  }

  /** The trace of a run on this lane that kept it; empty when its worker is gone. */
  async trace(seed: string): Promise<readonly TraceEvent[]> {
    if (this.#worker === null) return [];
    const answer = await this.#ask({ kind: 'trace', seed });
    return typeof answer !== 'string' && answer.kind === 'trace' ? answer.events : [];
  }

  /** Drops the traces that were kept. */
  async forget(): Promise<void> {
    if (this.#worker !== null) await this.#ask({ kind: 'forget' });
  }

  /** Ends the worker, in the middle of a run too; a closed lane runs nothing more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#endWorker();
  }

  async #endWorker(): Promise<void> {
    const worker = this.#worker;
    this.#worker = null;
    await worker?.terminate();
  }

  /** The worker's reply, or why there is none. */
  async #ask(job: Job): Promise<Reply | string> {
    assert(!this.#isBusy && !this.#isClosed, 'a lane runs one job at a time, until it is closed');
    this.#isBusy = true;
    const worker = (this.#worker ??= this.#startWorker());
    const startedBefore = Atomics.load(this.#shared, STARTED);
    try {
      const answer = await this.#answerOf(worker, job);
      if (typeof answer === 'string') {
        await this.#endWorker();
        // Every further run would fare the same, for as long as the campaign lasts.
        if (Atomics.load(this.#shared, STARTED) === startedBefore) throw new Error(answer);
      } else if (answer.kind === 'failed') return refuse(answer);
      return answer;
    } finally {
      this.#isBusy = false;
    }
  }

  #answerOf(worker: Worker, job: Job): Promise<Reply | string> {
    return new Promise((resolve) => {
      const onError = (error: unknown): void => settle(`the worker died: ${textOf(error)}`);
      const onExit = (code: number): void => settle(`the worker ended with code ${code}`);
      const settle = (answer: Reply | string): void => {
        stopWatching();
        worker.off('message', settle).off('error', onError).off('exit', onExit);
        resolve(answer);
      };
      const stopWatching = this.#watch(settle);
      worker.on('message', settle).on('error', onError).on('exit', onExit);
      worker.postMessage(job);
    });
  }

  /** Calls `onStall` when nothing moves in shared memory for as long as the options allow; returns what ends the watch. */
  #watch(onStall: (reason: string) => void): () => void {
    const { stallMs } = this.#options;
    const startedBefore = Atomics.load(this.#shared, STARTED);
    let lastProgress = Atomics.load(this.#shared, PROGRESS);
    let silentLooks = 0;
    const timer = setInterval(() => {
      const progress = Atomics.load(this.#shared, PROGRESS);
      silentLooks = progress === lastProgress ? silentLooks + 1 : 0;
      lastProgress = progress;
      const isRunning = Atomics.load(this.#shared, STARTED) !== startedBefore;
      if (silentLooks >= LOOKS * (isRunning ? 1 : LOADING_FACTOR)) {
        onStall(
          isRunning
            ? `no progress for ${stallMs / 1000} s`
            : `the scenario did not load in ${(stallMs * LOADING_FACTOR) / 1000} s`,
        );
      }
    }, stallMs / LOOKS);
    return () => clearInterval(timer);
  }

  #startWorker(): Worker {
    const { drain, history, simulateUrl, workerUrl } = this.#options;
    const workerData = { shared: this.#shared.buffer, drain, history, simulateUrl: simulateUrl.href };
    const worker = new Worker(workerUrl, { workerData, resourceLimits: RESOURCES });
    // Between two jobs, and while it is being ended, a worker's error must not end the process.
    worker.on('error', () => undefined);
    return worker;
  }
}

/** A user's mistake is the user's message; anything else is a fault of the harness, told with its stack as the reason. */
function refuse(failure: Extract<Reply, { kind: 'failed' }>): string {
  if (failure.isUsage) throw new UsageError(failure.message);
  return `the run broke: ${failure.stack}`;
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
