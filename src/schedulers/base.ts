// The base class of all schedulers, and what somebody who writes a scheduler works with.
//
// Everything that a scheduler does by itself is an effect: what one call of `gotChange` (or of `act`) writes is collected
// and committed together when it ends, with the change that it consumed, under the scheduler's claim: all of it once, or
// none of it. If that fails, the change comes again, so what is remembered between changes belongs in the state.
//
// `gotChange` and `act` sections run one at a time. Do not enter `act` from within one: it would wait for itself.
// @source buildbot master/buildbot/schedulers/base.py

import { assert, present } from '../core/assert.js';
import { ConfigError, describeError, StandinError } from '../core/errors.js';
import { decodeJson, encodeJson, type JsonObject, type JsonValue } from '../core/json.js';
import { Mutex } from '../core/mutex.js';
import type { Filter } from '../core/routing-key.js';
import { changeOfEvent, NEW_CHANGES } from '../data/events.js';
import type { Called } from '../data/calls.js';
import { Effect, EffectConflictError, type Actor } from '../data/effects.js';
import type { Change } from '../db/changes.js';
import type { DatabaseConnector } from '../db/connector.js';
import type { QueuedMessage } from '../db/queues.js';
import { schedulerQueueName } from '../db/schedulers.js';
import type { SourceStamp } from '../db/sourcestamps.js';
import type { Clock, Timer } from '../runtime/clock.js';
import { tellMistake } from '../runtime/mistake.js';
import { ClusteredService } from '../services/clustered-service.js';
import {
  BuildsetBuilder,
  type AddBuildsetOptions,
  type AddedBuildset,
  type Priority,
} from './buildset-builder.js';
import type { ChangeFilter } from './change-filter.js';
import { completeCodebases, type CodebaseDefaults, type Codebases } from './codebases.js';
import { Consumption, type Interpretation } from './consumption.js';
import type { SchedulerContext } from './context.js';
import type { EventFeed } from './event-feed.js';
import type { WaitingChange } from './waiting-changes.js';
import { plainNames, type BuilderNames, type RenderableProperties } from './render.js';

/** Options that every scheduler has. */
export interface SchedulerOptions {
  /** Name to value; they become build properties with the source 'Scheduler'. */
  readonly properties?: RenderableProperties;
  /** The codebases whose changes it hears of, with what to build of each by default; default one codebase, ''. */
  readonly codebases?: Codebases;
  /** Priority of its build requests: higher is sooner. Default 0. */
  readonly priority?: Priority;
}

export interface ConsumeOptions {
  /** Changes that it refuses are never delivered. */
  readonly changeFilter?: ChangeFilter;
  /** Whether a change is important; default all are. */
  readonly fileIsImportant?: (change: Change) => boolean;
  /** Deliver important changes only. */
  readonly onlyImportant?: boolean;
}

const RECENT_CHANGES = 200;
/** Longer than a section can wait for the database under a claim that is believed in. */
const PATIENCE_MS = 60_000;

export abstract class BaseScheduler extends ClusteredService {
  static override readonly compareAttrs: readonly string[] = ['settings'];
  /** The builders that it names; those that are rendered for each buildset are not known before. */
  readonly builderNames: readonly string[];
  /** Builder names and options as they came from the subclass: what it passes up here is compared in a reconfiguration. */
  readonly settings: SchedulerOptions & { readonly builderNames: BuilderNames };
  readonly #codebases: Readonly<Record<string, CodebaseDefaults>>;
  readonly #buildsets: BuildsetBuilder;
  readonly #serial = new Mutex();
  #context: SchedulerContext | null = null;
  #objectid = 0;
  #effect: Effect | null = null;
  #afterCommit: (() => void)[] = [];
  /** By what they consume, as text. */
  readonly #feeds = new Map<string, EventFeed>();
  /** The changes that were delivered last, by id: a change never changes. */
  readonly #recent = new Map<number, Change>();

