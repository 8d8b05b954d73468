// PeriodicTasks: an object with periodic tasks, and the pass that runs those that are due. When that is, its schedule says.
//
// Tasks run one after the other in the order in which they were defined; only a driver's parallel tasks run beside them. No
// task ever overlaps itself: one that is due while a run of it is under way lets that instant go, and it is reported. An
// error ends the run of its task and nothing else. Who calls `runPeriodicTasks` again after the time that it returns is not
// its business; run-periodic-tasks.ts does that.

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
  readonly #schedule: Schedule;
  /** Runs under way, by the name of the task. */
  readonly #running = new Map<string, { readonly sinceMs: number; readonly ended: Promise<void> }>();
  readonly #listeners = new Set<() => void>();
  #isInPass = false;

  /** Collects the marked methods of the class; their first runs count from now. @throws ConfigError for names given twice. */
  constructor(runtime: Runtime, options: PeriodicTasksOptions = {}) {
    const { runExternalTasks = true, lateAfterS = 1, semantics = ownSemantics } = options;
    this.#runtime = runtime;
    this.#name = options.name ?? this.constructor.name;
    this.#lateAfterS = lateAfterS;
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
        await this.#begin(due, context, raiseOnError);
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

  /** Resolves when no run that is under way now is under way any more. */
  async runsEnded(): Promise<void> {
    await Promise.all([...this.#running.values()].map(({ ended }) => ended));
  }

  /** Calls `listener` whenever tasks were added, since one may be due before the time last returned. Returns its undo. */
  onAdded(listener: () => void): () => void {
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
  }

  #announce(): void {
    for (const listener of this.#listeners) listener();
  }

  /** Resolves when the run has ended, or at once when nobody waits for it. */
  async #begin({ task, lateS }: DueTask, context: Context, isRaising: boolean): Promise<void> {
    const sinceMs = this.#runtime.clock.monotonicMs();
    const running = this.#running.get(task.name);
    if (running !== undefined) {
      this.#reportSkip(task, sinceMs - running.sinceMs);
      return;
    }
    this.#reportStart(task, lateS);
    const result = this.#run(task, context, sinceMs);
    const ended = result.then(() => void this.#running.delete(task.name));
    this.#running.set(task.name, { sinceMs, ended });
    if (task.isParallel) return;
    await ended;
    const outcome = await result;
    if (isRaising && outcome.isError) throw outcome.error;
  }

  /** Never rejects. */
  async #run(task: TaskDefinition, context: Context, sinceMs: number): Promise<Outcome> {
    const outcome = await settle(() => Reflect.apply(task.body, undefined, [context]));
    const tookMs = this.#runtime.clock.monotonicMs() - sinceMs;
    if (outcome.isError) {
      const text = describeError(outcome.error);
      this.#runtime.logger.log('error', `${this.#name}: periodic task ${task.name} failed: ${text}`);
    }
    this.#emit('task-ended', task, { tookMs, failed: outcome.isError });
    return outcome;
  }

  #reportStart(task: TaskDefinition, lateS: number): void {
    const lateMs = Math.round(lateS * 1000);
    this.#emit('task-started', task, { lateMs, spacingMs: Math.round(task.spacingS * 1000) });
    if (lateS < this.#lateAfterS) return;
    this.#runtime.logger.log(
      'warning',
      `${this.#name}: periodic task ${task.name} is late by ${lateS.toFixed(3)} s`,
    );
  }

  #reportSkip(task: TaskDefinition, runningMs: number): void {
    this.#emit('task-skipped', task, { runningMs });
    const since = (runningMs / 1000).toFixed(3);
    const text = `periodic task ${task.name} is due, but its last run is under way since ${since} s`;
    this.#runtime.logger.log('warning', `${this.#name}: ${text}`);
  }

  #emit(event: string, task: TaskDefinition, detail: Readonly<Record<string, number | boolean>>): void {
    this.#runtime.probe.emit(event, { manager: this.#name, task: task.name, ...detail });
  }
}

type Outcome = { readonly isError: false } | { readonly isError: true; readonly error: unknown };

async function settle(action: () => unknown): Promise<Outcome> {
  try {
    await action();
    return { isError: false };
  } catch (error) {
    return { isError: true, error };
  }
}
