// PeriodicTasks: an object with periodic tasks, and the pass that runs those that are due. When that is, its schedule says.
//
// Tasks run one after the other in the order in which they were defined; only parallel tasks run beside them. No task ever
// overlaps itself: one that is due while a run of it is under way lets that instant go, and it is reported; one that is
// woken then runs again when that run has ended. An error ends the run of its task and nothing else. Who calls `runPeriodicTasks` again after the time that it returns is not
// its business; run-periodic-tasks.ts does that.

import type { JsonObject } from '../core/json.js';
import { ConfigError, describeError, StandinError } from '../core/errors.js';
import type { Runtime } from '../runtime/runtime.js';
import { collectTasks } from './collect-tasks.js';
import { driverTaskOf } from './driver-periodic-task.js';
import { taskOf } from './periodic-task.js';
import type { DueTask, Schedule } from './schedule.js';
import { ownSemantics, type Semantics } from './semantics.js';
import { inWords, type TaskBody, type TaskDefinition } from './task-definition.js';

export interface PeriodicTasksOptions {
  /** In logs and errors. Default: the name of the class. */
  readonly name?: string;
  /** False leaves tasks with `externalProcessOk` to another process. Default true. */
  readonly runExternalTasks?: boolean;
  /** A run that begins so much later than it was due is logged as late, seconds. Default 1. */
  readonly lateAfterS?: number;
  readonly semantics?: Semantics;
}

export interface PassOptions {
  /** The first error of a task ends the pass and is thrown. Default false: errors are logged. */
  readonly raiseOnError?: boolean;
  /** Once it has aborted, no further task of the pass begins. */
  readonly signal?: AbortSignal;
}

/** A pass was to begin while another one of the same object was under way. */
export class PassUnderWayError extends StandinError {
  constructor(owner: string) {
    super('pass-under-way', `${owner}: a pass over the periodic tasks is under way, expected one at a time`, {
      isRetryable: true,
    });
  }
}

export class PeriodicTasks<Context = unknown> {
  readonly #runtime: Runtime;
  readonly #name: string;
  readonly #lateAfterS: number;
  readonly #runsExternal: boolean;
  readonly #schedule: Schedule;
  /** Runs under way, by the name of the task. */
  readonly #running = new Map<string, Run>();
  /** Tasks that were woken and have not begun since. */
  readonly #woken = new Set<string>();
  readonly #listeners = new Set<() => void>();
  #isInPass = false;

  /** Collects the marked methods of the class; their first runs count from now. @throws ConfigError for names given twice. */
  constructor(runtime: Runtime, options: PeriodicTasksOptions = {}) {
    const { runExternalTasks = true, lateAfterS = 1, semantics = ownSemantics } = options;
    this.#runtime = runtime;
    this.#name = options.name ?? this.constructor.name;
    this.#lateAfterS = lateAfterS;
    this.#runsExternal = runExternalTasks;
    this.#schedule = semantics.schedule(runtime, runExternalTasks);
    for (const task of semantics.collect(this, taskOf)) this.#add(task, this);
  }

