// Schedulers that build at certain instants, their slots.
//
// A slot's nominal instant is its identity: the buildset of a slot bears it as its trigger key, and the state remembers the
// last slot that was dealt with, in the same transaction; so a slot is built at most once in the cluster, and none is lost
// between the two. Slots that passed while nobody could build them are missed: an activation deals with them by the policy
// that the scheduler declares. Slots of a time at which the scheduler was disabled are skipped.
//
// The wait is ours. Slots of a calendar follow the wall clock, which is looked at once a minute; those of a period follow
// the monotonic clock, since a wall clock that is set must neither stop nor hurry them.
// @source buildbot master/buildbot/schedulers/timed.py

import type { MissingHour, RepeatedHour } from '../core/calendar.js';
import { ConfigError, describeError } from '../core/errors.js';
import type { Filter } from '../core/routing-key.js';
import { NEW_CHANGES } from '../data/events.js';
import type { Change } from '../db/changes.js';
import { sleep, type Timer } from '../runtime/clock.js';
import { BaseScheduler, type ConsumeOptions, type SchedulerOptions } from './base.js';
import type { CodebaseDefaults } from './codebases.js';
import { LAST_CODEBASES, LastCodebases } from './last-codebases.js';
import type { BuilderNames } from './render.js';
import { WaitingChanges } from './waiting-changes.js';

/** What becomes of slots that passed unbuilt: none of them, the newest one, or the newest `atMost`. */
export type MissedSlots = 'skip' | 'once' | { readonly atMost: number };

export interface TimedOptions extends SchedulerOptions, Omit<ConsumeOptions, 'onlyImportant'> {
  /** Of the buildsets; default names the scheduler. */
  readonly reason?: string;
  /** Build a slot only if an important change came since the last one that was built. Default false. */
  readonly onlyIfChanged?: boolean;
  /** With `onlyIfChanged`: only changes of this branch count. */
  readonly branch?: string | null;
  /** Build of a codebase without a change what was last seen of it, instead of its default. Default false. */
  readonly createAbsoluteSourceStamps?: boolean;
  /** Default once. */
  readonly missedSlots?: MissedSlots;
}

const LAST_BUILD = 'last_build';
/** Before the first slot: slots after this instant are its own, in seconds. */
const SLOTS_SINCE = 'slots_since';
const LAST_ONLY_IF_CHANGED = 'last_only_if_changed';
const LOOK_AT_CLOCK_MS = 60_000;
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 60_000;

export abstract class TimedScheduler extends BaseScheduler {
  protected readonly reason: string;
  readonly #options: TimedOptions;
  readonly #missedSlots: MissedSlots;
  readonly #waiting = new WaitingChanges();
  readonly #last = new LastCodebases();
  /** Slots after this one are to be dealt with. */
  #lastSlotMs = 0;
  #isFirst = false;
  #timer: Timer | null = null;
  #retryMs = FIRST_RETRY_MS;
  /** Resolves when `#waiting` is complete, or the activity has ended. */
  #recovered: Promise<void> = Promise.resolve();

  /** @throws ConfigError */
  constructor(name: string, builderNames: BuilderNames, options: TimedOptions) {
    super(name, builderNames, options);
    this.#options = options;
    this.#missedSlots = checkMissedSlots(name, options.missedSlots ?? 'once');
    this.reason =
      options.reason ?? `The ${this.constructor.name} scheduler named '${name}' triggered this build`;
  }

  /** How often, or when: what an observer of its buildsets may demand. */
  abstract get slotRule(): SlotRule;

  /** Whether every slot that comes while it is enabled leads to a buildset. */
  get buildsEverySlot(): boolean {
    return this.#options.onlyIfChanged !== true;
  }

  override get queueFilters(): readonly Filter[] {
    return this.#heedsChanges ? [NEW_CHANGES] : [];
  }

