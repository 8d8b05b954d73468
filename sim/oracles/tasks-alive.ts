// G12 tasks-alive: a periodic task never overlaps itself, keeps its spacing, and outlives its own errors.
//
// A task is due at multiples of its spacing after its first run (with 5 % of jitter above 20 s); a run that is late shifts
// none of those that follow. While its process runs and no task of the same manager is under way, a task that is due has to
// begin within the slack. Between runs nothing else is asked: a task may be woken, and after an error it may come sooner.
// Runs are known by the probe; nothing that it says of lateness is believed.

import { formatUs } from '../report/virtual-time.js';
import {
  NO_VIOLATIONS,
  type HistoryEvent,
  type LifeHistoryEvent,
  type Oracle,
  type OracleRun,
  type TaskHistoryEvent,
  type Violation,
} from './history.js';
import { nameProcess } from './sentences.js';

const NAME = 'tasks-alive';
/** What a task that is due may wait for: clocks that run 1 % slow come on top. */
const SLACK_US = 1_500_000;
const LONGEST_WITHOUT_JITTER_MS = 20_000;

export const tasksAlive: Oracle = { name: NAME, start: () => new TasksAliveRun() };

interface Task {
  readonly name: string;
  readonly process: string;
  /** By process and manager: who may keep it waiting. */
  readonly manager: string;
  spacingUs: number;
  /** Where its spacing counts from; see `moveBoundary`. */
  boundaryUs: number;
  /** How many runs in a row came a spacing after the one before; from two on the boundary is certain. */
  regular: number;
  /** When its last run began. */
  beganUs: number;
  isRunning: boolean;
  hasFailed: boolean;
}

class TasksAliveRun implements OracleRun {
  checks = 0;
  readonly #tasks = new Map<string, Task>();
  /** Since when each process runs without a break; missing while it is paused. */
  readonly #runningSinceUs = new Map<string, number>();
  /** By manager: how many of its tasks are under way, and when the last one ended. */
  readonly #managers = new Map<string, { busy: number; idleSinceUs: number }>();
  /** Before this instant nothing is overdue. */
  #dueUs = Number.POSITIVE_INFINITY;

  observe(event: HistoryEvent): readonly Violation[] {
    const overdue = event.atUs > this.#dueUs ? this.#judge(event.atUs) : NO_VIOLATIONS;
    if (event.kind === 'life') this.#live(event);
    if (event.kind !== 'task') return overdue;
    const found = this.#follow(event);
    return found === null ? overdue : [...overdue, found];
  }

  finish(atUs: number): readonly Violation[] {
    return this.#judge(atUs);
  }

