// The driver that has builds done: it takes up requests of its builders, starts builds at an executor, asks how far they
// are, and writes what it hears to the database.
//
// A build waits in the database, not in a lock: while its executor works nothing is held, neither a session nor a row. Each
// poll asks the executor, outside of any transaction, and what is then written is written under the lock of the build's
// row, where everything is checked again: the incarnation that began it lives, and the build has not ended. So:
//
// 1. A begins build 7, is paused, and loses its lease; B's housekeeping ends build 7 with RETRY and frees its request.
// 2. B begins build 8 of that request.
// 3. A resumes, hears that build 7 has succeeded, and writes that: refused, and A forgets build 7.
//
// What a poll could not ask or write, the next one does. A build that takes too long is given up, also one whose executor
// does not answer. Builds belong to an incarnation: those of an earlier one are stopped and forgotten.

import { describeError, StandinError } from '../core/errors.js';
import { EXCEPTION, RETRY } from '../core/results.js';
import type { Build } from '../db/builds.js';
import type { BuildRequest } from '../db/build-requests.js';
import { ClaimLostError, type Owner } from '../db/claims.js';
import type { BuildEnd } from '../data/build-updates.js';
import { BUILD_REQUEST_CLAIMABLE } from '../data/events.js';
import { driverPeriodicTask } from '../periodic/driver-periodic-task.js';
import { Loop } from '../services/loop.js';
import { Subscription } from '../services/subscription.js';
import { completeDriverOptions, type BuildDriverOptions } from './build-driver-options.js';
import type { Driver, DriverContext, DriverManager, DriverPorts } from './driver-host.js';
import type { Executor } from './executor.js';

/** A build that has begun and not ended. */
interface Running {
  readonly build: Build;
  readonly owner: Owner;
  readonly beganMs: number;
  /** Null until the executor has accepted it. */
  handle: string | null;
  /** What the database says that it is doing. */
  stateString: string;
  /** Somebody asks or writes for it. */
  isBusy: boolean;
}

/** After the executor refused a build, none is taken up for so long. */
const REFUSED_PAUSE_MS = 30_000;

export class BuildDriver implements Driver {
  readonly name: string;
  readonly builderNames: readonly string[];
  readonly #executor: Executor;
  readonly #mostBuilds: number;
  readonly #timeOutMs: number;
  readonly #running = new Map<number, Running>();
  /** By id. */
  readonly #builders = new Map<number, string>();
  #ports: DriverPorts | null = null;
  #takingUp: Loop | null = null;
  #endings: (() => void | Promise<void>)[] = [];
  #notBeforeMs = 0;
  #isStopping = false;

  /** @throws ConfigError */
  constructor(name: string, builderNames: readonly string[], options: BuildDriverOptions) {
    const { executor, mostBuilds, timeOutS } = completeDriverOptions(name, builderNames, options);
    this.name = name;
    this.builderNames = builderNames;
    this.#executor = executor;
    this.#mostBuilds = mostBuilds;
    this.#timeOutMs = timeOutS * 1000;
  }

