// Update methods of build requests, builds and builders: each changes state and announces it in one transaction. What a
// request's end means for its buildset belongs to that transaction too, so that no buildset is left open by a crash.
// @source buildbot master/buildbot/data/buildrequests.py, builds.py, builders.py, buildsets.py

import { present } from '../core/assert.js';
import { RETRY } from '../core/results.js';
import { AlreadyClaimedError, assertActiveIn } from '../db/build-requests.js';
import type { Build, NewBuild } from '../db/builds.js';
import type { Owner } from '../db/claims.js';
import type { DatabaseConnector } from '../db/connector.js';
import type { Transaction } from '../db/transaction.js';
import { wallSeconds, type Clock } from '../runtime/clock.js';
import type { EventWriter } from './event-writer.js';
import { buildEvent, builderEvent, buildRequestEvent, buildsetEvent, type Event } from './events.js';

/** How a build ends. */
export interface BuildEnd {
  /** Of core/results.ts. */
  readonly results: number;
  /** What it says of itself from then on. */
  readonly stateString: string;
}

/** Builds, and requests, that one transaction releases. */
const RELEASED_AT_ONCE = 50;

export class BuildUpdates {
  readonly #db: DatabaseConnector;
  readonly #writer: EventWriter;
  readonly #clock: Clock;

  constructor(db: DatabaseConnector, writer: EventWriter, clock: Clock) {
    this.#db = db;
    this.#writer = writer;
    this.#clock = clock;
  }

  /**
   * Claims all of these requests for an incarnation of a master, or none; false when that may not be.
   * @throws ClaimLostError when that incarnation is not active
   */
  async claimBuildRequests(brids: readonly number[], owner: Owner): Promise<boolean> {
    const { buildRequests } = this.#db;
    try {
      await this.#announcing('claim', brids.length, async (tx) => {
        await buildRequests.claimBuildRequestsIn(tx, brids, owner, this.#now());
        return { events: await this.#requestEvents(tx, 'claimed', brids), value: null };
      });
      return true;
    } catch (error) {
      if (error instanceof AlreadyClaimedError) return false;
      throw error;
    }
  }

