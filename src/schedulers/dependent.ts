// Builds what another scheduler has built, when that has succeeded.
//
// It consumes the completions of buildsets from a durable queue, so it misses none: not one whose message was lost, and not
// one that came while no Dependent was active.
// @source buildbot master/buildbot/schedulers/dependent.py

import { ConfigError } from '../core/errors.js';
import type { JsonObject } from '../core/json.js';
import type { Filter } from '../core/routing-key.js';
import { BaseScheduler, type SchedulerOptions } from './base.js';
import { COMPLETE_BUILDSETS } from './buildset-waiters.js';
import type { BuilderNames } from './render.js';

export interface DependentOptions extends SchedulerOptions {
  /** Whose buildsets it waits for. */
  readonly upstream: BaseScheduler;
}

const SUCCESS = 0;
const WARNINGS = 1;

export class Dependent extends BaseScheduler {
  static override readonly compareAttrs: readonly string[] = ['upstream'];
  /** The name of the scheduler whose buildsets it waits for: that is all that it heeds of it. */
  readonly upstream: string;

  /** @throws ConfigError when upstream is no scheduler. */
  constructor(name: string, builderNames: BuilderNames, { upstream, ...options }: DependentOptions) {
    super(name, builderNames, options);
    if (!(upstream instanceof BaseScheduler)) {
      throw new ConfigError(`upstream of scheduler '${name}' must be a scheduler`);
    }
    this.upstream = upstream.name;
  }

  override get queueFilters(): readonly Filter[] {
    return [COMPLETE_BUILDSETS];
  }

  protected override async startActivity(): Promise<void> {
    this.startConsuming(COMPLETE_BUILDSETS, ({ body }) => {
      const { scheduler, results, bsid, sourcestampids } = body as JsonObject;
      const isWanted = scheduler === this.upstream && (results === SUCCESS || results === WARNINGS);
      return isWanted ? () => this.#build(bsid as number, sourcestampids as readonly number[]) : null;
    });
  }

  async #build(upstreamBsid: number, sourcestamps: readonly number[]): Promise<void> {
    const triggerKey = `upstream:${upstreamBsid}`;
    await this.addBuildsetForSourceStamps({ sourcestamps, reason: 'downstream', triggerKey });
  }
}
