// A master: the process that checks in, holds claims and runs schedulers.
//
// Start: schema, master id, new incarnation, heartbeat, queue, durable registrations, then the claims and schedulers.
// Stop: each scheduler quiesces and is released at once, then the master is marked as stopped; after 30 s the process ends
// unreleased, and its lease runs out.
//
// When others have ended this incarnation: everything quiesces and is released, then a new incarnation begins. When a
// younger process of the same name runs, or quiescing takes too long, this process ends.
// @source buildbot master/buildbot/master.py

import { StandinError, describeError } from '../core/errors.js';
import type { NewChange } from '../db/changes.js';
import type { Owner } from '../db/claims.js';
import { DatabaseConnector } from '../db/connector.js';
import type { Driver } from '../db/driver.js';
import { FencedState } from '../data/fenced-state.js';
import { EventWriter } from '../data/event-writer.js';
import {
  CHANGE_SOURCE_RELEASED,
  MASTER_STOPPED,
  NEW_CHANGES,
  SCHEDULER_RELEASED,
  SCHEDULER_UPDATED,
} from '../data/events.js';
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
import type { Runtime } from '../runtime/runtime.js';
import type { BaseScheduler } from '../schedulers/base.js';
import { Poll } from '../services/poll.js';
import { Subscription } from '../services/subscription.js';
import { ClaimKeeper } from './claim-keeper.js';
import { completeConfig, type MasterConfig, type MasterOptions } from './config.js';
import { Heartbeat } from './heartbeat.js';
import { LEASE_MARGIN_MS, type Lease } from './lease.js';
import { SOUND_PARTS, type MasterParts } from './parts.js';

/** What a host provides. */
export interface MasterPorts {
  readonly runtime: Runtime;
  readonly driver: Driver;
  /** What the configured message queue connects with, where it needs that. */
  readonly webSocket?: WebSocketClass;
  /** A message queue of the host's own, in place of the configured one. */
  readonly mq?: MessageQueue;
  /** For drivers and change sources that run commands. Default none. */
  readonly commands?: Commands;
  /** Ends the process: the master cannot go on. */
  exit(reason: string): void;
}

/** After so long the process ends, whatever still runs. */
const QUIESCE_LIMIT_MS = 30_000;
const START_RETRY_MS = 2_000;

export class BuildMaster {
  readonly config: MasterConfig;
  readonly db: DatabaseConnector;
  readonly mq: MQConnector;
  readonly data: DataUpdates;
  readonly #ports: MasterPorts;
  readonly #parts: MasterParts;
  readonly #writer: EventWriter;
  readonly #effects: EffectCommitter;
  readonly #lease: Lease;
  readonly #poll: Poll;
  readonly #subscriptions: Subscription[] = [];
  readonly #stopping = new AbortController();
  #masterid = 0;
  #heartbeat: Heartbeat | null = null;
  #keeper: ClaimKeeper | null = null;
  #drivers: DriverHost | null = null;
  #lapse: Timer | null = null;
  #stopped: Promise<void> | null = null;