  /** Gives back those of these requests that the owner has claimed and not completed. */
  async unclaimBuildRequests(brids: readonly number[], owner: Owner): Promise<void> {
    await this.#announcing('unclaim', brids.length, async (tx) => {
      const unclaimed = await this.#db.buildRequests.unclaimBuildRequestsIn(tx, brids, owner);
      return { events: await this.#requestEvents(tx, 'unclaimed', unclaimed), value: null };
    });
  }

  /**
   * Completes all of these requests, or none, and the buildsets of which they were the last ones. With an owner each must
   * be claimed by it. @throws NotClaimedError
   */
  async completeBuildRequests(brids: readonly number[], results: number, owner?: Owner): Promise<void> {
    await this.#announcing('complete', 2 * brids.length, async (tx) => {
      const completeAt = this.#now();
      const completion = { results, completeAt, ...(owner === undefined ? {} : { owner }) };
      await this.#db.buildRequests.completeBuildRequestsIn(tx, brids, completion);
      const requests = await this.#db.buildRequests.getBuildRequestsIn(tx, brids);
      const events: Event[] = requests.map((request) => buildRequestEvent('complete', request));
      for (const bsid of new Set(requests.map(({ buildsetid }) => buildsetid))) {
        events.push(...(await this.#maybeCompleteIn(tx, bsid, completeAt)));
      }
      return { events, value: null };
    });
  }

  /** Completes a buildset all of whose requests are complete; harmless when it is already, or they are not. */
  async maybeBuildsetComplete(bsid: number): Promise<void> {
    await this.#announcing('buildset', 1, async (tx) => {
      return { events: await this.#maybeCompleteIn(tx, bsid, this.#now()), value: null };
    });
  }

  /** Begins a build of a request that the owner has claimed. @throws ClaimLostError */
  async addBuild(build: Omit<NewBuild, 'buildid' | 'startedAt'>): Promise<Build> {
    const buildid = await this.#db.ids.takeOne('builds');
    return this.#announcing('build', 1, async (tx) => {
      const added = await this.#db.builds.addBuildIn(tx, { ...build, buildid, startedAt: this.#now() });
      return { events: [buildEvent('new', added)], value: added };
    });
  }

  /**
   * Claims a request and begins a build of it, both or neither: no request is claimed of which nothing is built. Null when
   * the request is somebody's already, or complete. @throws ClaimLostError when the owner's incarnation is not active
   */
  async beginBuild(build: Omit<NewBuild, 'buildid' | 'startedAt'>): Promise<Build | null> {
    const buildid = await this.#db.ids.takeOne('builds');
    const brids = [build.buildrequestid];
    try {
      return await this.#announcing('begin', 2, async (tx) => {
        const now = this.#now();
        await this.#db.buildRequests.claimBuildRequestsIn(tx, brids, build, now);
        const added = await this.#db.builds.addBuildIn(tx, { ...build, buildid, startedAt: now });
        const claimed = await this.#requestEvents(tx, 'claimed', brids);
        return { events: [...claimed, buildEvent('new', added)], value: added };
      });
    } catch (error) {
      if (error instanceof AlreadyClaimedError) return null;
      throw error;
    }
  }

  /**
   * Ends a build and what hangs on it, together: its request is complete, or with RETRY can be claimed again; its buildset
   * is complete if that was the last. The build's row is locked first, so that of this and the housekeeping of a dead
   * incarnation one comes second, and finds that it is late.
   * @throws ClaimLostError when the owner's incarnation is not active, or the build is complete, or another's
   */
  async endBuild(
    build: Pick<Build, 'buildid' | 'buildrequestid'>,
    owner: Owner,
    end: BuildEnd,
  ): Promise<void> {
    const { buildid, buildrequestid } = build;
    const { results, stateString } = end;
    const brids = [buildrequestid];
    await this.#announcing('end', 3, async (tx) => {
      const { builds, buildRequests } = this.#db;
      const completeAt = this.#now();
      await builds.lockOwnedIn(tx, buildid, owner);
      await builds.setBuildStateStringIn(tx, buildid, owner, stateString);
      const ended = await builds.finishBuildIn(tx, buildid, owner, { results, completeAt });
      const finished = buildEvent('finished', ended);
      const [request] = await buildRequests.getBuildRequestsIn(tx, brids);
      if (request === undefined || request.complete) return { events: [finished], value: null }; // it was cancelled
      if (results === RETRY) {
        const unclaimed = await buildRequests.unclaimBuildRequestsIn(tx, brids, owner);
        return {
          events: [finished, ...(await this.#requestEvents(tx, 'unclaimed', unclaimed))],
          value: null,
        };
      }
      await buildRequests.completeBuildRequestsIn(tx, brids, { results, completeAt, owner });
      const completed = buildRequestEvent('complete', { ...request, complete: true, results, completeAt });
      const buildset = await this.#maybeCompleteIn(tx, request.buildsetid, completeAt);
      return { events: [finished, completed, ...buildset], value: null };
    });
  }

  /** Says what a build is doing. @throws ClaimLostError when it is not the owner's, or complete */
  async setBuildStateString(buildid: number, owner: Owner, stateString: string): Promise<void> {
    await this.#announcing('state', 1, async (tx) => {
      const build = await this.#db.builds.setBuildStateStringIn(tx, buildid, owner, stateString);
      return { events: [buildEvent('update', build)], value: null };
    });
  }

  /** Ends a build. @throws ClaimLostError when it is not the owner's, or complete */
  async finishBuild(buildid: number, owner: Owner, results: number): Promise<void> {
    await this.#announcing('finish', 1, async (tx) => {
      const end = { results, completeAt: this.#now() };
      const build = await this.#db.builds.finishBuildIn(tx, buildid, owner, end);
      return { events: [buildEvent('finished', build)], value: null };
    });
  }

  /** From now on exactly these builders are configured on a master. @throws ClaimLostError unless this incarnation is active */
  async updateBuilderList(owner: Owner, builderids: readonly number[]): Promise<void> {
    const { builders } = this.#db;
    const { masterid } = owner;
    const before = await builders.getBuilders({ masterid });
    await this.#announcing('builders', before.length + builderids.length, async (tx) => {
      await assertActiveIn(tx, owner, `the list of builders of master ${masterid}`);
      const old = await builders.getMasterBuildersIn(tx, masterid);
      const removed = old.filter(({ builderid }) => !builderids.includes(builderid));
      const added = builderids.filter((id) => !old.some(({ builderid }) => builderid === id));
      const writes = [
        ...removed.map(({ builderid }) => builders.removeBuilderMasterStatement(builderid, masterid)),
        ...added.map((builderid) => builders.addBuilderMasterStatement(builderid, masterid)),
      ];
      if (writes.length > 0) await tx.run(writes);
      const now = await builders.getMasterBuildersIn(tx, masterid);
      const started = now.filter(({ builderid }) => added.includes(builderid));
      const events = [
        ...removed.map((builder) => builderEvent('stopped', builder, masterid)),
        ...started.map((builder) => builderEvent('started', builder, masterid)),
      ];
      return { events, value: null };
    });
  }

  /**
   * Releases some of what dead incarnations of a master have left behind: its builds end with RETRY, its requests can be
   * claimed again. True when nothing is left. Whoever does it may die; whoever does it again does the rest.
   */
  async releaseLeftovers(masterid: number): Promise<boolean> {
    return this.#announcing('leftovers', 2 * RELEASED_AT_ONCE, async (tx) => {
      const released = await this.#db.leftovers.releaseIn(tx, masterid, RELEASED_AT_ONCE, this.#now());
      const events = [
        ...released.builds.map((build) => buildEvent('finished', build)),
        ...(await this.#requestEvents(tx, 'unclaimed', released.brids)),
      ];
      return { events, value: released.isAll };
    });
  }

  async #maybeCompleteIn(tx: Transaction, bsid: number, completeAt: number): Promise<readonly Event[]> {
    const completed = await this.#db.buildsets.maybeBuildsetCompleteIn(tx, bsid, completeAt);
    return completed === null ? [] : [buildsetEvent('complete', completed)];
  }

  async #requestEvents(
    tx: Transaction,
    what: 'claimed' | 'unclaimed',
    brids: readonly number[],
  ): Promise<readonly Event[]> {
    if (brids.length === 0) return [];
    const requests = await this.#db.buildRequests.getBuildRequestsIn(tx, brids);
    return requests.map((request) => buildRequestEvent(what, request));
  }

  /** Runs `work` in a transaction, once, and announces its events, `limit` of them as far as can be foreseen. */
  async #announcing<T>(
    what: string,
    limit: number,
    work: (tx: Transaction) => Promise<{ readonly events: readonly Event[]; readonly value: T }>,
  ): Promise<T> {
    // The first id names the operation.
    return this.#writer.withIds(Math.max(limit, 1), (eventIds) =>
      this.#db.database.transaction(
        async (tx) => {
          const { events, value } = await work(tx);
          this.#writer.announce(tx, events, eventIds);
          return value;
        },
        { operation: `${what}.${present(eventIds[0], 'event id')}`, retriesUniqueViolation: true },
      ),
    );
  }

  #now(): number {
    return wallSeconds(this.#clock);
  }
}