  override getCodebaseDict(codebase: string): CodebaseDefaults {
    const configured = super.getCodebaseDict(codebase);
    return (this.#options.createAbsoluteSourceStamps === true ? this.#last.of(codebase) : null) ?? configured;
  }

  /** The first slot after this one (ms since the epoch); null when there is none. */
  protected abstract slotAfter(lastMs: number): number | null;

  /** The newest `count` slots that are due: after `lastMs` and not after `nowMs`, ascending. */
  protected abstract dueSlots(lastMs: number, nowMs: number, count: number): readonly number[];

  /** What stands for the last slot of a scheduler that begins now. */
  protected abstract beginning(nowMs: number): number;

  /** How long to wait for a slot, by the wall clock. */
  protected abstract waitMs(slotMs: number, nowMs: number): number;

  /** Whether a wall clock that is set moves the slots. */
  protected abstract get followsWallClock(): boolean;

  /** Whether this slot is built even if nothing has changed. */
  protected isForced(_slotMs: number): boolean {
    return false;
  }

  protected override async startActivity(): Promise<void> {
    const last = await this.getState<number | null>(LAST_BUILD, null);
    this.#isFirst = last === null;
    this.#lastSlotMs = last === null ? await this.#begin() : Math.round(last * 1000);
    if (this.#heedsChanges) await this.#heedChanges();
    await this.#dealWithMissed();
    this.#retryMs = FIRST_RETRY_MS;
    this.#arm();
  }

  protected override async stopActivity(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = null;
    await this.#recovered;
    this.#waiting.clear();
  }

  override async gotChange(change: Change, important: boolean): Promise<void> {
    if (this.#options.branch !== undefined && change.branch !== this.#options.branch) return;
    await this.classifyChanges(new Map([[change.changeid, important]]));
    this.afterCommit(() => this.#waiting.add({ change, important }));
    if (this.#options.createAbsoluteSourceStamps !== true) return;
    const seen = this.#last.record(change);
    if (seen === null) return;
    await this.setState(LAST_CODEBASES, seen);
    this.afterCommit(() => this.#last.settle());
  }

  /** Adds the buildset of a slot, in its section; a subclass may add another one, or none. */
  protected async startBuild(slotMs: number): Promise<void> {
    const triggerKey = slotKey(slotMs);
    const waiting = this.#heedsChanges ? this.#waiting.all : [];
    const onlyIfChanged = this.#options.onlyIfChanged === true;
    const isWorthIt = !onlyIfChanged || (await this.#isWorthIt(slotMs));
    await this.setState(LAST_ONLY_IF_CHANGED, onlyIfChanged);
    if (!isWorthIt) return;
    if (waiting.length === 0) {
      await this.addBuildsetForSourceStampsWithDefaults({ reason: this.reason, triggerKey });
      return;
    }
    const changes = waiting.map(({ change }) => change);
    await this.addBuildsetOfChanges(changes, { reason: this.reason, triggerKey });
    await this.flushChangeClassifications(changes.map(({ changeid }) => changeid));
    this.afterCommit(() => this.#waiting.remove(changes));
  }

  get #heedsChanges(): boolean {
    return this.#options.onlyIfChanged === true || this.#options.createAbsoluteSourceStamps === true;
  }

  async #heedChanges(): Promise<void> {
    if (this.#options.createAbsoluteSourceStamps === true)
      this.#last.load(await this.getState(LAST_CODEBASES, {}));
    this.#recovered = this.#recover();
    this.startConsumingChanges(this.#options);
  }

  /** Reads what waits; never rejects. */
  async #recover(): Promise<void> {
    const { signal } = this;
    while (!signal.aborted) {
      try {
        await this.#waiting.load((page) => this.readWaitingChanges(page));
        return;
      } catch (error) {
        if (signal.aborted) return;
        this.runtime.logger.log(
          'warning',
          `what waits for '${this.name}' is read again: ${describeError(error)}`,
        );
        await sleep(this.clock, FIRST_RETRY_MS, signal);
      }
    }
  }

  /** From its very first activation on the slots are this scheduler's, whoever owns it when they come. */
  async #begin(): Promise<number> {
    const since = await this.getState<number | null>(SLOTS_SINCE, null);
    if (since !== null) return Math.round(since * 1000);
    const beginningMs = this.beginning(this.clock.wallMs());
    await this.setState(SLOTS_SINCE, beginningMs / 1000);
    return beginningMs;
  }

  /** Passes over what an activation does not build any more. */
  async #dealWithMissed(): Promise<void> {
    const now = this.clock.wallMs();
    const enabledAtMs = (await this.readEnabledAt()) * 1000;
    const untilMs = this.#missedSlots === 'skip' && !this.#isFirst ? now : Math.min(enabledAtMs, now);
    const [newest] = this.dueSlots(this.#lastSlotMs, untilMs, 1);
    if (newest !== undefined) this.#lastSlotMs = newest;
  }

  /** Waits for the next slot. */
  #arm(): void {
    if (this.signal.aborted) return;
    const slotMs = this.slotAfter(this.#lastSlotMs);
    if (slotMs !== null)
      this.#wait(this.clock.monotonicMs() + this.waitMs(slotMs, this.clock.wallMs()), slotMs);
  }

  #wait(untilMs: number, slotMs: number): void {
    const leftMs = untilMs - this.clock.monotonicMs();
    const isLast = leftMs <= LOOK_AT_CLOCK_MS;
    this.#timer?.cancel();
    this.#timer = this.clock.setTimer(
      () => {
        if (isLast) void this.#buildDue(slotMs);
        else if (this.followsWallClock) this.#arm();
        else this.#wait(untilMs, slotMs);
      },
      Math.min(leftMs, LOOK_AT_CLOCK_MS),
    );
  }

  /** Builds what is due, each slot in a section of its own; never rejects. */
  async #buildDue(slotMs: number): Promise<void> {
    const now = Math.max(this.clock.wallMs(), slotMs);
    const count = typeof this.#missedSlots === 'object' ? this.#missedSlots.atMost : 1;
    try {
      await this.#recovered;
      for (const slot of this.dueSlots(this.#lastSlotMs, now, count)) await this.act(() => this.#build(slot));
      this.#retryMs = FIRST_RETRY_MS;
      this.#arm();
    } catch (error) {
      if (this.signal.aborted) return;
      this.runtime.logger.log(
        'error',
        `slots of '${this.name}' are tried again in ${this.#retryMs} ms: ${describeError(error)}`,
      );
      this.#timer = this.clock.setTimer(() => void this.#buildDue(slotMs), this.#retryMs);
      this.#retryMs = Math.min(this.#retryMs * 2, LONGEST_RETRY_MS);
    }
  }

  async #build(slotMs: number): Promise<void> {
    await this.setState(LAST_BUILD, slotMs / 1000);
    this.afterCommit(() => {
      this.#lastSlotMs = slotMs;
      this.#isFirst = false;
    });
    await this.startBuild(slotMs);
  }

  /** Whether a slot is built although it may be that nothing has changed: the first, a forced one, a changed setting. */
  async #isWorthIt(slotMs: number): Promise<boolean> {
    const wasOnlyIfChanged = await this.getState(LAST_ONLY_IF_CHANGED, !this.#isFirst);
    const isChanged = this.#waiting.all.some(({ important }) => important);
    return isChanged || !wasOnlyIfChanged || this.isForced(slotMs);
  }
}

/** What an observer may demand of the slots of a scheduler. */
export type SlotRule =
  | { readonly kind: 'period'; readonly periodMs: number }
  | {
      readonly kind: 'calendar';
      readonly line: string;
      readonly timeZone: string;
      readonly missingHour: MissingHour;
      readonly repeatedHour: RepeatedHour;
    };

/** The trigger key of a slot's buildset. */
export function slotKey(slotMs: number): string {
  return `slot:${slotMs / 1000}`;
}

function checkMissedSlots(name: string, missed: MissedSlots): MissedSlots {
  if (missed === 'skip' || missed === 'once') return missed;
  const atMost: unknown =
    typeof missed === 'object' ? (missed as { atMost?: unknown } | null)?.atMost : undefined;
  if (Number.isInteger(atMost) && (atMost as number) > 0) return missed;
  throw new ConfigError(
    `missedSlots of scheduler '${name}' must be 'skip', 'once' or { atMost: a number above 0 }`,
  );
}
