// A master: the process that checks in, holds claims and runs schedulers.
//
// It is a tree of services. Start: schema, master id, new incarnation, heartbeat, queue, durable registrations, then the
// claims and schedulers. Stop, in reverse: each scheduler quiesces and is released at once, then the master is marked as
// stopped; after 30 s the process ends unreleased, and its lease runs out.
//
// A reconfiguration leaves schedulers that are configured as before untouched. First the new ones are made known to the
// database; then those that are gone or different are deactivated, released and removed, one after the other; then the new
// ones are added, and claimed if they are free. What is wrong with a new configuration is found before anything changes.
//
// When others have ended this incarnation: everything quiesces and is released, then a new incarnation begins. When a
// younger process of the same name runs, or quiescing takes too long, this process ends.
// @source buildbot master/buildbot/master.py

import { StandinError, describeError } from '../core/errors.js';
import { Mutex } from '../core/mutex.js';
import type { NewChange } from '../db/changes.js';
import type { Owner } from '../db/claims.js';
import { DatabaseConnector } from '../db/connector.js';
import type { Driver } from '../db/driver.js';
import { FencedState } from '../data/fenced-state.js';
import { Replica } from '../db/replica.js';
import type { EventWriter } from '../data/event-writer.js';
import {
  CHANGE_SOURCE_RELEASED,
  MASTER_STOPPED,
  SCHEDULER_RELEASED,
  SCHEDULER_UPDATED,
} from '../data/events.js';
import { DataQueries } from '../data/queries.js';
import { CallCommitter } from '../data/calls.js';
import { DataUpdates } from '../data/updates.js';
import type { EffectCommitter } from '../data/effects.js';
import { MQConnector } from '../data/mq-connector.js';
import type { ChangeSource } from '../drivers/change-source.js';
import { DriverHost } from '../drivers/driver-host.js';
import type { MessageQueue } from '../mq/message-queue.js';
import { createMessageQueue } from '../mq/mq-options.js';
import type { WebSocketClass } from '../mq/web-socket.js';
import type { Commands } from '../runtime/commands.js';
import { sleep, type Timer } from '../runtime/clock.js';
import type { OpenJobDirectory } from '../runtime/job-directory.js';
import type { Runtime } from '../runtime/runtime.js';
import type { BaseScheduler } from '../schedulers/base.js';
import { isEquivalent } from '../services/equivalence.js';
import { Poll } from '../services/poll.js';
import { ServiceGroup } from '../services/service.js';
import { Subscription } from '../services/subscription.js';
import { BuilderList } from './builder-list.js';
import { ClaimKeeper } from './claim-keeper.js';
import { checkReconfiguration, completeConfig, type MasterConfig, type MasterOptions } from './config.js';
import { Heartbeat } from './heartbeat.js';
import { LEASE_MARGIN_MS, type Lease } from './lease.js';
import { SOUND_PARTS, type MasterParts } from './parts.js';
import { Upkeep } from './upkeep.js';

/** What a host provides. */
export interface MasterPorts {
  readonly runtime: Runtime;
  readonly driver: Driver;
  /** Sessions on a replica of the database, which may lag, for lists. Default none: lists read the database itself. */
  readonly replica?: Driver;
  /** What the configured message queue connects with, where it needs that. */
  readonly webSocket?: WebSocketClass;
  /** A message queue of the host's own, in place of the configured one. */
  readonly mq?: MessageQueue;
  /** For drivers and change sources that run commands. Default none. */
  readonly commands?: Commands;
  /** For schedulers that take jobs from a directory. Default none. */
  readonly openJobDirectory?: OpenJobDirectory;
  /** Ends the process: the master cannot go on. */
  exit(reason: string): void;
}

/** What a reconfiguration did, by the names of the schedulers; one that changed is both removed and added. */
export interface Reconfiguration {
  readonly removed: readonly string[];
  readonly added: readonly string[];
  readonly kept: readonly string[];
}

/** After so long the process ends, whatever still runs. */
const QUIESCE_LIMIT_MS = 30_000;
const START_RETRY_MS = 2_000;

