// The runner of periodic tasks: a pass at once, and the next when one is worth while, for ever. What one runner drives
// delays only itself: tasks that nothing may delay get a PeriodicTasks and a runner of their own.

import type { Runtime } from '../runtime/runtime.js';
import { DynamicLoopingCall } from './dynamic-call.js';
import type { PeriodicTasks } from './periodic-tasks.js';
import { DEFAULT_SPACING_S } from './task-definition.js';

export interface RunnerOptions<Context> {
  /** In logs. */
  readonly name: string;
  /** Called for the context of each pass. */
  context(): Context;
}

/** A runner that runs. */
export interface Runner {
  /** No further task begins; resolves when none runs any more. */
  stop(): Promise<void>;
}

/** Starts a runner; no error of a task or of a context ends it. */
export function startPeriodicTasks<Context>(
  runtime: Runtime,
  tasks: PeriodicTasks<Context>,
  options: RunnerOptions<Context>,
): Runner {
  const stopping = new AbortController();
  const pass = (): Promise<number> => tasks.runPeriodicTasks(options.context(), { signal: stopping.signal });
  const call = new DynamicLoopingCall(runtime, options.name, pass);
  const forget = tasks.onSooner(() => call.wake());
  call.start({
    periodicIntervalMaxS: DEFAULT_SPACING_S,
    retryS: 1,
    stopOnError: false,
    reportsLate: false, // the tasks do
  });
  return {
    async stop() {
      forget();
      stopping.abort('stopped');
      call.stop();
      await call.wait();
      await tasks.runsEnded();
      tasks.retire();
    },
  };
}
