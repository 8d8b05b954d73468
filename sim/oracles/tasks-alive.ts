// G12 tasks-alive: a periodic task never overlaps itself, keeps its spacing, and outlives its own errors.
//
// Due is reckoned anew, by the rule with which the task was added and by the clock of its process as the simulator knows it:
// to the millisecond, whatever that clock's rate. Of what a run says of itself one thing is believed: that it was woken.
// Jitter is not seen, so the boundary of a task that has it lies in an interval. Every 10 s, last run counted at 100:
//
//   begins at 110, at 123 when kept until then, or twice between (woken)   right; due at 120, 130, 120
//   begins at 123, ends at 124, begins at 133                              late since 130: it counts from the run
//   begins at 123 after a run of another of its manager that ended at 115  late since 120
//   fails at 112, retry 1 s: begins at 111, or not by 112.1                early; dead
//   fails at 112, no retry: not begun by 120.1 (and 2 % for its clock)     dead
//   begins at 105 and nobody woke it                                       early
//   parallel, begins at 110, lets 120 go, fails at 124                     right when it begins at 130
//   is under way for more than 300 s that its process ran                  hung
//
// What keeps a task: its process is paused, or a run of a task of the same manager for which that waits (not a parallel one).

import { formatUs } from '../report/virtual-time.js';
import {
  NO_VIOLATIONS,
  type HistoryEvent,
  type LifeHistoryEvent,
  type Oracle,
  type OracleRun,
  type TaskHistoryEvent,
  type TaskRule,
  type Violation,
} from './history.js';
import { nameProcess } from './sentences.js';

const NAME = 'tasks-alive';
/** From the instant at which nothing keeps a task that is due to its beginning; timers count whole milliseconds. */
const SLACK_MS = 100;
/** A run has several deadlines of the database, 30 s each, and then some. */
const LONGEST_RUN_MS = 300_000;
const LONGEST_WITHOUT_JITTER_MS = 20_000;

export const tasksAlive: Oracle = { name: NAME, start: () => new TasksAliveRun() };

/** One instant by both clocks. */
interface Instant {
  readonly atUs: number;
  /** Of the process. */
  readonly ms: number;
}

/** Tasks that may keep each other. */
interface Manager {
  /** Runs under way that the others wait for. */
  busy: number;
  idle: Instant;
}

interface Task {
  readonly name: string;
  readonly process: string;
  readonly manager: Manager;
  readonly rule: TaskRule;
  /** What counts as its last run lies in here; null: it never ran and is due at once. */
  last: { readonly lowMs: number; readonly highMs: number } | null;
  began: Instant | null;
  isRunning: boolean;
  hasFailed: boolean;
  /** When it was added, or its last run ended. */
  idle: Instant;
}

class TasksAliveRun implements OracleRun {
  checks = 0;
  readonly #tasks = new Map<string, Task>();
  /** Since when each process runs without a break; missing while it is paused, and when it stops. */
  readonly #runningSinceUs = new Map<string, number>();
  readonly #managers = new Map<string, Manager>();
  /** Before this instant nothing is overdue. */
  #overdueUs = Number.POSITIVE_INFINITY;