export class BuildMaster {
  readonly db: DatabaseConnector;
  readonly mq: MQConnector;
  readonly data: DataUpdates;
  readonly queries: DataQueries;
  readonly #ports: MasterPorts;
  readonly #replica: Replica | null;
  readonly #parts: MasterParts;
  readonly #writer: EventWriter;
  readonly #effects: EffectCommitter;
  readonly #calls: CallCommitter;
  readonly #lease: Lease;
  readonly #poll: Poll;
  readonly #builders: BuilderList;
  readonly #services: ServiceGroup;
  readonly #subscriptions: readonly Subscription[];
  readonly #stopping = new AbortController();
  readonly #reconfigurations = new Mutex();
  #config: MasterConfig;
  #masterid = 0;
  #heartbeat: Heartbeat | null = null;
  #keeper: ClaimKeeper | null = null;
  #upkeep: Upkeep | null = null;
  #drivers: DriverHost | null = null;
  #lapse: Timer | null = null;
  #started: Promise<void> | null = null;
  #stopped: Promise<void> | null = null;

  /** @throws ConfigError */
  constructor(options: MasterOptions, ports: MasterPorts, parts: Partial<MasterParts> = {}) {
    this.#config = completeConfig(options);
    this.#ports = ports;
    this.#parts = { ...SOUND_PARTS, ...parts };
    const { runtime } = ports;
    const { mq: mqOptions, claimPollMs: pollMs } = this.config;
    const mq = ports.mq ?? createMessageQueue(runtime, mqOptions, ports.webSocket ?? null, this.#parts);
    this.db = new DatabaseConnector(ports.driver, runtime, this.#parts);
    this.mq = new MQConnector({ runtime, db: this.db, mq, pollMs });
    this.#writer = new this.#parts.EventWriter(this.db, this.mq, runtime.clock);
    this.#replica = ports.replica === undefined ? null : new Replica(ports.replica, runtime);
    this.queries = new DataQueries(this.#replica ?? this.db.database);
    this.data = new DataUpdates(this.db, this.#writer, runtime.clock);
    this.#effects = new this.#parts.EffectCommitter(this.db, this.#writer, runtime.clock);
    this.#poll = new Poll(runtime.logger);
    this.#calls = new CallCommitter(this.db, this.#writer, runtime.clock);
    this.#lease = new this.#parts.Lease(runtime.clock, this.config.leaseMs);
    this.#builders = new BuilderList({
      updates: this.data.builds,
      logger: runtime.logger,
      poll: this.#poll,
      owner: () => this.#owner(),
    });
    const ofSources = this.config.changeSources.length === 0 ? [] : [CHANGE_SOURCE_RELEASED];
    this.#subscriptions = [MASTER_STOPPED, SCHEDULER_RELEASED, SCHEDULER_UPDATED, ...ofSources].map(
      (filter) => new Subscription(runtime, this.mq, filter, () => this.#keeper?.lookAgain()),
    );
    this.#services = this.#tree();
  }

  /** What it runs with: the last configuration that was accepted, completed. */
  get config(): MasterConfig {
    return this.#config;
  }

  /** The id of this master, 0 before it has started. */
  get masterid(): number {
    return this.#masterid;
  }

  /**
   * Starts, and goes on trying while the database cannot be reached. Resolves when the first look at the claims has been
   * taken and what was claimed is active.
   * @throws StandinError for what will not get better: a wrong schema, for example
   */
  start(): Promise<void> {
    this.#started ??= this.#services.start();
    return this.#started;
  }

  /** Stops cleanly, once; resolves when nothing runs any more, after 30 s at the latest. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  /** Adds a change under its caller's key; see DataUpdates.addChange. */
  addChange(change: NewChange, key: string): Promise<number> {
    return this.data.addChange(change, key);
  }

  /**
   * Goes over to another configuration; one at a time, after the start. Resolves when what was added has been claimed and
   * is active, or is somebody else's; says what was done.
   * @throws ConfigError naming all that is wrong, or that cannot change while a master runs: then nothing has changed
   * @throws StandinError `not-running` before the start and when it stops meanwhile
   */
  async reconfigure(options: MasterOptions): Promise<Reconfiguration> {
    const config = completeConfig(options);
    checkReconfiguration(this.#config, config);
    await this.#started;
    return this.#reconfigurations.run(() => this.#reconfigure(config));
  }

  async #reconfigure(config: MasterConfig): Promise<Reconfiguration> {
    const keeper = this.#runningKeeper();
    const before = this.#config.schedulers;
    const schedulers = config.schedulers.map(
      (wanted) => before.find((running) => isEquivalent(running, wanted)) ?? wanted,
    );
    const removed = before.filter((running) => !schedulers.includes(running));
    const added = schedulers.filter((wanted) => !before.includes(wanted));
    await this.#tryAgain('reconfiguration', () => this.#introduce(config.builders, added, keeper));
    this.#runningKeeper();
    for (const scheduler of removed) {
      await keeper.remove(scheduler);
      await scheduler.detach();
    }
    for (const scheduler of added) await keeper.add(scheduler);
    await this.#tryAgain('reconfiguration', () => this.#listBuilders(config.builders, schedulers));
    // Change sources and drivers stay as they are until the master is restarted.
    const { changeSources, drivers } = this.#config;
    this.#config = { ...config, schedulers, changeSources, drivers };
    const names = (list: readonly BaseScheduler[]): readonly string[] => list.map(({ name }) => name);
    const kept = schedulers.filter((scheduler) => before.includes(scheduler));
    const done = { removed: names(removed), added: names(added), kept: names(kept) };
    const { logger } = this.#ports.runtime;
    logger.log('info', `'${config.name}' is reconfigured: ${describeReconfiguration(done)}`);
    return done;
  }

  #runningKeeper(): ClaimKeeper {
    if (this.#keeper !== null && !this.#stopping.signal.aborted) return this.#keeper;
    throw new StandinError('not-running', `'${this.config.name}' does not run: it cannot be reconfigured`);
  }

  #tree(): ServiceGroup {
    const { mq } = this;
    const nothing = async (): Promise<void> => undefined;
    const { logger } = this.#ports.runtime;
    return new ServiceGroup(this.config.name, logger, [
      { name: 'database', start: nothing, stop: async () => this.#stopReading() },
      {
        name: 'membership',
        start: () => this.#tryAgain('start', () => this.#join()),
        stop: () => this.#part(),
      },
      // The queue may be out of reach for long; messages are hints, so nothing waits for it.
      { name: 'queue', start: async () => void mq.start(), stop: () => mq.stop() },
      {
        name: 'presence',
        start: nothing, // joining has announced it
        stop: async () => void (await this.data.masterStopped(this.#identity())),
      },
      { name: 'registrations', start: () => this.#tryAgain('start', () => this.#register()), stop: nothing },
      {
        name: 'messages',
        start: async () => this.#subscriptions.forEach((subscription) => subscription.start()),
        stop: async () => void (await Promise.all(this.#subscriptions.map((s) => s.stop()))),
      },
      {
        name: 'upkeep',
        start: async () => {
          this.#upkeep?.start();
          this.#builders.start();
        },
        stop: async () => {
          this.#builders.stop();
          await this.#upkeep?.stop();
        },
      },
      {
        name: 'schedulers',
        start: async () => this.#keeper?.start(),
        stop: async () => this.#keeper?.stop(),
      },
      {
        name: 'drivers',
        start: () => this.#tryAgain('start', async () => this.#drivers?.start()),
        stop: async () => this.#drivers?.stop(),
      },
    ]);
  }

  #stopReading(): void {
    this.#replica?.stop();
    this.db.database.stop();
  }

  async #stop(): Promise<void> {
    this.#stopping.abort('stopped');
    const { clock } = this.#ports.runtime;
    const limit = clock.setTimer(() => this.#ports.exit('stopping took too long'), QUIESCE_LIMIT_MS);
    await Promise.all(this.config.schedulers.map((scheduler) => scheduler.detach()));
    await this.#services.stop();
    limit.cancel();
  }

  async #join(): Promise<void> {
    await this.db.checkSchema();
    this.#masterid = await this.db.masters.findMasterId(this.config.name);
    const sentAt = this.#lease.now();
    this.#lease.begin(await this.data.masterStarted(this.#identity()), sentAt);
    this.#watchLapse();
    this.#heartbeat = new Heartbeat({
      runtime: this.#ports.runtime,
      db: this.db,
      lease: this.#lease,
      masterid: this.#masterid,
      heartbeatMs: this.config.heartbeatMs,
      PeriodicTasks: this.#parts.PeriodicTasks,
      onLapsed: () => this.#quiesce('its lease has lapsed'),
      onRenewed: () => {
        this.#watchLapse();
        this.#upkeep?.forget();
        if (!this.#stopping.signal.aborted) this.#keeper?.resume();
      },
      onExpired: () => this.#rejoin(),
      onSuperseded: () => this.#ports.exit(`a younger process named '${this.config.name}' runs`),
    });
    this.#heartbeat.start();
  }

  async #part(): Promise<void> {
    this.#lapse?.cancel();
    this.#lease.end();
    await this.#heartbeat?.stop();
  }

  async #register(): Promise<void> {
    const { runtime } = this.#ports;
    const { schedulers, changeSources, builders, heartbeatMs, leaseMs } = this.config;
    const { PeriodicTasks } = this.#parts;
    const keeper = new ClaimKeeper(
      {
        runtime,
        db: this.db,
        updates: this.data,
        lease: this.#lease,
        watch: new this.#parts.OwnerWatch(runtime.clock, leaseMs),
        masterid: this.#masterid,
        heartbeatMs,
        PeriodicTasks,
        onEnded: () => this.#upkeep?.keepHouse(),
      },
      [...schedulers, ...changeSources],
    );
    await this.#introduce([...builders, ...this.#drivenBuilders()], schedulers, keeper);
    for (const source of changeSources) await this.#bindSource(source, keeper);
    await this.#listBuilders(builders, schedulers);
    this.#keeper = keeper;
    this.#upkeep = this.#upkeepOf();
    this.#drivers = this.#driverHost();
  }

  #upkeepOf(): Upkeep {
    const { runtime } = this.#ports;
    const { claimPollMs, leaseMs } = this.config;
    const housekeeping = new this.#parts.Housekeeping({
      db: this.db,
      updates: this.data,
      logger: runtime.logger,
      masterid: this.#masterid,
      watch: new this.#parts.OwnerWatch(runtime.clock, leaseMs),
    });
    return new Upkeep({
      ...{ runtime, db: this.db, writer: this.#writer, poll: this.#poll },
      ...{ housekeeping, claimPollMs, PeriodicTasks: this.#parts.PeriodicTasks },
    });
  }

  #driverHost(): DriverHost {
    const { db, mq, data: updates } = this;
    const { runtime, commands = null } = this.#ports;
    const owner = (): Owner | null => {
      const own = this.#owner();
      return own !== null && this.#lease.isTrusted(own.incarnation) ? own : null;
    };
    const ports = { runtime, db, updates, mq, poll: this.#poll, commands, owner };
    return new DriverHost(ports, this.config.drivers);
  }

  async #bindSource(source: ChangeSource, keeper: ClaimKeeper): Promise<void> {
    const { db, data: updates } = this;
    const { runtime, commands = null } = this.#ports;
    const changesourceid = await db.changeSources.findChangeSourceId(source.name);
    const objectid = await db.state.getObjectId(source.name, source.constructor.name);
    source.attach({ state: new FencedState(db, 'changesource'), updates, commands }, objectid);
    source.bind(keeper, runtime, changesourceid);
  }

