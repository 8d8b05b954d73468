// The base class of all schedulers, and what somebody who writes a scheduler works with.
//
// Everything that a scheduler does by itself is an effect: what one call of `gotChange` (or of `act`) writes is collected
// and committed together when it ends, with the change that it consumed, under the scheduler's claim: all of it once, or
// none of it. If that fails, the change comes again, so what is remembered between changes belongs in the state.
//
// `gotChange` and `act` sections run one at a time. Do not enter `act` from within one: it would wait for itself.
// @source buildbot master/buildbot/schedulers/base.py

import { ConfigError, StandinError } from '../core/errors.js';
import { decodeJson, encodeJson, type JsonObject, type JsonValue } from '../core/json.js';
import { Mutex } from '../core/mutex.js';
import { changeOfEvent, NEW_CHANGES } from '../data/events.js';
import { Effect, EffectConflictError, type Actor } from '../data/effects.js';
import type { Change } from '../db/changes.js';
import type { QueuedMessage } from '../db/queues.js';
import { schedulerQueueName } from '../db/schedulers.js';
import type { SourceStamp } from '../db/sourcestamps.js';
import type { Clock } from '../runtime/clock.js';
import { ClusteredService } from '../services/clustered-service.js';
import { BuildsetBuilder, type AddBuildsetOptions, type AddedBuildset } from './buildset-builder.js';
import type { ChangeFilter } from './change-filter.js';
import type { ChangeFeed, FeedContext } from './change-feed.js';
import type { SchedulerContext } from './context.js';

/** Options that every scheduler has. */
export interface SchedulerOptions {
  /** Name to value; they become build properties with the source 'Scheduler'. */
  readonly properties?: JsonObject;
  /** Codebase to its default stamp; default one codebase, ''. */
  readonly codebases?: Readonly<Record<string, Partial<SourceStamp>>>;
  /** Priority of its build requests: higher is sooner. Default 0. */
  readonly priority?: number;
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

export abstract class BaseScheduler extends ClusteredService {
  static override readonly compareAttrs: readonly string[] = ['settings'];
  readonly builderNames: readonly string[];
  /** Builder names and options as they came from the subclass: what it passes up here is compared in a reconfiguration. */
  readonly settings: SchedulerOptions & { readonly builderNames: readonly string[] };
  readonly #buildsets: BuildsetBuilder;
  readonly #serial = new Mutex();
  #context: SchedulerContext | null = null;
  #objectid = 0;
  #effect: Effect | null = null;
  #feed: ChangeFeed | null = null;
  #consumption: ConsumeOptions = {};
  /** Messages that nobody wants, to be acknowledged with the next effect. */
  readonly #unwanted = new Set<number>();
  /** The changes that were delivered last, by id: a change never changes. */
  readonly #recent = new Map<number, Change>();

  /** @throws ConfigError for a name or builder names of the wrong form. */
  constructor(name: string, builderNames: readonly string[], options: SchedulerOptions = {}) {
    super(name);
    checkNames(name, builderNames);
    this.builderNames = builderNames;
    this.settings = { ...options, builderNames };
    this.#buildsets = new BuildsetBuilder({ name, builderNames, ...options });
  }

  /** Whether changes are queued for this scheduler, from its first configuration on. */
  get consumesChanges(): boolean {
    return true;
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

  /** The consumption of changes, and the sections that run: they end here, whatever a subclass forgets. */
  protected override async settle(): Promise<void> {
    await this.#feed?.stop();
    this.#feed = null;
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
    if (this.#feed !== null)
      throw new StandinError('consuming-already', `'${this.name}' consumes changes already`);
    if (options.fileIsImportant !== undefined && typeof options.fileIsImportant !== 'function') {
      throw new ConfigError(`fileIsImportant of '${this.name}' is no function`);
    }
    const { db, mq, poll, createChangeFeed } = this.#attached();
    const { serviceid } = this.requireClaim('consuming changes');
    const feedContext: FeedContext = {
      runtime: this.runtime,
      queues: db.queues,
      mq,
      poll,
      signal: this.signal,
    };
    this.#consumption = options;
    this.#unwanted.clear();
    this.#feed = createChangeFeed(feedContext, schedulerQueueName(serviceid, NEW_CHANGES), {
      consume: (message) => this.#consumeChange(message),
      settle: () => this.#acknowledgeUnwanted(),
    });
    this.#feed.start();
  }

  /**
   * The committed value of a state key (or the one that this effect is about to write).
   * @throws StandinError `no-such-state` when there is none and no default; ClaimLostError when not active
   */
  protected async getState<T extends JsonValue>(key: string, fallback?: T): Promise<T> {
    const text = this.#effect?.state.get(key) ?? (await this.#readState(key));
    if (text !== null) return decodeJson(text, `state '${key}' of '${this.name}'`) as T;
    if (fallback !== undefined) return fallback;
    throw new StandinError('no-such-state', `'${this.name}' has no state '${key}', and no default was given`);
  }

