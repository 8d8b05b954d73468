// Schedulers that build changes: at once, or when the tree has been stable for a while.
//
// With a tree-stable timer a change is classified first (which consumes its message) together with the instant at which
// its timer is due; when the timer fires, exactly the classified changes that it builds are consumed. After a failover
// the new owner goes on with the time that was left. That instant is a wall-clock time, so it is believed only within the
// length of the timer: a skewed clock can end the wait early or start it anew, never more.
// @source buildbot master/buildbot/schedulers/basic.py

import { ConfigError } from '../core/errors.js';
import type { JsonObject } from '../core/json.js';
import type { Change } from '../db/changes.js';
import type { Timer } from '../runtime/clock.js';
import { describeError } from '../core/errors.js';
import { BaseScheduler, importanceOf, type ConsumeOptions, type SchedulerOptions } from './base.js';

export interface BasicSchedulerOptions extends SchedulerOptions, ConsumeOptions {
  /** How long no further important change may arrive before a build, in seconds. Default 0: build at once. */
  readonly treeStableTimer?: number;
  /** Of the buildsets; default names the scheduler. */
  readonly reason?: string;
}

/** Timer key to the wall-clock millisecond at which it is due. */
type Deadlines = Readonly<Record<string, number>>;

const DEADLINES = 'stable_deadlines';
const RETRY_MS = 1_000;

export abstract class BasicScheduler extends BaseScheduler {
  readonly #options: BasicSchedulerOptions;
  readonly #timerMs: number;
  readonly #reason: string;
  readonly #timers = new Map<string, Timer>();
  #deadlines: Deadlines = {};

  /** @throws ConfigError */
  constructor(name: string, builderNames: readonly string[], options: BasicSchedulerOptions) {
    super(name, builderNames, options);
    const seconds = options.treeStableTimer ?? 0;
    if (!Number.isFinite(seconds) || seconds < 0) {
      throw new ConfigError(
        `treeStableTimer of scheduler '${name}' is ${String(seconds)}, expected seconds, 0 or more`,
      );
    }
    this.#options = options;
    this.#timerMs = Math.round(seconds * 1000);
    this.#reason =
      options.reason ?? `The ${this.constructor.name} scheduler named '${name}' triggered this build`;
  }

  /** The length of the tree-stable timer in milliseconds, 0 without one. */
  get treeStableTimerMs(): number {
    return this.#timerMs;
  }

  override wantsChange(change: Change): boolean {
    return (
      importanceOf(change, this.#options, Object.keys(this.#options.codebases ?? { '': {} })) === 'important'
    );
  }

  /** Which timer a change belongs to. */
  protected abstract timerKeyOf(change: Change): string;

  protected override async startActivity(): Promise<void> {
    await this.resume();
    this.startConsumingChanges(this.#options);
  }

  protected override async stopActivity(): Promise<void> {
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
  }

  override async gotChange(change: Change, important: boolean): Promise<void> {
    if (this.#timerMs === 0) {
      if (important) await this.addBuildsetForChanges({ changeids: [change.changeid], reason: this.#reason });
      return;
    }
    await this.classifyChanges(new Map([[change.changeid, important]]));
    const key = this.timerKeyOf(change);
    if (!important && !this.#timers.has(key)) return;
    const dueAt = this.clock.wallMs() + this.#timerMs;
    await this.#setDeadlines({ ...this.#deadlines, [key]: dueAt });
    this.#startTimer(key, this.#timerMs);
  }

  /** Takes up what the last owner left: timers go on, and what is overdue is built. */
  protected async resume(): Promise<void> {
    const waiting = await this.#waiting();
    this.#deadlines = (await this.getState<JsonObject>(DEADLINES, {})) as Deadlines;
    const now = this.clock.wallMs();
    for (const [key, changes] of waiting) {
      if (!changes.some(({ important }) => important)) continue;
      const leftMs = (this.#deadlines[key] ?? now + this.#timerMs) - now;
      this.#startTimer(key, Math.min(Math.max(leftMs, 0), this.#timerMs));
    }
  }

  #startTimer(key: string, delayMs: number): void {
    this.#timers.get(key)?.cancel();
    this.#timers.set(
      key,
      this.clock.setTimer(() => void this.#stableTimerFired(key), delayMs),
    );
  }

  async #stableTimerFired(key: string): Promise<void> {
    const timer = this.#timers.get(key);
    try {
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
    const changeids = ((await this.#waiting()).get(key) ?? []).map(({ changeid }) => changeid);
    if (changeids.length === 0) return;
    await this.addBuildsetForChanges({ changeids, reason: this.#reason });
    await this.flushChangeClassifications(changeids);
    const { [key]: _due, ...others } = this.#deadlines;
    await this.#setDeadlines(others);
  }

  /** The classified changes by timer key, each list ascending. */
  async #waiting(): Promise<ReadonlyMap<string, { changeid: number; important: boolean }[]>> {
    const classifications = await this.getChangeClassifications();
    const changes = await this.getChanges([...classifications.keys()]);
    const waiting = new Map<string, { changeid: number; important: boolean }[]>();
    for (const change of changes) {
      const key = this.timerKeyOf(change);
      const important = classifications.get(change.changeid) === true;
      waiting.set(key, [...(waiting.get(key) ?? []), { changeid: change.changeid, important }]);
    }
    return waiting;
  }

  /** Only the owner writes them, and each write replaces them all: what a failed effect leaves here does no harm. */
  async #setDeadlines(deadlines: Deadlines): Promise<void> {
    this.#deadlines = deadlines;
    await this.setState(DEADLINES, deadlines);
  }
}
