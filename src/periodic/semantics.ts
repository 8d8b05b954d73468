// What may differ between us and the reference, as one object: which tasks a class has, and when they are due.
// docs/periodic-tasks.md has the differences one by one.

import type { Random, Runtime } from '../runtime/runtime.js';
import { collectAllTasks, collectTasks, type ReadMark } from './collect-tasks.js';
import { CompatSchedule, type CompatPorts } from './compat-schedule.js';
import { DueSchedule } from './due-schedule.js';
import type { Schedule } from './schedule.js';
import type { TaskDefinition } from './task-definition.js';

export interface Semantics {
  /** The tasks of `object` by its class. */
  collect(object: object, markOf: ReadMark): readonly TaskDefinition[];
  /** An empty schedule; without `runsExternal`, tasks that may run elsewhere are never due. */
  schedule(runtime: Runtime, runsExternal: boolean): Schedule;
}

/** Ours. */
export const ownSemantics: Semantics = {
  collect: collectTasks,
  schedule: ({ clock, random }, runsExternal) => new DueSchedule(clock, () => uniform(random), runsExternal),
};

/** Those of the reference, for comparing with it. */
export function compatSemantics(ports: CompatPorts): Semantics {
  return {
    collect: collectAllTasks,
    schedule: (_, runsExternal) => new CompatSchedule(ports, runsExternal),
  };
}

/** Fine enough for a jitter of whole seconds in a spacing of a year. */
const UNIFORM_STEPS = 2 ** 32;

/** [0, 1); the decision 0 means no jitter. */
function uniform(random: Random): number {
  return random.integer(UNIFORM_STEPS) / UNIFORM_STEPS;
}
