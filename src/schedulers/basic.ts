// Schedulers that build changes: at once, or when the tree has been stable for a while.
//
// With a tree-stable timer a change is classified first (which consumes its message) together with the instant at which
// its timer is due; when the timer fires, exactly the classified changes that it builds are consumed. After a failover
// the new owner goes on with the time that was left. That instant is a wall-clock time, so it is believed only within the
// length of the timer: a skewed clock can end the wait early or start it anew, never more.
//
// An activation reads the instants alone; the changes follow in the background. What waits without a timer (it was
// classified under another configuration) is given one then.
// @source buildbot master/buildbot/schedulers/basic.py

import { ConfigError, describeError } from '../core/errors.js';
import type { JsonObject } from '../core/json.js';
import type { Change } from '../db/changes.js';
import { sleep, type Timer } from '../runtime/clock.js';
import { BaseScheduler, importanceOf, type ConsumeOptions, type SchedulerOptions } from './base.js';
import { ChangeFilter } from './change-filter.js';
import { completeCodebases } from './codebases.js';
import type { BuilderNames } from './render.js';
import { WaitingChanges } from './waiting-changes.js';

export interface BasicSchedulerOptions extends SchedulerOptions, ConsumeOptions {
  /** How long no further important change may arrive before a build, in seconds. Default 0: build at once. */
  readonly treeStableTimer?: number;
  /** Of the buildsets; default names the scheduler. */
  readonly reason?: string;
  /** Only changes of these categories; instead of a changeFilter. */
  readonly categories?: readonly (string | null)[];
}

/** Timer key to the wall-clock millisecond at which it is due. */
type Deadlines = Readonly<Record<string, number>>;

const DEADLINES = 'stable_deadlines';
const RETRY_MS = 1_000;

export abstract class BasicScheduler extends BaseScheduler {
  readonly #consumption: ConsumeOptions;
  readonly #codebaseNames: readonly string[];
  readonly #timerMs: number;
  readonly #reason: string;
  readonly #timers = new Map<string, Timer>();
  readonly #waiting = new WaitingChanges();
  #deadlines: Deadlines = {};
  /** Resolves when `#waiting` is complete, or the activity has ended. */
  #recovered: Promise<void> = Promise.resolve();

  /** @throws ConfigError */
  constructor(name: string, builderNames: BuilderNames, options: BasicSchedulerOptions) {
    super(name, builderNames, options);
    const seconds = options.treeStableTimer ?? 0;
    if (!Number.isFinite(seconds) || seconds < 0) {
      throw new ConfigError(
        `treeStableTimer of scheduler '${name}' is ${String(seconds)}, expected seconds, 0 or more`,
      );
    }
    this.#consumption = options;
    this.#codebaseNames = Object.keys(completeCodebases(name, options.codebases));
    this.#timerMs = Math.round(seconds * 1000);
    this.#reason =
      options.reason ?? `The ${this.constructor.name} scheduler named '${name}' triggered this build`;
  }

  /** The length of the tree-stable timer in milliseconds, 0 without one. */
  get treeStableTimerMs(): number {
    return this.#timerMs;
  }