  observe(event: HistoryEvent): readonly Violation[] {
    const overdue = event.atUs > this.#overdueUs ? this.#judge(event.atUs) : NO_VIOLATIONS;
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
        this.#overdueUs = event.atUs;
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
    for (const [key, task] of this.#tasks) if (task.process === process) this.#tasks.delete(key);
    for (const key of this.#managers.keys()) if (key.startsWith(`${process}/`)) this.#managers.delete(key);
  }

  #follow(event: TaskHistoryEvent): Violation | null {
    const process = nameProcess(event);
    if (!this.#runningSinceUs.has(process)) return null; // it stops
    const key = `${process}/${event.manager}/${event.task}`;
    if (event.what === 'added') return this.#add(key, process, event);
    const task = this.#tasks.get(key);
    if (task === undefined) return null;
    const now = { atUs: event.atUs, ms: event.monotonicMs };
    switch (event.what) {
      case 'started':
        return this.#begin(task, now, event.flag);
      case 'skipped':
        return this.#skip(task, now);
      case 'ended':
        return this.#end(task, now, event.flag);
      case 'retired':
        this.#tasks.delete(key);
        return null;
    }
  }

  #add(key: string, process: string, event: TaskHistoryEvent): null {
    const { atUs, monotonicMs: ms, rule } = event;
    if (rule === null) return null;
    const idle = { atUs, ms };
    const managerKey = `${process}/${event.manager}`;
    const manager = this.#managers.get(managerKey) ?? { busy: 0, idle };
    this.#managers.set(managerKey, manager);
    const last = rule.immediate ? null : { lowMs: ms, highMs: ms };
    const times = { last, began: null, isRunning: false, hasFailed: false, idle };
    const task = { name: event.task, process, manager, rule, ...times };
    this.#tasks.set(key, task);
    this.#expect(task);
    return null;
  }

  #begin(task: Task, now: Instant, isWoken: boolean): Violation | null {
    this.checks++;
    const wrong = task.isRunning ? overlap(task, now) : this.#mistimed(task, now, isWoken);
    moveLast(task, now.ms, this.#longestWaitMs(task, now, isWoken));
    task.isRunning = true;
    task.began = now;
    if (!task.rule.parallel) task.manager.busy++;
    this.#expect(task);
    return wrong;
  }

  #mistimed(task: Task, now: Instant, isWoken: boolean): Violation | null {
    const { rule, last, began, manager } = task;
    const isRetry = isRetried(task) && now.ms >= (began?.ms ?? 0) + rule.retryMs;
    if (last !== null && now.ms < last.lowMs + rule.spacingMs && !isWoken && !isRetry)
      return violation(task, now, `began, was due ${formatMs(last.lowMs + rule.spacingMs - now.ms)} later`);
    const freeMs = Math.max(dueMs(task), manager.idle.ms, task.idle.ms);
    const sinceUs = this.#runningSinceUs.get(task.process) ?? now.atUs;
    const lateMs = Math.min(now.ms - freeMs, (now.atUs - sinceUs) / 1000);
    if (lateMs <= SLACK_MS) return null;
    return violation(task, now, `began, ${formatMs(now.ms - freeMs)} late although nothing kept it`);
  }

  #skip(task: Task, now: Instant): Violation | null {
    if (!task.isRunning) return violation(task, now, 'was left out although no run of it was under way');
    moveLast(task, now.ms, Number.POSITIVE_INFINITY);
    return null;
  }

  /** A run that begins has been due for so long at most; null when that cannot be told. */
  #longestWaitMs(task: Task, now: Instant, isWoken: boolean): number | null {
    const { manager, idle, process } = task;
    if (isWoken || isRetried(task)) return null;
    const sinceUs = this.#runningSinceUs.get(process) ?? now.atUs;
    const isKept =
      Math.min(now.ms - manager.idle.ms, now.ms - idle.ms, (now.atUs - sinceUs) / 1020) <= SLACK_MS;
    return isKept ? Number.POSITIVE_INFINITY : SLACK_MS;
  }

  #end(task: Task, now: Instant, hasFailed: boolean): null {
    if (!task.rule.parallel) {
      task.manager.busy = Math.max(0, task.manager.busy - 1);
      task.manager.idle = now;
    }
    task.isRunning = false;
    task.hasFailed = hasFailed;
    task.idle = now;
    this.#expect(task);
    return null;
  }

  #expect(task: Task): void {
    this.#overdueUs = Math.min(this.#overdueUs, this.#deadlineUs(task) ?? Number.POSITIVE_INFINITY);
  }

  #judge(atUs: number): readonly Violation[] {
    const violations: Violation[] = [];
    this.#overdueUs = Number.POSITIVE_INFINITY;
    for (const [key, task] of this.#tasks) {
      const deadlineUs = this.#deadlineUs(task);
      if (deadlineUs === null) continue;
      if (atUs <= deadlineUs) {
        this.#overdueUs = Math.min(this.#overdueUs, deadlineUs);
        continue;
      }
      this.#tasks.delete(key);
      violations.push(missing(task, deadlineUs));
    }
    return violations;
  }

  /** Until when it has to end, or to begin; null while something keeps it. */
  #deadlineUs(task: Task): number | null {
    const sinceUs = this.#runningSinceUs.get(task.process);
    if (sinceUs === undefined) return null;
    const { manager, idle } = task;
    if (task.isRunning) return Math.max(sinceUs, task.began?.atUs ?? 0) + LONGEST_RUN_MS * 1000;
    if (manager.busy > 0) return null;
    const freeUs = Math.max(sinceUs, manager.idle.atUs, idle.atUs, dueUs(task));
    return Math.ceil(freeUs + SLACK_MS * 1020);
  }
}

