// A scheduler that also builds what it asks for, slowly, on the master on which it is active: so that masters die with
// requests claimed and builds running. Whatever fails is left to the next turn.

import { BuildUpdates } from '../../src/data/build-updates.js';
import { EventWriter } from '../../src/data/event-writer.js';
import { StandinError } from '../../src/core/errors.js';
import { SUCCESS } from '../../src/core/results.js';
import type { Owner } from '../../src/db/claims.js';
import type { DatabaseConnector } from '../../src/db/connector.js';
import { sleep } from '../../src/runtime/clock.js';
import type { SchedulerContext } from '../../src/schedulers/context.js';
import { SingleBranchScheduler } from '../../src/schedulers/single-branch.js';

const TURN_MS = 5_000;
const BUILD_MS = 40_000;

export class BuildingScheduler extends SingleBranchScheduler {
  #context: SchedulerContext | null = null;

  override attach(context: SchedulerContext, objectid: number): void {
    this.#context = context;
    super.attach(context, objectid);
  }

  protected override async startActivity(): Promise<void> {
    await super.startActivity();
    if (this.#context === null) return;
    const { db, mq } = this.#context;
    const updates = new BuildUpdates(db, new EventWriter(db, mq, this.clock), this.clock);
    void this.#buildAll(db, updates, this.signal);
  }

  async #buildAll(db: DatabaseConnector, updates: BuildUpdates, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#buildNext(db, updates, signal);
      } catch (error) {
        if (!(error instanceof StandinError)) throw error;
      }
      await sleep(this.clock, TURN_MS, signal);
    }
  }

  async #buildNext(db: DatabaseConnector, updates: BuildUpdates, signal: AbortSignal): Promise<void> {
    const owner: Owner = this.requireClaim('building');
    const [request] = await db.buildRequests.getBuildRequests({ claimed: false });
    if (request === undefined || signal.aborted) return;
    const { buildrequestid, builderid } = request;
    if (!(await updates.claimBuildRequests([buildrequestid], owner))) return;
    const { masterid, incarnation } = owner;
    const build = await updates.addBuild({
      builderid,
      buildrequestid,
      workerid: null,
      masterid,
      incarnation,
      stateString: 'building',
    });
    await sleep(this.clock, BUILD_MS); // a build goes on, whatever becomes of its scheduler
    await updates.finishBuild(build.buildid, owner, SUCCESS);
    await updates.completeBuildRequests([buildrequestid], SUCCESS, owner);
  }
}