  /** @throws ConfigError */
  constructor(options: MasterOptions, ports: MasterPorts, parts: Partial<MasterParts> = {}) {
    this.config = completeConfig(options);
    this.#ports = ports;
    this.#parts = { ...SOUND_PARTS, ...parts };
    const { runtime } = ports;
    const { mq: mqOptions, claimPollMs: pollMs } = this.config;
    const mq = ports.mq ?? createMessageQueue(runtime, mqOptions, ports.webSocket ?? null, this.#parts);
    this.db = new DatabaseConnector(ports.driver, runtime, this.#parts);
    this.mq = new MQConnector({ runtime, db: this.db, mq, pollMs });
    this.#writer = new EventWriter(this.db, this.mq, runtime.clock);
    this.data = new DataUpdates(this.db, this.#writer, runtime.clock);
    this.#effects = new this.#parts.EffectCommitter(this.db, this.#writer, runtime.clock);
    this.#poll = new Poll(runtime, this.config.claimPollMs, this.#parts.Loop);
    this.#lease = new this.#parts.Lease(runtime.clock, this.config.leaseMs);
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
  async start(): Promise<void> {
    await this.#tryAgain(() => this.#join());
    void this.mq.start();
    await this.#tryAgain(() => this.#register());
    if (this.#stopping.signal.aborted) return;
    this.#listen();
    await this.#keeper?.start();
    await this.#tryAgain(async () => this.#drivers?.start());
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

  async #stop(): Promise<void> {
    this.#stopping.abort('stopped');
    const { clock, logger } = this.#ports.runtime;
    const limit = clock.setTimer(() => this.#ports.exit('stopping took too long'), QUIESCE_LIMIT_MS);
    try {
      await Promise.all(this.#subscriptions.map((subscription) => subscription.stop()));
      await this.#drivers?.stop();
      await this.#keeper?.stop();
      await this.data.masterStopped({ id: this.#masterid, name: this.config.name });
    } catch (error) {
      logger.log('warning', `stopped without saying so: ${describeError(error)}`);
    }
    this.#lapse?.cancel();
    this.#lease.end();
    await this.#heartbeat?.stop();
    await this.mq.stop();
    this.db.database.stop();
    limit.cancel();
  }

  async #join(): Promise<void> {
    await this.db.checkSchema();
    this.#masterid = await this.db.masters.findMasterId(this.config.name);
    const sentAt = this.#lease.now();
    this.#lease.begin(await this.db.masters.newIncarnation(this.#masterid), sentAt);
    this.#watchLapse();
    this.#heartbeat = new Heartbeat({
      runtime: this.#ports.runtime,
      db: this.db,
      lease: this.#lease,
      masterid: this.#masterid,
      heartbeatMs: this.config.heartbeatMs,
      Loop: this.#parts.Loop,
      onLapsed: () => this.#quiesce('its lease has lapsed'),
      onRenewed: () => {
        this.#watchLapse();
        if (!this.#stopping.signal.aborted) this.#keeper?.resume();
      },
      onExpired: () => this.#rejoin(),
      onSuperseded: () => this.#ports.exit(`a younger process named '${this.config.name}' runs`),
    });
    this.#heartbeat.start();
  }

  async #register(): Promise<void> {
    const { runtime } = this.#ports;
    const { schedulers, changeSources, drivers, builders, heartbeatMs, leaseMs } = this.config;
    await this.data.masterStarted({ id: this.#masterid, name: this.config.name });
    const users = [...schedulers, ...drivers];
    const names = new Set([...builders, ...users.flatMap(({ builderNames }) => builderNames)]);
    for (const name of names) await this.db.builders.findBuilderId(name);
    const watch = new this.#parts.OwnerWatch(runtime.clock, leaseMs);
    const housekeeping = new this.#parts.Housekeeping({
      db: this.db,
      updates: this.data,
      logger: runtime.logger,
      masterid: this.#masterid,
      watch: new this.#parts.OwnerWatch(runtime.clock, leaseMs),
    });
    const { db, data: updates } = this;
    const context = {
      runtime,
      db,
      updates,
      writer: this.#writer,
      lease: this.#lease,
      watch,
      masterid: this.#masterid,
      heartbeatMs,
      Loop: this.#parts.Loop,
      poll: this.#poll,
      housekeeping,
    };
    const keeper = new ClaimKeeper(context, [...schedulers, ...changeSources]);
    for (const scheduler of schedulers) await this.#bind(scheduler, keeper);
    for (const source of changeSources) await this.#bindSource(source, keeper);
    this.#keeper = keeper;
    this.#drivers = this.#driverHost();
  }

  #driverHost(): DriverHost {
    const { db, mq, data: updates } = this;
    const { runtime, commands = null } = this.#ports;
    const owner = (): Owner | null => {
      const { incarnation } = this.#lease;
      const isTrusted = incarnation !== null && this.#lease.isTrusted(incarnation);
      return isTrusted ? { masterid: this.#masterid, incarnation } : null;
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

  async #bind(scheduler: BaseScheduler, keeper: ClaimKeeper): Promise<void> {
    const filters = scheduler.consumesChanges ? [NEW_CHANGES] : [];
    const schedulerid = await this.db.schedulers.findSchedulerId(scheduler.name, filters);
    const objectid = await this.db.state.getObjectId(scheduler.name, scheduler.constructor.name);
    const { ChangeFeed } = this.#parts;
    const context = {
      db: this.db,
      mq: this.mq,
      effects: this.#effects,
      poll: this.#poll,
      createChangeFeed: (...args: ConstructorParameters<typeof ChangeFeed>) => new ChangeFeed(...args),
    };
    scheduler.attach(context, objectid);
    scheduler.bind(keeper, this.#ports.runtime, schedulerid);
  }

  /** Hears of what may let a scheduler be claimed or enabled now. */
  #listen(): void {
    const ofSources = this.config.changeSources.length === 0 ? [] : [CHANGE_SOURCE_RELEASED];
    for (const filter of [MASTER_STOPPED, SCHEDULER_RELEASED, SCHEDULER_UPDATED, ...ofSources]) {
      const subscription = new Subscription(this.#ports.runtime, this.mq, filter, () =>
        this.#keeper?.lookAgain(),
      );
      this.#subscriptions.push(subscription);
      subscription.start();
    }
  }

  /** Lets go as soon as belief has run out; a renewal in time begins the wait anew. */
  #watchLapse(): void {
    this.#lapse?.cancel();
    this.#lapse = this.#ports.runtime.clock.setTimer(
      () => this.#keeper?.letGoOfUntrusted(),
      this.config.leaseMs - LEASE_MARGIN_MS,
    );
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
    const incarnation = await this.db.masters.rejoin(this.#masterid, before);
    if (incarnation === null) {
      this.#ports.exit(`a younger process named '${this.config.name}' runs`);
      return;
    }
    this.#lease.begin(incarnation, sentAt);
    this.#watchLapse();
    this.#keeper?.resume();
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

  async #tryAgain(step: () => Promise<void>): Promise<void> {
    const { clock, logger } = this.#ports.runtime;
    while (!this.#stopping.signal.aborted) {
      try {
        await step();
        return;
      } catch (error) {
        if (!(error instanceof StandinError) || !error.isRetryable) throw error;
        logger.log('warning', `start of '${this.config.name}' is tried again: ${describeError(error)}`);
        await sleep(clock, START_RETRY_MS, this.#stopping.signal);
      }
    }
  }
}