  /**
   * Runs the tasks that are due, each with `context`. Resolves when they have ended (parallel ones: have begun).
   * @returns seconds until the next pass is worth while, 0 to 60.
   * @throws PassUnderWayError, and with `raiseOnError` what a task threw: the tasks behind it were not run then.
   */
  async runPeriodicTasks(context: Context, options: PassOptions = {}): Promise<number> {
    const { raiseOnError = false, signal } = options;
    if (this.#isInPass) throw new PassUnderWayError(this.#name);
    this.#isInPass = true;
    const pass = this.#schedule.beginPass();
    let idleS = 0;
    try {
      while (signal?.aborted !== true) {
        const due = pass.next();
        if (due === null) break;
        const run = this.#begin(due, context);
        // What is parallel is not even awaited: tasks that are due together begin together, and can share a round trip.
        if (run === null || due.task.isParallel) continue;
        const outcome = await run;
        if (raiseOnError && outcome.isError) throw outcome.error;
      }
    } finally {
      idleS = pass.end();
      this.#isInPass = false;
    }
    return idleS;
  }

  /**
   * Adds a function that `periodicTask` has marked to this instance only; one that is disabled is left out. Its first run
   * counts from now. It is called with this object as `this`, and the context.
   * @throws ConfigError when it is not marked, or its name is taken.
   */
  addPeriodicTask(body: TaskBody): void {
    const task = taskOf(body);
    if (task === null) {
      throw new ConfigError(
        `${this.#name}: ${inWords(body)} is no periodic task (did you mean periodicTask?)`,
      );
    }
    this.#add(task, this);
    this.#announce();
  }

  /**
   * Adds the tasks that `driverPeriodicTask` has marked in the class of `driver`, called `name`.`task`. They are called with
   * the driver as `this`, this object and the context.
   * @throws ConfigError when a name is taken: drivers of one class need names of their own.
   */
  addDriverTasks(driver: object, name: string = driver.constructor.name): void {
    for (const task of collectTasks(driver, driverTaskOf)) {
      this.#add({ ...task, name: `${name}.${task.name}` }, driver, [this]);
    }
    this.#announce();
  }

  /** Seconds on the monotonic clock at which each enabled task counts as having run last, by name; null: not yet, and due. */
  get lastRuns(): ReadonlyMap<string, number | null> {
    return this.#schedule.lastRuns();
  }

  /** The next run of a task begins as soon as its manager's runner gets to it, or right after the one under way. */
  wake(name: string): void {
    this.#woken.add(name);
    if (!this.#running.has(name)) this.#hurry(name, 0);
  }

  /** To be called when its tasks are not run any more: nobody is to wait for them. */
  retire(): void {
    for (const task of this.#schedule.lastRuns().keys())
      this.#emit('task-retired', { manager: this.#name, task });
  }

  /** Resolves when no run that is under way now is under way any more. */
  async runsEnded(): Promise<void> {
    await Promise.all([...this.#running.values()].map(({ ended }) => ended));
  }

  /** Calls `listener` whenever a task may have come to be due before the time last returned. Returns its undo. */
  onSooner(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #add(task: TaskDefinition, self: object, first: readonly unknown[] = []): void {
    if (!task.isEnabled) {
      this.#runtime.logger.log('info', `${this.#name}: periodic task ${task.name} is disabled`);
      return;
    }
    const body = (context: Context): unknown => Reflect.apply(task.body, self, [...first, context]);
    this.#schedule.add({ ...task, body });
    if (this.#runsExternal || !task.isExternalOk) this.#reportTask(task);
  }

  #announce(): void {
    for (const listener of this.#listeners) listener();
  }

  #hurry(name: string, inS: number): void {
    this.#schedule.hurry(name, inS);
    this.#announce();
  }

  /** The run that has begun; null when the one before is still under way. */
  #begin({ task, lateS }: DueTask, context: Context): Promise<Outcome> | null {
    const sinceMs = this.#runtime.clock.monotonicMs();
    const running = this.#running.get(task.name);
    if (running !== undefined) {
      this.#reportSkip(task, sinceMs - running.sinceMs);
      return null;
    }
    this.#reportStart(task, lateS);
    const run: Run = { sinceMs, ended: NOT_BEGUN };
    this.#running.set(task.name, run);
    const ended = this.#run(task, context, run);
    run.ended = ended;
    return ended;
  }

  /** Never rejects. */
  async #run(task: TaskDefinition, context: Context, run: Run): Promise<Outcome> {
    let outcome: Outcome = DONE;
    try {
      await (task.body as (context: Context) => unknown)(context);
    } catch (error) {
      outcome = { isError: true, error };
      this.#runtime.logger.log('error', `${this.#label(task)} failed: ${describeError(error)}`);
    }
    const tookMs = this.#runtime.clock.monotonicMs() - run.sinceMs;
    this.#emit('task-ended', { manager: this.#name, task: task.name, tookMs, failed: outcome.isError });
    this.#running.delete(task.name);
    if (this.#woken.has(task.name)) this.#hurry(task.name, 0);
    else if (outcome.isError && task.retryS !== null)
      this.#hurry(task.name, Math.max(0, task.retryS - tookMs / 1000));
    return outcome;
  }

  #reportTask(task: TaskDefinition): void {
    const { runImmediately: immediate, isJittered: jitter, isParallel: parallel } = task;
    const spacingMs = Math.round(task.spacingS * 1000);
    const retryMs = task.retryS === null ? spacingMs : Math.round(task.retryS * 1000);
    const rule = { spacingMs, retryMs, immediate, jitter, parallel };
    this.#emit('task-added', { manager: this.#name, task: task.name, ...rule });
  }

  #reportStart(task: TaskDefinition, lateS: number): void {
    const lateMs = Math.round(lateS * 1000);
    const woken = this.#woken.delete(task.name);
    this.#emit('task-started', { manager: this.#name, task: task.name, lateMs, woken });
    if (lateS < this.#lateAfterS) return;
    this.#runtime.logger.log('warning', `${this.#label(task)} is late by ${lateS.toFixed(3)} s`);
  }

  #reportSkip(task: TaskDefinition, runningMs: number): void {
    this.#emit('task-skipped', { manager: this.#name, task: task.name, runningMs });
    const since = (runningMs / 1000).toFixed(3);
    const text = `is due, but its last run is under way since ${since} s`;
    this.#runtime.logger.log('warning', `${this.#label(task)} ${text}`);
  }

  /** A manager of one task is called as its task is. */
  #label({ name }: TaskDefinition): string {
    return name === this.#name ? name : `${this.#name}: periodic task ${name}`;
  }

  #emit(event: string, detail: JsonObject): void {
    this.#runtime.probe.emit(event, detail);
  }
}

/** A run under way. */
interface Run {
  readonly sinceMs: number;
  ended: Promise<Outcome>;
}

type Outcome = { readonly isError: false } | { readonly isError: true; readonly error: unknown };

const DONE: Outcome = { isError: false };
/** Until a run has a promise of its own. */
const NOT_BEGUN = Promise.resolve(DONE);