  /** Makes builders and schedulers known to the database, and the schedulers to what they work with. */
  async #introduce(
    builders: readonly string[],
    schedulers: readonly BaseScheduler[],
    keeper: ClaimKeeper,
  ): Promise<void> {
    const names = new Set([...builders, ...schedulers.flatMap((scheduler) => scheduler.builderNames)]);
    for (const name of names) await this.db.builders.findBuilderId(name);
    for (const scheduler of schedulers) await this.#bind(scheduler, keeper);
  }

  /** Shows everybody which builders are configured here, all of which have been introduced. */
  async #listBuilders(builders: readonly string[], schedulers: readonly BaseScheduler[]): Promise<void> {
    const named = schedulers.flatMap(({ builderNames }) => builderNames);
    const names = [...new Set([...builders, ...named, ...this.#drivenBuilders()])];
    const ids = await this.db.builders.getBuilderIds(names);
    await this.#builders.set(names.flatMap((name) => ids.get(name) ?? []));
  }

  #drivenBuilders(): readonly string[] {
    return this.config.drivers.flatMap(({ builderNames }) => builderNames);
  }

  async #bind(scheduler: BaseScheduler, keeper: ClaimKeeper): Promise<void> {
    const schedulerid = await this.db.schedulers.findSchedulerId(scheduler.name, scheduler.queueFilters);
    const objectid = await this.db.state.getObjectId(scheduler.name, scheduler.constructor.name);
    const { EventFeed } = this.#parts;
    const context = {
      db: this.db,
      mq: this.mq,
      effects: this.#effects,
      poll: this.#poll,
      calls: this.#calls,
      openJobDirectory: this.#ports.openJobDirectory ?? null,
      createEventFeed: (...args: ConstructorParameters<typeof EventFeed>) => new EventFeed(...args),
    };
    scheduler.attach(context, objectid);
    scheduler.bind(keeper, this.#ports.runtime, schedulerid);
  }

  /** Lets go as soon as belief has run out; a renewal in time begins the wait anew. */
  #watchLapse(): void {
    this.#lapse?.cancel();
    this.#lapse = this.#ports.runtime.clock.setTimer(
      () => this.#keeper?.letGoOfUntrusted(),
      this.config.leaseMs - LEASE_MARGIN_MS,
    );
  }

  /** Who this master is now, whether or not it may believe in its lease. */
  #owner(): Owner | null {
    const { incarnation } = this.#lease;
    return incarnation === null ? null : { masterid: this.#masterid, incarnation };
  }

  #identity(): { readonly id: number; readonly name: string } {
    return { id: this.#masterid, name: this.config.name };
  }

  async #rejoin(): Promise<void> {
    const before = this.#lease.incarnation;
    if (before === null || this.#stopping.signal.aborted) return;
    this.#ports.runtime.logger.log(
      'warning',
      `incarnation ${before} of '${this.config.name}' has been ended by others`,
    );
    await this.#quiesce('its incarnation has been ended');
    const sentAt = this.#lease.now();
    const incarnation = await this.data.masterRejoined(this.#identity(), before);
    if (incarnation === null) {
      this.#ports.exit(`a younger process named '${this.config.name}' runs`);
      return;
    }
    this.#lease.begin(incarnation, sentAt);
    this.#watchLapse();
    this.#keeper?.resume();
    void this.#builders.write(); // whoever ended the incarnation before has deleted the list
  }

  /** Ends all activity, then gives all claims back. A process whose activity does not end in time ends itself. */
  async #quiesce(reason: string): Promise<void> {
    const limit = this.#ports.runtime.clock.setTimer(
      () => this.#ports.exit('quiescing took too long'),
      QUIESCE_LIMIT_MS,
    );
    await this.#keeper?.quiesce(reason);
    limit.cancel();
    await this.#keeper?.releaseOwned();
  }

  async #tryAgain(what: string, step: () => Promise<void>): Promise<void> {
    const { clock, logger } = this.#ports.runtime;
    while (!this.#stopping.signal.aborted) {
      try {
        await step();
        return;
      } catch (error) {
        if (!(error instanceof StandinError) || !error.isRetryable) throw error;
        logger.log('warning', `${what} of '${this.config.name}' is tried again: ${describeError(error)}`);
        await sleep(clock, START_RETRY_MS, this.#stopping.signal);
      }
    }
  }
}

function describeReconfiguration(done: Reconfiguration): string {
  const parts = (['removed', 'added', 'kept'] as const).flatMap((what) =>
    done[what].length === 0 ? [] : [`${what} ${done[what].join(', ')}`],
  );
  return parts.length === 0 ? 'no schedulers' : parts.join('; ');
}
