// What a master does for others that are dead: it ends the lives of those that have stopped renewing, whether or not they
// own a service, and releases what dead lives have left behind. Every master does; the database lets each thing happen
// once (src/db/leftovers.ts).
//
// A look, once a poll, is one statement that mostly finds the live masters and nothing else.

import { describeError } from '../core/errors.js';
import type { DataUpdates } from '../data/updates.js';
import type { DatabaseConnector } from '../db/connector.js';
import { watchedMasterOf, type WatchedMaster } from '../db/leftovers.js';
import type { Logger } from '../runtime/runtime.js';
import type { OwnerWatch, SeenOwner } from './owner-watch.js';

export interface HousekeepingContext {
  readonly db: DatabaseConnector;
  readonly updates: DataUpdates;
  readonly logger: Logger;
  /** The master that does it: it does not judge itself. */
  readonly masterid: number;
  /** Not shared: it is shown all masters, at each poll. */
  readonly watch: OwnerWatch;
}

export class Housekeeping {
  protected readonly context: HousekeepingContext;

  constructor(context: HousekeepingContext) {
    this.context = context;
  }

  /** Looks, and acts on what it finds; what fails for one master is logged, and comes again at the next poll. */
  async keepHouse(): Promise<void> {
    const { leftovers, database } = this.context.db;
    const { rows } = await database.readShared(leftovers.watchStatement());
    const masters = rows.map(watchedMasterOf);
    const ended: number[] = [];
    const others = masters.filter(({ active, masterid }) => active && masterid !== this.context.masterid);
    for (const suspect of this.context.watch.observe(others.map(ownerOf))) {
      const isEnded = await this.#try(() => this.context.updates.expireMaster(suspect));
      if (isEnded === true) ended.push(suspect.masterid);
    }
    for (const { masterid, isUnkept } of masters) {
      if (isUnkept || ended.includes(masterid)) await this.#try(() => this.release(masterid));
    }
  }

  /** Releases all that dead lives of a master have left behind. */
  protected async release(masterid: number): Promise<void> {
    for (let isAll = false; !isAll;) isAll = await this.context.updates.builds.releaseLeftovers(masterid);
  }

  async #try<T>(work: () => Promise<T>): Promise<T | null> {
    try {
      return await work();
    } catch (error) {
      this.context.logger.log('warning', `housekeeping: ${describeError(error)}`);
      return null;
    }
  }
}

function ownerOf({ masterid, incarnation, beat, lastActive }: WatchedMaster): SeenOwner {
  return {
    isFree: false,
    ownerMasterid: masterid,
    ownerIncarnation: incarnation,
    ownerBeat: beat,
    masterLastActive: lastActive,
  };
}