  /** Sets a state key, with the rest of the effect. @throws NotJsonError; ClaimLostError when not active */
  protected setState(key: string, value: JsonValue): Promise<void> {
    const text = encodeJson(value, `state '${key}' of '${this.name}'`);
    return this.#inEffect(async (effect) => {
      effect.state.set(key, text);
    });
  }

  /** Adds a buildset for changes: the newest of each codebase says what to build. Consumes them for good. */
  protected addBuildsetForChanges(
    options: AddBuildsetOptions & { readonly changeids: readonly number[] },
  ): Promise<AddedBuildset> {
    return this.#inEffect(async (effect) => {
      const changes = await this.getChanges(options.changeids);
      return this.#buildsets.forChanges(this.#attached().db, effect, { ...options, changes });
    });
  }

  /** Adds a buildset for stamps: ids of those that exist, or what identifies them. */
  protected addBuildsetForSourceStamps(
    options: AddBuildsetOptions & { readonly sourcestamps: readonly (number | Partial<SourceStamp>)[] },
  ): Promise<AddedBuildset> {
    return this.#inEffect((effect) => this.#buildsets.forSourceStamps(this.#attached().db, effect, options));
  }

  /** Adds a buildset with one stamp for each configured codebase: its default, overlaid with what is given. */
  protected addBuildsetForSourceStampsWithDefaults(
    options: AddBuildsetOptions & { readonly sourcestamps?: readonly Partial<SourceStamp>[] } = {},
  ): Promise<AddedBuildset> {
    return this.#inEffect((effect) => this.#buildsets.withDefaults(this.#attached().db, effect, options));
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
    return this.#attached().effects.readClassifications(this.#actor('reading classifications'));
  }

  /** Those of these changes that exist, by id. */
  protected async getChanges(changeids: readonly number[]): Promise<readonly Change[]> {
    const wanted = [...new Set(changeids)];
    const unknown = wanted.filter((id) => !this.#recent.has(id));
    const found = await this.#attached().db.changes.getChangesByIds(unknown);
    const known = wanted.flatMap((id) => this.#recent.get(id) ?? []);
    return [...known, ...found].sort((a, b) => a.changeid - b.changeid);
  }

  /**
   * Runs a section whose effects are committed together when it ends: the body of a timer, for example.
   * @throws ClaimLostError when not active (any more); DatabaseError. Nothing of the section was done then.
   */
  protected act<T>(section: () => Promise<T>): Promise<T> {
    return this.#serial.run(async () => {
      const effect = new Effect();
      this.#effect = effect;
      try {
        return await this.#commitAfter(section, effect);
      } finally {
        this.#effect = null;
      }
    });
  }

  async #commitAfter<T>(section: () => Promise<T>, effect: Effect): Promise<T> {
    this.requireClaim('an effect');
    const value = await section();
    if (effect.isEmpty) return value;
    try {
      await this.#attached().effects.commit(this.#actor('an effect'), effect);
    } catch (error) {
      if (isRefusal(error)) this.claimSeemsLost();
      throw error;
    }
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
    const value = await this.#attached().effects.readState(this.#actor(`reading '${key}'`), key);
    probe.emit('state-read', { scheduler: this.name, key, value, tookMs: clock.monotonicMs() - fromMs });
    return value;
  }

  async #consumeChange(message: QueuedMessage): Promise<void> {
    const change = changeOfEvent(message.body as JsonObject);
    const importance = this.#importanceOf(change);
    if (importance === 'unwanted') {
      this.#unwanted.add(message.id);
      return;
    }
    this.#remember(change);
    await this.act(async () => {
      this.#openEffect().acknowledged.push(...this.#unwanted, message.id);
      await this.gotChange(change, importance === 'important');
    });
    this.#unwanted.clear();
  }

  #remember(change: Change): void {
    this.#recent.set(change.changeid, change);
    if (this.#recent.size <= RECENT_CHANGES) return;
    for (const oldest of this.#recent.keys()) {
      this.#recent.delete(oldest);
      return;
    }
  }

  async #acknowledgeUnwanted(): Promise<void> {
    if (this.#unwanted.size === 0) return;
    await this.act(async () => {
      this.#openEffect().acknowledged.push(...this.#unwanted);
    });
    this.#unwanted.clear();
  }

  #importanceOf(change: Change): 'important' | 'unimportant' | 'unwanted' {
    return importanceOf(change, this.#consumption, this.#buildsets.codebases);
  }

  #actor(what: string): Actor {
    return { name: this.name, objectid: this.#objectid, claim: this.requireClaim(what), signal: this.signal };
  }

  #attached(): SchedulerContext {
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

function checkNames(name: string, builderNames: readonly string[]): void {
  if (typeof name !== 'string' || name === '')
    throw new ConfigError('a scheduler needs a name that is not empty');
  if (!Array.isArray(builderNames) || !builderNames.every((builder) => typeof builder === 'string')) {
    throw new ConfigError(`the builderNames of scheduler '${name}' must be an array of strings`);
  }
}
