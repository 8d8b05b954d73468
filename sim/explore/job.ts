// What the main thread and a worker say to each other: one job at a time, answered by one reply. Progress is not said but
// written to shared memory, so that it is seen also when the worker answers nothing any more.

import type { TraceEvent } from '../kernel/trace.js';
import type { LoggedChange } from '../workload/logged-change.js';
import type { Plan } from './plan.js';
import type { RunSummary } from './run-summary.js';

/** Which scenario a worker is to load: a file, or that of a canary with its defect built in. */
export type Subject =
  | {
      readonly kind: 'file';
      readonly file: string;
      /** Of the chaos phase, in place of the scenario's own. */
      readonly durationS?: number;
    }
  | { readonly kind: 'canary'; readonly name: string };

/** One run. */
export interface RunJob {
  readonly kind: 'run';
  readonly subject: Subject;
  /** The seed, or with a `plan` what to call the run. */
  readonly seed: string;
  /** Null: the plan of `seed`. */
  readonly plan: Plan | null;
  /** Keep the whole trace in the worker until `forget`: a twin check may ask for it. */
  readonly keepsTrace: boolean;
}

/** Send the trace that was kept for `seed`. */
export interface TraceJob {
  readonly kind: 'trace';
  readonly seed: string;
}

/** Drop all traces that were kept. */
export interface ForgetJob {
  readonly kind: 'forget';
}

export type Job = RunJob | TraceJob | ForgetJob;

/** A worker's answer; `failed` means that the job itself is wrong (a scenario that does not load), not that the run failed. */
export type Reply =
  | { readonly kind: 'ran'; readonly summary: RunSummary }
  | { readonly kind: 'trace'; readonly events: readonly TraceEvent[] }
  | { readonly kind: 'forgotten' }
  | { readonly kind: 'failed'; readonly isUsage: boolean; readonly message: string; readonly stack: string };

/** What a worker is started with. */
export interface WorkerSetup {
  /** See PROGRESS and STARTED. */
  readonly shared: SharedArrayBuffer;
  readonly drain: 'tick' | 'immediate';
  /** Null: the history that comes with the package. */
  readonly history: readonly LoggedChange[] | null;
  /** The module that exports `simulate`. */
  readonly simulateUrl: string;
}

/** Index in the shared Int32Array: a counter that moves as long as the run goes on. */
export const PROGRESS = 0;

/** Index in the shared Int32Array: how many runs this worker has begun. */
export const STARTED = 1;

export const SHARED_BYTES = 8;