/** The latest instant at which it can be due, by the clock of its process. */
function dueMs(task: Task): number {
  const { last, rule, began, idle } = task;
  if (last === null) return idle.ms;
  const regularMs = last.highMs + rule.spacingMs;
  return isRetried(task) && began !== null ? Math.min(regularMs, began.ms + rule.retryMs) : regularMs;
}

/** Whether its last run failed, and it is to come sooner for that. */
function isRetried({ hasFailed, rule }: Task): boolean {
  return hasFailed && rule.retryMs < rule.spacingMs;
}

/** The same by true time: clocks may run 1 % slow, and begin to at any time. */
function dueUs(task: Task): number {
  return task.idle.atUs + Math.max(0, dueMs(task) - task.idle.ms) * 1020;
}

/**
 * A run at `ms` counts as the last multiple of the spacing that is not in the future, and the jitter more. For how long it
 * was due, at most, tells more of where the last one lies.
 */
function moveLast(task: Task, ms: number, longestWaitMs: number | null): void {
  const { last, rule } = task;
  const { spacingMs } = rule;
  if (last === null) {
    task.last = { lowMs: ms, highMs: ms };
    return;
  }
  let { lowMs, highMs } = last;
  if (longestWaitMs !== null) {
    highMs = Math.max(lowMs, Math.min(highMs, ms - spacingMs));
    lowMs = Math.min(highMs, Math.max(lowMs, ms - spacingMs - longestWaitMs));
  }
  const passed = Math.floor((ms - lowMs) / spacingMs);
  // When the run may have been the first since a boundary or the last before it, all that is known is that it was one.
  const isCertain = passed === Math.floor((ms - highMs) / spacingMs);
  task.last = {
    lowMs: isCertain ? lowMs + spacingMs * passed : ms - spacingMs + 1,
    highMs: (isCertain ? highMs + spacingMs * passed : ms) + longestJitterMs(rule),
  };
}

/** Whole seconds, less than a twentieth of the spacing. */
function longestJitterMs({ jitter, spacingMs }: TaskRule): number {
  if (!jitter || spacingMs <= LONGEST_WITHOUT_JITTER_MS) return 0;
  return (Math.ceil(spacingMs / 20_000) - 1) * 1000;
}

function overlap(task: Task, now: Instant): Violation {
  return violation(task, now, 'began while its last run was under way');
}

function missing(task: Task, deadlineUs: number): Violation {
  const { began, hasFailed, isRunning } = task;
  const now = { atUs: deadlineUs, ms: 0 };
  if (isRunning) return violation(task, now, `was still under way, since ${formatUs(began?.atUs ?? 0)}`);
  const why = hasFailed ? 'since a run that failed' : 'although nothing kept it';
  return violation(task, now, `had not begun, due at ${formatUs(dueUs(task))} at the latest, ${why}`);
}

function violation({ name, process, rule }: Task, { atUs }: Instant, what: string): Violation {
  const message = `${name} of ${process}, every ${formatMs(rule.spacingMs)}: at ${formatUs(atUs)} it ${what}`;
  return { guarantee: NAME, atUs, message, subject: name };
}

function formatMs(ms: number): string {
  return formatUs(Math.round(ms * 1000));
}
