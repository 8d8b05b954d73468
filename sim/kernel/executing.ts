// Which run is executing on this thread at this moment: the one piece of module state that the guard looks at.
//
// A run is "executing" from the start of an event until the drain after it has ended. Between events of the
// `setImmediate` drain, and before and after a run, nothing is executing and the guard passes everything through.

import type { GuardPolicy } from './guard-policy.js';
import type { NodeProcess } from './process.js';

/** What the guard needs to know of the run that is executing. */
export interface Execution {
  /** The process whose event this is; null in an event of the world. */
  readonly currentProcess: NodeProcess | null;
  /** Host code inside `Kernel.host`: everything passes through. */
  readonly isHost: boolean;
  readonly guard: GuardPolicy;
  /** Runs `action` as host code. */
  host<T>(action: () => T): T;
  /** Counts one use of the ambient global `name`. */
  countAmbient(name: string): void;
  /** What was thrown in a callback of `process`; null: of the world or the host, which ends the run. */
  threw(process: NodeProcess | null, error: unknown): void;
}

/** The run that is executing, or null. */
export let executing: Execution | null = null;

/** For the kernel only. */
export function setExecuting(execution: Execution | null): void {
  executing = execution;
}
