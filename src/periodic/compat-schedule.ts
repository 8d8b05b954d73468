// The reckoning of the reference (oslo.service), with what we do otherwise on purpose switched off: for comparing, not for
// use. It is another schedule, so that nothing of ours asks whether it is on.
//
// What it does as the reference does: times are doubles, in seconds, of whatever clock it is given; the first run counts
// from `loadedAtS`, the import of the module; tasks of one name share their last run, and the spacing of the last of
// them; the time to idle after a run is the whole spacing, and what slow tasks used up is not taken off.

import { jitterS, nearestBoundary } from './boundary.js';
import type { DueTask, Pass, Schedule } from './schedule.js';
import { DEFAULT_SPACING_S, type TaskDefinition } from './task-definition.js';

/** Where time and jitter come from. */
export interface CompatPorts {
  /** Seconds; may step backwards. */
  nowS(): number;
  /** [0, 1]; drawn once for each run but a task's first that is immediate. */
  uniform(): number;
  /** Seconds: when the tasks were defined. */
  readonly loadedAtS: number;
}

export class CompatSchedule implements Schedule {
  readonly #ports: CompatPorts;
  readonly #runsExternal: boolean;
  readonly #tasks: TaskDefinition[] = [];
  readonly #spacings = new Map<string, number>();
  readonly #lastRuns = new Map<string, number | null>();

  constructor(ports: CompatPorts, runsExternal: boolean) {
    this.#ports = ports;
    this.#runsExternal = runsExternal;
  }

  add(task: TaskDefinition): void {
    this.#tasks.push(task);
    this.#spacings.set(task.name, task.spacingS);
    this.#lastRuns.set(task.name, task.runImmediately ? null : this.#ports.loadedAtS);
  }

  beginPass(): Pass {
    let position = 0;
    let idleS = DEFAULT_SPACING_S;
    const next = (): DueTask | null => {
      while (position < this.#tasks.length) {
        const task = this.#tasks[position++] as TaskDefinition;
        if (task.isExternalOk && !this.#runsExternal) continue;
        const spacingS = this.#spacings.get(task.name) ?? task.spacingS;
        const dueInS = this.#dueInS(task.name, spacingS);
        idleS = Math.min(idleS, spacingS, dueInS > 0 ? dueInS : spacingS);
        if (dueInS <= 0) return this.#run(task, spacingS, -dueInS);
      }
      return null;
    };
    return { next, end: () => idleS };
  }

  /** The reference cannot: a task comes when it comes. */
  hurry(): void {}

  lastRuns(): ReadonlyMap<string, number | null> {
    return this.#lastRuns;
  }

  #dueInS(name: string, spacingS: number): number {
    const lastRun = this.#lastRuns.get(name) ?? null;
    return lastRun === null ? 0 : lastRun + spacingS - this.#ports.nowS();
  }

  #run(task: TaskDefinition, spacingS: number, lateS: number): DueTask {
    const lastRun = this.#lastRuns.get(task.name) ?? null;
    const nowS = this.#ports.nowS();
    const jitter = lastRun === null ? 0 : jitterS(spacingS, this.#ports.uniform());
    this.#lastRuns.set(task.name, nearestBoundary(nowS, lastRun, spacingS, jitter));
    return { task, lateS };
  }
}