  override wantsChange(change: Change): boolean {
    return importanceOf(change, this.#consumption, this.#codebaseNames) === 'important';
  }

  /** Which timer a change belongs to. */
  protected abstract timerKeyOf(change: Change): string;

  protected override async startActivity(): Promise<void> {
    await this.resume();
    this.startConsumingChanges(this.#consumption);
  }

  protected override async stopActivity(): Promise<void> {
    await this.#recovered;
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
    this.#waiting.clear();
  }

  override async gotChange(change: Change, important: boolean): Promise<void> {
    const { changeid } = change;
    if (this.#timerMs === 0) {
      if (important) await this.addBuildsetForChanges({ changeids: [changeid], reason: this.#reason });
      return;
    }
    await this.classifyChanges(new Map([[changeid, important]]));
    this.afterCommit(() => this.#waiting.add({ change, important }));
    const key = this.timerKeyOf(change);
    if (!important && !this.#timers.has(key)) return;
    await this.#setDeadlines({ ...this.#deadlines, [key]: this.clock.wallMs() + this.#timerMs });
    this.afterCommit(() => this.#startTimer(key, this.#timerMs));
  }

  /** Takes up what the last owner left: timers go on, and what is overdue is built. */
  protected async resume(): Promise<void> {
    this.#deadlines = (await this.getState<JsonObject>(DEADLINES, {})) as Deadlines;
    const now = this.clock.wallMs();
    for (const [key, dueAt] of Object.entries(this.#deadlines)) {
      this.#startTimer(key, Math.min(Math.max(dueAt - now, 0), this.#timerMs));
    }
    this.#recovered = this.#recover();
  }

  /** Reads what waits, and starts the timers that are missing; never rejects. */
  async #recover(): Promise<void> {
    const { signal } = this;
    while (!signal.aborted) {
      try {
        await this.#waiting.load((page) => this.readWaitingChanges(page));
        break;
      } catch (error) {
        if (signal.aborted) return;
        this.runtime.logger.log(
          'warning',
          `what waits for '${this.name}' is read again: ${describeError(error)}`,
        );
        await sleep(this.clock, RETRY_MS, signal);
      }
    }
    for (const { change, important } of this.#waiting.all) {
      const key = this.timerKeyOf(change);
      if (important && !signal.aborted && !this.#timers.has(key)) this.#startTimer(key, this.#timerMs);
    }
  }

  #startTimer(key: string, delayMs: number): void {
    if (this.signal.aborted) return;
    this.#timers.get(key)?.cancel();
    this.#timers.set(
      key,
      this.clock.setTimer(() => void this.#stableTimerFired(key), delayMs),
    );
  }

  async #stableTimerFired(key: string): Promise<void> {
    const timer = this.#timers.get(key);
    try {
      await this.#recovered;
      await this.act(() => this.#buildStable(key));
      if (this.#timers.get(key) === timer) this.#timers.delete(key);
    } catch (error) {
      if (this.signal.aborted) return;
      this.runtime.logger.log(
        'error',
        `tree-stable timer of '${this.name}' will fire again: ${describeError(error)}`,
      );
      if (this.#timers.get(key) === timer) this.#startTimer(key, RETRY_MS);
    }
  }

  async #buildStable(key: string): Promise<void> {
    const changes = this.#waiting.all
      .map(({ change }) => change)
      .filter((change) => this.timerKeyOf(change) === key);
    if (changes.length > 0) {
      await this.addBuildsetOfChanges(changes, { reason: this.#reason });
      await this.flushChangeClassifications(changes.map(({ changeid }) => changeid));
      this.afterCommit(() => this.#waiting.remove(changes));
    }
    if (!Object.hasOwn(this.#deadlines, key)) return;
    const { [key]: _due, ...others } = this.#deadlines;
    await this.#setDeadlines(others);
  }

  async #setDeadlines(deadlines: Deadlines): Promise<void> {
    await this.setState(DEADLINES, deadlines);
    this.afterCommit(() => {
      this.#deadlines = deadlines;
    });
  }
}

/** The conditions on branch and category of a scheduler as one filter. @throws ConfigError for both that and a filter. */
export function filterOf(
  name: string,
  { changeFilter }: ConsumeOptions,
  conditions: {
    readonly branch?: string | null | readonly (string | null)[] | undefined;
    readonly category?: readonly (string | null)[] | undefined;
  },
): ChangeFilter {
  const given = Object.entries(conditions).filter(([, condition]) => condition !== undefined);
  if (changeFilter === undefined) return new ChangeFilter(Object.fromEntries(given));
  if (given.length === 0) return changeFilter;
  const words = given.map(([field]) => field).join(' and ');
  throw new ConfigError(
    `scheduler '${name}' has a changeFilter and conditions on ${words}, expected one of them`,
  );
}