  /** @throws ConfigError for a name, builder names or options of the wrong form. */
  constructor(name: string, builderNames: BuilderNames, options: SchedulerOptions = {}) {
    super(name);
    checkOptions(name, builderNames, options);
    this.builderNames = plainNames(builderNames);
    this.settings = { ...options, builderNames };
    this.#codebases = completeCodebases(name, options.codebases);
    const { properties = {}, priority = 0 } = options;
    this.#buildsets = new BuildsetBuilder({
      ...{ name, builderNames, properties, priority },
      codebases: Object.keys(this.#codebases),
      defaultsOf: (codebase) => this.getCodebaseDict(codebase),
    });
  }

  /** What is queued for this scheduler, from its first configuration on; default the changes. */
  get queueFilters(): readonly Filter[] {
    return [NEW_CHANGES];
  }

  /**
   * Whether an important change like this one leads to a buildset of its own accord: what an observer may demand.
   * Null when it cannot be said in general.
   */
  wantsChange(_change: Change): boolean | null {
    return null;
  }

  /** Called for each change, one at a time, in the order of their commits. */
  async gotChange(_change: Change, _important: boolean): Promise<void> {
    // nothing by default
  }

  /** Gives the scheduler what it works with; called by the master before the first claim. */
  attach(context: SchedulerContext, objectid: number): void {
    this.#context = context;
    this.#objectid = objectid;
  }

  /** Called by the master when it stops, or when it has removed this one; also where this one was not active. */
  async detach(): Promise<void> {
    // nothing by default
  }

  /** What to build of a codebase when nothing else says so. @throws StandinError `unknown-codebase` */
  getCodebaseDict(codebase: string): CodebaseDefaults {
    const defaults = Object.hasOwn(this.#codebases, codebase) ? this.#codebases[codebase] : undefined;
    if (defaults !== undefined) return defaults;
    const problem = `scheduler '${this.name}' has no codebase '${codebase}'`;
    throw new StandinError('unknown-codebase', problem, { isMistake: true });
  }

  /** What it consumes, and the sections that run: they end here, whatever a subclass forgets. */
  protected override async settle(): Promise<void> {
    await Promise.all([...this.#feeds.values()].map((feed) => feed.stop()));
    this.#feeds.clear();
    await this.#serial.idle();
    await super.settle();
  }

  /** The time and timers of the master that this runs on. */
  protected get clock(): Clock {
    return this.runtime.clock;
  }

  /**
   * Begins to deliver changes to `gotChange`, those first that have waited. Ends with the activity.
   * @throws StandinError `consuming-already`, ConfigError
   */
  protected startConsumingChanges(options: ConsumeOptions = {}): void {
    if (options.fileIsImportant !== undefined && typeof options.fileIsImportant !== 'function') {
      throw new ConfigError(`fileIsImportant of '${this.name}' is no function`);
    }
    this.startConsuming(NEW_CHANGES, ({ body }) => {
      const change = changeOfEvent(body as JsonObject);
      const importance = importanceOf(change, options, this.#buildsets.codebases);
      if (importance === 'unwanted') return null;
      this.#remember(change);
      return () => this.gotChange(change, importance === 'important');
    });
  }

  /**
   * Begins to consume one of its `queueFilters`: `interpret` says what to do about a message, and what that does is
   * committed with the message's acknowledgement. Ends with the activity. @throws StandinError `consuming-already`
   */
  protected startConsuming(filter: Filter, interpret: Interpretation): void {
    const { db, mq, poll, createEventFeed } = this.attached();
    const queue = this.#queueName(filter);
    if (this.#feeds.has(queue)) {
      const text = `'${this.name}' consumes ${String(filter[0])} already`;
      throw new StandinError('consuming-already', text, { isMistake: true });
    }
    const context = {
      runtime: this.runtime,
      queues: db.queues,
      mq,
      filter,
      poll,
      signal: this.signal,
    };
    const acknowledging = (ids: readonly number[], section: () => Promise<void>): Promise<void> =>
      this.act(async () => {
        this.#openEffect().acknowledged.push(...ids);
        await section();
      });
    const feed = createEventFeed(context, queue, new Consumption(interpret, acknowledging));
    this.#feeds.set(queue, feed);
    feed.start();
  }

  /** What waits in the queue of one of its `queueFilters`, oldest first, at most `limit` messages. */
  protected peek(filter: Filter, limit: number): Promise<readonly QueuedMessage[]> {
    return this.attached().db.queues.peek(this.#queueName(filter), { afterId: 0, limit });
  }

  /** Deletes exactly these messages of its queues, with the rest of the effect. */
  protected acknowledge(messageIds: readonly number[]): Promise<void> {
    return this.#inEffect(async (effect) => {
      effect.acknowledged.push(...messageIds);
    });
  }

  /**
   * The committed value of a state key (or the one that this effect is about to write).
   * @throws StandinError `no-such-state` when there is none and no default; ClaimLostError when not active
   */
  protected async getState<T extends JsonValue>(key: string, fallback?: T): Promise<T> {
    const text = this.#effect?.state.get(key) ?? (await this.#readState(key));
    if (text !== null) return decodeJson(text, `state '${key}' of '${this.name}'`) as T;
    if (fallback !== undefined) return fallback;
    const problem = `'${this.name}' has no state '${key}', and no default was given`;
    throw new StandinError('no-such-state', problem, { isMistake: true });
  }

  /** Sets a state key, with the rest of the effect. @throws NotJsonError; ClaimLostError when not active */
  protected setState(key: string, value: JsonValue): Promise<void> {
    const text = encodeJson(value, `state '${key}' of '${this.name}'`);
    return this.#inEffect(async (effect) => {
      effect.state.set(key, text);
    });
  }

  /**
   * Adds a buildset for changes: of each codebase what its newest change says, else its default. Changes of other
   * codebases are ignored. Consumes them for good.
   */
  protected async addBuildsetForChanges(
    options: AddBuildsetOptions & { readonly changeids: readonly number[] },
  ): Promise<AddedBuildset> {
    return this.addBuildsetOfChanges(await this.getChanges(options.changeids), options);
  }

  /** `addBuildsetForChanges` with changes at hand, in any order. */
  protected addBuildsetOfChanges(
    changes: readonly Change[],
    options: AddBuildsetOptions,
  ): Promise<AddedBuildset> {
    return this.#addBuildset((db, effect) => this.#buildsets.forChanges(db, effect, { ...options, changes }));
  }

  /** Adds a buildset for stamps: ids of those that exist, or what identifies them. */
  protected addBuildsetForSourceStamps(
    options: AddBuildsetOptions & { readonly sourcestamps: readonly (number | Partial<SourceStamp>)[] },
  ): Promise<AddedBuildset> {
    return this.#addBuildset((db, effect) => this.#buildsets.forSourceStamps(db, effect, options));
  }

  /** Adds a buildset with one stamp for each configured codebase: its default, overlaid with what is given. */
  protected addBuildsetForSourceStampsWithDefaults(
    options: AddBuildsetOptions & { readonly sourcestamps?: readonly Partial<SourceStamp>[] } = {},
  ): Promise<AddedBuildset> {
    return this.#addBuildset((db, effect) => this.#buildsets.withDefaults(db, effect, options));
  }

  /** Classifies changes, with the rest of the effect. */
  protected classifyChanges(classifications: ReadonlyMap<number, boolean>): Promise<void> {
    return this.#inEffect(async (effect) => {
      for (const [changeid, important] of classifications) effect.classified.set(changeid, important);
    });
  }

  /** Forgets exactly these classifications, with the rest of the effect. */
  protected flushChangeClassifications(changeids: readonly number[]): Promise<void> {
    return this.#inEffect(async (effect) => {
      effect.flushed.push(...changeids);
    });
  }

  /** The committed classifications: change id to importance, ascending. */
  protected getChangeClassifications(): Promise<ReadonlyMap<number, boolean>> {
    return this.attached().effects.readClassifications(this.#actor('reading classifications'));
  }

  /** When it was last enabled (or disabled): seconds since the epoch, 0 = never. */
  protected readEnabledAt(): Promise<number> {
    return this.attached().effects.readSwitchedAt(this.#actor('reading when it was enabled'));
  }

  /** A page of what waits: classified changes after change `afterId`, by id. */
  protected readWaitingChanges(page: {
    readonly afterId: number;
    readonly limit: number;
  }): Promise<readonly WaitingChange[]> {
    return this.attached().effects.readWaitingChanges(this.#actor('reading classifications'), page);
  }

  /** Calls `listener` when this section's effect has committed: what is remembered besides the state follows it so. */
  protected afterCommit(listener: () => void): void {
    assert(this.#effect !== null, `'${this.name}' called afterCommit outside of any section`);
    this.#afterCommit.push(listener);
  }

  /** Those of these changes that exist, by id. */
  protected async getChanges(changeids: readonly number[]): Promise<readonly Change[]> {
    const wanted = [...new Set(changeids)];
    const unknown = wanted.filter((id) => !this.#recent.has(id));
    const found = await this.attached().db.changes.getChangesByIds(unknown);
    const known = wanted.flatMap((id) => this.#recent.get(id) ?? []);
    return [...known, ...found].sort((a, b) => a.changeid - b.changeid);
  }

  /**
   * Runs a section whose effects are committed together when it ends: the body of a timer, for example.
   * @throws ClaimLostError when not active (any more); DatabaseError. Nothing of the section was done then.
   */
  protected act<T>(section: () => Promise<T>): Promise<T> {
    const patience = this.#effect === null ? null : this.#impatience();
    return this.#serial.run(async () => {
      patience?.cancel();
      const effect = new Effect();
      this.#effect = effect;
      try {
        return await this.#commitAfter(section, effect);
      } finally {
        this.#effect = null;
        this.#afterCommit = [];
      }
    });
  }

  /** Whoever waits for a section for so long, while the master is well, waits for itself. */
  #impatience(): Timer {
    return this.clock.setTimer(() => {
      if (!this.active || this.signal.aborted) return;
      const text =
        `act() of '${this.name}' has waited ${PATIENCE_MS} ms for a section that does not end: within gotChange() or act() ` +
        `it waits for itself; what it would do is part of that section already`;
      const error = new StandinError('nested-act', text, { isMistake: true });
      this.runtime.logger.log('error', describeError(error));
      tellMistake(this.runtime, `'${this.name}'`, error);
    }, PATIENCE_MS);
  }

  async #commitAfter<T>(section: () => Promise<T>, effect: Effect): Promise<T> {
    this.requireClaim('an effect');
    const value = await section();
    try {
      if (!effect.isEmpty) await this.attached().effects.commit(this.#actor('an effect'), effect);
    } catch (error) {
      if (isRefusal(error)) this.claimSeemsLost();
      else if (isUnknown(error)) this.beginAnew();
      throw error;
    }
    for (const listener of this.#afterCommit) listener();
    return value;
  }

  #inEffect<T>(write: (effect: Effect) => Promise<T>): Promise<T> {
    if (this.#effect !== null) return write(this.#effect);
    return this.act(() => write(this.#openEffect()));
  }

  #openEffect(): Effect {
    return this.#effect ?? new Effect();
  }

  async #readState(key: string): Promise<string | null> {
    const { clock, probe } = this.runtime;
    const fromMs = clock.monotonicMs();
    const value = await this.attached().effects.readState(this.#actor(`reading '${key}'`), key);
    probe.emit('state-read', { scheduler: this.name, key, value, tookMs: clock.monotonicMs() - fromMs });
    return value;
  }

  #remember(change: Change): void {
    this.#recent.set(change.changeid, change);
    if (this.#recent.size <= RECENT_CHANGES) return;
    for (const oldest of this.#recent.keys()) {
      this.#recent.delete(oldest);
      return;
    }
  }

  /**
   * Adds a buildset on behalf of a caller outside, on any master: whoever owns the scheduler, it is added once for each
   * call id. Without one, each call is another.
   * @throws SchedulerDisabledError, DatabaseError, StandinError `not-started`
   */
  protected async addBuildsetForCall(
    callId: string | undefined,
    options: AddBuildsetOptions & { readonly sourcestamps?: readonly Partial<SourceStamp>[] },
  ): Promise<AddedBuildset> {
    const { db, calls } = this.attached();
    const effect = new Effect();
    const { bsid } = await this.#buildsets.withDefaults(db, effect, options);
    const draft = present(effect.buildsets[0], 'the draft of a call');
    return calls.addBuildset(this.called, { ...draft, triggerKey: `call:${callId ?? `auto-${bsid}`}` });
  }

  /** How calls from outside name this scheduler. */
  protected get called(): Called {
    return {
      schedulerid: present(this.serviceid, 'the id of a scheduler that was attached'),
      name: this.name,
    };
  }

  /** Whether a buildset of this trigger key has been added. */
  protected hasBuilt(triggerKey: string): Promise<boolean> {
    return this.attached().effects.hasBuilt(this.#actor('reading buildsets'), triggerKey);
  }

  #addBuildset(
    add: (db: DatabaseConnector, effect: Effect) => Promise<AddedBuildset>,
  ): Promise<AddedBuildset> {
    return this.#inEffect((effect) => add(this.attached().db, effect));
  }

  #queueName(filter: Filter): string {
    return schedulerQueueName(this.requireClaim('consuming').serviceid, filter);
  }

  #actor(what: string): Actor {
    return { name: this.name, objectid: this.#objectid, claim: this.requireClaim(what), signal: this.signal };
  }

  /** What the master gave. @throws StandinError `not-started` */
  protected attached(): SchedulerContext {
    if (this.#context === null)
      throw new StandinError('not-started', `scheduler '${this.name}' belongs to no master yet`);
    return this.#context;
  }
}

/** What a scheduler that consumes with these options makes of a change. */
export function importanceOf(
  change: Change,
  options: ConsumeOptions,
  codebases: readonly string[],
): 'important' | 'unimportant' | 'unwanted' {
  if (!codebases.includes(change.codebase)) return 'unwanted';
  if (options.changeFilter?.accepts(change) === false) return 'unwanted';
  if (options.fileIsImportant?.(change) ?? true) return 'important';
  return options.onlyImportant === true ? 'unwanted' : 'unimportant';
}

function isRefusal(error: unknown): boolean {
  return (
    error instanceof EffectConflictError || (error instanceof StandinError && error.code === 'claim-lost')
  );
}

/** It may have been committed all the same: what is remembered may be wrong, so the activity begins anew. */
function isUnknown(error: unknown): boolean {
  return error instanceof StandinError && !error.isDefinite;
}

function checkOptions(name: string, builderNames: BuilderNames, { priority }: SchedulerOptions): void {
  if (typeof name !== 'string' || name === '')
    throw new ConfigError('a scheduler needs a name that is not empty');
  const isName = (builder: unknown): boolean => typeof builder === 'string' || typeof builder === 'function';
  const areNames = Array.isArray(builderNames) && builderNames.every(isName);
  if (!areNames && typeof builderNames !== 'function') {
    throw new ConfigError(
      `the builderNames of scheduler '${name}' must be an array of strings (or of functions that make them)`,
    );
  }
  if (priority !== undefined && typeof priority !== 'function' && !Number.isInteger(priority)) {
    throw new ConfigError(
      `the priority of scheduler '${name}' is ${String(priority)}, expected an integer or a function`,
    );
  }
}