  #live(event: LifeHistoryEvent): void {
    const process = nameProcess(event);
    switch (event.what) {
      case 'start':
      case 'resume':
        this.#runningSinceUs.set(process, event.atUs);
        this.#dueUs = event.atUs;
        break;
      case 'pause':
        this.#runningSinceUs.delete(process);
        break;
      case 'crash':
      case 'exit':
      case 'stop':
        this.#forget(process);
        break;
      default: // a clock was set, or a start is complete: nothing begins or ends
    }
  }

  #forget(process: string): void {
    this.#runningSinceUs.delete(process);
    for (const [key, task] of this.#tasks) {
      if (task.process !== process) continue;
      this.#tasks.delete(key);
      this.#managers.delete(task.manager);
    }
  }

  #follow(event: TaskHistoryEvent): Violation | null {
    const process = nameProcess(event);
    if (!this.#runningSinceUs.has(process)) return null; // it stops
    const key = `${process}/${event.manager}/${event.task}`;
    if (event.what === 'started') return this.#begin(key, process, event);
    const task = this.#tasks.get(key);
    if (task === undefined) return null;
    if (event.what === 'ended') this.#end(task, event);
    if (event.what === 'retired') this.#tasks.delete(key);
    return null;
  }

  #begin(key: string, process: string, event: TaskHistoryEvent): Violation | null {
    const { atUs, task: name, spacingMs } = event;
    this.checks++;
    const spacingUs = spacingMs * 1000;
    const before = this.#tasks.get(key);
    const manager = `${process}/${event.manager}`;
    const state = this.#managers.get(manager) ?? { busy: 0, idleSinceUs: atUs };
    this.#managers.set(manager, state);
    state.busy++;
    if (before === undefined) {
      const begun = { boundaryUs: atUs, regular: 0, beganUs: atUs, isRunning: true, hasFailed: false };
      this.#tasks.set(key, { name, process, manager, spacingUs, ...begun });
      return null;
    }
    const wasRunning = before.isRunning;
    before.isRunning = true;
    moveBoundary(before, atUs, 4 * (atUs - state.idleSinceUs) < spacingUs);
    before.spacingUs = spacingUs;
    if (!wasRunning) return null;
    const message = `${name} of ${process} began at ${formatUs(atUs)} while its last run was under way`;
    return { guarantee: NAME, atUs, message, subject: name };
  }

  #end(task: Task, { atUs, failed }: TaskHistoryEvent): void {
    const state = this.#managers.get(task.manager);
    if (state !== undefined) {
      state.busy = Math.max(0, state.busy - 1);
      state.idleSinceUs = atUs;
    }
    task.isRunning = false;
    task.hasFailed = failed;
    this.#dueUs = Math.min(this.#dueUs, deadlineOf(task));
  }

  #judge(atUs: number): readonly Violation[] {
    const violations: Violation[] = [];
    this.#dueUs = Number.POSITIVE_INFINITY;
    for (const [key, task] of this.#tasks) {
      const deadlineUs = this.#deadline(task);
      if (deadlineUs === null) continue;
      if (atUs <= deadlineUs) {
        this.#dueUs = Math.min(this.#dueUs, deadlineUs);
        continue;
      }
      this.#tasks.delete(key);
      const { name, process, spacingUs, boundaryUs, hasFailed } = task;
      const why = hasFailed ? 'since a run that failed' : 'although nothing kept it';
      const message =
        `${name} of ${process}, every ${formatUs(spacingUs)}, was due at ${formatUs(boundaryUs + spacingUs)} and had not ` +
        `begun by ${formatUs(deadlineUs)}, ${why}`;
      violations.push({ guarantee: NAME, atUs: deadlineUs, message, subject: name });
    }
    return violations;
  }

  /** Until when it has to begin; null while something keeps it. */
  #deadline(task: Task): number | null {
    const sinceUs = this.#runningSinceUs.get(task.process);
    const manager = this.#managers.get(task.manager);
    if (sinceUs === undefined || manager === undefined || manager.busy > 0) return null;
    return Math.max(deadlineOf(task), sinceUs + SLACK_US, manager.idleSinceUs + SLACK_US);
  }
}

/**
 * Where the spacing of a task counts from after a run that began at `atUs`. From a boundary that is certain it is the last
 * multiple, so that a run that was late or woken shifts nothing. After many missed ones, or in the second half of a
 * spacing, nobody can tell on drifting clocks: then it counts from the run, until two runs in a row have come a spacing
 * after the one before, and nothing kept them.
 */
function moveBoundary(task: Task, atUs: number, wasKept: boolean): void {
  const { boundaryUs, spacingUs, beganUs } = task;
  const passedUs = atUs - boundaryUs;
  const sinceUs = passedUs % spacingUs;
  const isRegular = !wasKept && 50 * Math.abs(atUs - beganUs - spacingUs) <= spacingUs;
  const isOnGrid = task.regular >= 2 && passedUs < 5 * spacingUs && 2 * sinceUs < spacingUs;
  task.boundaryUs = isOnGrid ? Math.min(atUs, atUs - sinceUs + Math.floor(passedUs / 50)) : atUs;
  task.regular = isRegular ? task.regular + 1 : isOnGrid ? task.regular : 0;
  task.beganUs = atUs;
}

function deadlineOf({ boundaryUs, spacingUs }: Task): number {
  const jitterPercent = spacingUs > LONGEST_WITHOUT_JITTER_MS * 1000 ? 5 : 0;
  return boundaryUs + Math.ceil((spacingUs * (101 + jitterPercent)) / 100) + SLACK_US;
}
