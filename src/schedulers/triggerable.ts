// Builds when it is called, on whichever master: a build that triggers others calls it, and may wait for them.
//
// The call id makes a call one and the same however often it is tried: after a restart the same call finds the buildset
// that it has added, and goes on waiting for it.
// @source buildbot master/buildbot/schedulers/triggerable.py

import type { Filter } from '../core/routing-key.js';
import type { Properties } from '../db/buildsets.js';
import type { SourceStamp } from '../db/sourcestamps.js';
import { BaseScheduler, type SchedulerOptions } from './base.js';
import type { AddedBuildset } from './buildset-builder.js';
import { BuildsetWaiters, WaiterStoppedError } from './buildset-waiters.js';
import type { SchedulerContext } from './context.js';
import type { BuilderNames } from './render.js';

export interface TriggerableOptions extends SchedulerOptions {
  /** Of the buildsets, unless a call brings a property `reason`; default names the scheduler. */
  readonly reason?: string;
}

/** What a call says. */
export interface TriggerCall {
  /** The same for each attempt of one call, such as the build and step that make it. Default: each call is another. */
  readonly callId?: string;
  /** Whether somebody waits for the results. Default false. */
  readonly waitedFor?: boolean;
  readonly sourcestamps?: readonly Partial<SourceStamp>[];
  /** Properties of the buildset; those of the scheduler override them. */
  readonly setProperties?: Properties;
  /** Default that of the scheduler. */
  readonly priority?: number;
}

/** A buildset that was triggered, and its results when it is complete. */
export interface Triggered extends AddedBuildset {
  /** @throws WaiterStoppedError when the master stops or the scheduler is removed first: call again with the same id. */
  results(): Promise<number>;
}

export class Triggerable extends BaseScheduler {
  readonly #reason: string;
  #waiters: BuildsetWaiters | null = null;
  #isDetached = false;

  constructor(name: string, builderNames: BuilderNames, options: TriggerableOptions = {}) {
    super(name, builderNames, options);
    this.#reason =
      options.reason ?? `The ${this.constructor.name} scheduler named '${name}' triggered this build`;
  }

  override get queueFilters(): readonly Filter[] {
    return [];
  }

  /** Adds a buildset, once for this call id. @throws SchedulerDisabledError, DatabaseError, StandinError `not-started` */
  async trigger(call: TriggerCall = {}): Promise<Triggered> {
    const { callId, waitedFor = false, sourcestamps = [], setProperties = {}, priority } = call;
    const reason = setProperties['reason']?.[0];
    const added = await this.addBuildsetForCall(callId, {
      ...{ waitedFor, sourcestamps, properties: setProperties },
      reason: typeof reason === 'string' ? reason : this.#reason,
      ...(priority === undefined ? {} : { priority }),
    });
    return { ...added, results: () => this.#waitFor(added.bsid) };
  }

  override attach(context: SchedulerContext, objectid: number): void {
    this.#isDetached = false;
    super.attach(context, objectid);
  }

  /** Who waits is told so; also who begins to wait from now on. */
  override async detach(): Promise<void> {
    this.#isDetached = true;
    await this.#waiters?.stop();
    this.#waiters = null;
    await super.detach();
  }

  async #waitFor(bsid: number): Promise<number> {
    if (this.#isDetached) throw new WaiterStoppedError(this.name);
    this.#waiters ??= new BuildsetWaiters(this.runtime, this.attached(), this.name);
    return this.#waiters.wait(bsid);
  }
}