  async start(ports: DriverPorts): Promise<void> {
    const { runtime, commands, db, mq, poll } = ports;
    this.#ports = ports;
    this.#executor.attach?.({ runtime, commands });
    const ids = await db.builders.getBuilderIds(this.builderNames);
    for (const name of this.builderNames) this.#builders.set(ids.get(name) ?? 0, name);
    const loop = new Loop(runtime, { name: `${this.name} taking up requests` }, () => this.#takeUp(ports));
    this.#takingUp = loop;
    for (const filter of BUILD_REQUEST_CLAIMABLE) {
      const subscription = new Subscription(runtime, mq, filter, () => loop.wake());
      subscription.start();
      this.#endings.push(() => subscription.stop());
    }
    this.#endings.push(poll.add(() => loop.wake()));
    loop.start();
  }

  /** Stops what runs, and gives it back to be built again. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await Promise.all(this.#endings.map(async (end) => end()));
    await this.#takingUp?.stop();
    const end = { results: RETRY, stateString: 'its master has stopped' };
    await Promise.all([...this.#running.values()].map((running) => this.#tryToEnd(running, end)));
    // An executor that does not answer is not waited for: whatever it says now, its build is forgotten.
  }

  /** Asks the executor how far each running build is. */
  @driverPeriodicTask({ spacing: 5 }) poll(_manager: DriverManager, { owner }: DriverContext): void {
    if (owner === null) return;
    for (const running of this.#running.values()) {
      if (!isSame(running.owner, owner)) this.#forget(running);
      else if (!running.isBusy) this.#inBackground(running, () => this.#ask(running));
    }
  }

  /** Gives up builds that take too long. */
  @driverPeriodicTask({ spacing: 20 }) giveUp(_manager: DriverManager, { owner }: DriverContext): void {
    if (owner === null || this.#timeOutMs === 0) return;
    const stateString = `timed out after ${this.#timeOutMs / 1000} s`;
    for (const running of this.#running.values()) {
      if (this.#nowMs() - running.beganMs < this.#timeOutMs) continue;
      // Not even who is busy with it matters: of two who end it one is late, and refused.
      this.#inBackground(running, () => this.#end(running, { results: EXCEPTION, stateString }));
    }
  }

  /** Takes up as many requests as there is room for. */
  async #takeUp(ports: DriverPorts): Promise<void> {
    const room = this.#mostBuilds - this.#running.size;
    if (room <= 0 || this.#nowMs() < this.#notBeforeMs) return;
    const requests = await ports.db.buildRequests.getClaimable([...this.#builders.keys()], room);
    for (const request of requests) {
      const owner = ports.owner();
      if (owner === null || this.#isStopping) return;
      const build = await ports.updates.builds.beginBuild({
        ...owner,
        builderid: request.builderid,
        buildrequestid: request.buildrequestid,
        workerid: null,
        stateString: 'starting',
      });
      if (build === null) continue; // another master was first
      const { stateString } = build;
      const running = { build, owner, beganMs: this.#nowMs(), handle: null, stateString, isBusy: false };
      this.#running.set(build.buildid, running);
      this.#inBackground(running, () => this.#launch(ports, running, request));
    }
    // Of those that were found others may have been first: there may be more.
    if (requests.length === room && this.#running.size < this.#mostBuilds) this.#takingUp?.wake();
  }

  async #launch({ db }: DriverPorts, running: Running, request: BuildRequest): Promise<void> {
    const { build } = running;
    try {
      const handle = await this.#executor.start({
        build,
        builder: request.buildername,
        request,
        properties: await db.buildsets.getBuildsetProperties(request.buildsetid),
        stamps: await db.buildsets.getBuildsetStamps(request.buildsetid),
      });
      running.handle = handle;
      if (!this.#isCurrent(running)) await this.#executor.stop(handle); // it was given up meanwhile
    } catch (error) {
      this.#log(`build ${build.buildid} could not be started`, error);
      const isRetryable = error instanceof StandinError && error.isRetryable;
      if (isRetryable) this.#notBeforeMs = this.#nowMs() + REFUSED_PAUSE_MS;
      const results = isRetryable ? RETRY : EXCEPTION;
      await this.#end(running, { results, stateString: 'could not be started' });
    }
  }

  async #ask(running: Running): Promise<void> {
    if (running.handle === null) {
      // It was started, but its end as one that could not be was not written.
      return this.#end(running, { results: RETRY, stateString: 'could not be started' });
    }
    const status = await this.#executor.status(running.handle);
    if (!this.#isCurrent(running)) return;
    switch (status.kind) {
      case 'running':
        return this.#progress(running, status.stateString);
      case 'finished':
        return this.#end(running, status);
      case 'lost':
        return this.#end(running, { results: RETRY, stateString: status.stateString });
      default:
        return status satisfies never;
    }
  }

  async #progress(running: Running, stateString: string): Promise<void> {
    if (running.stateString === stateString) return;
    await this.#ports?.updates.builds.setBuildStateString(running.build.buildid, running.owner, stateString);
    running.stateString = stateString;
  }

  /** Writes the end of a build; what is refused is forgotten too. */
  async #end(running: Running, { results, stateString }: BuildEnd): Promise<void> {
    if (!this.#isCurrent(running)) return;
    await this.#ports?.updates.builds.endBuild(running.build, running.owner, { results, stateString });
    this.#forget(running);
    this.#takingUp?.wake();
  }

  async #tryToEnd(running: Running, end: BuildEnd): Promise<void> {
    try {
      await this.#end(running, end);
    } catch (error) {
      this.#log(`build ${running.build.buildid} could not be given back`, error);
      this.#forget(running);
    }
  }

  #forget(running: Running): void {
    if (!this.#running.delete(running.build.buildid) || running.handle === null) return;
    const { handle } = running;
    this.#inBackground(running, () => this.#executor.stop(handle));
  }

  #isCurrent(running: Running): boolean {
    return this.#running.get(running.build.buildid) === running;
  }

  /** Does something for a build, alone unless time is up; errors are logged, and left to the next poll. */
  #inBackground(running: Running, action: () => Promise<void>): void {
    running.isBusy = true;
    void this.#settle(running, action);
  }

  async #settle(running: Running, action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (error) {
      this.#log(`build ${running.build.buildid}`, error);
      if (error instanceof ClaimLostError) this.#forget(running);
    }
    running.isBusy = false;
  }

  #log(what: string, error: unknown): void {
    this.#ports?.runtime.logger.log('warning', `${this.name}: ${what}: ${describeError(error)}`);
  }

  #nowMs(): number {
    return this.#ports?.runtime.clock.monotonicMs() ?? 0;
  }
}

function isSame(a: Owner, b: Owner): boolean {
  return a.masterid === b.masterid && a.incarnation === b.incarnation;
}
