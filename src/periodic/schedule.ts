// When tasks are due: the port between PeriodicTasks, which runs them, and the two ways to reckon (due-schedule.ts, our
// own, and compat-schedule.ts, that of the reference). A schedule belongs to one instance and holds its last runs.

import type { TaskDefinition } from './task-definition.js';

export interface Schedule {
  /** Takes an enabled task in; the time until its first run begins now. @throws ConfigError for a name that is taken. */
  add(task: TaskDefinition): void;
  /** One walk over the tasks that are due, in the order in which they were added. One at a time; `end` it. */
  beginPass(): Pass;
  /** The next run of a task is due `inS` seconds from now, if not before. Its boundaries stay where they are. */
  hurry(name: string, inS: number): void;
  /** By name, in the order of adding: seconds on the schedule's clock; null: never ran and is due. */
  lastRuns(): ReadonlyMap<string, number | null>;
}

export interface Pass {
  /**
   * The next task that is due at this very moment, or null. Its last run is moved already: an error does not bring it
   * back. None comes twice in a pass, and none that stands before one that came already.
   */
  next(): DueTask | null;
  /** Seconds until the next pass is worth while: 0 to 60. */
  end(): number;
}

export interface DueTask {
  readonly task: TaskDefinition;
  /** Seconds since the instant at which it was due. */
  readonly lateS: number;
}
