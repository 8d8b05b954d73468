// What somebody outside may ask of a master, as it is done in that master's process.

import { StandinError } from '../../src/core/errors.js';
import { BuildUpdates } from '../../src/data/build-updates.js';
import { EventWriter } from '../../src/data/event-writer.js';
import { SchedulerDisabledError } from '../../src/db/schedulers.js';
import type { BuildMaster } from '../../src/master/build-master.js';
import { sleep, type Clock } from '../../src/runtime/clock.js';
import { ForceScheduler } from '../../src/schedulers/force.js';
import { NightlyTriggerable } from '../../src/schedulers/nightly-triggerable.js';
import { Triggerable } from '../../src/schedulers/triggerable.js';

/** `failed`: ask again, it may have been done or not; `refused`: it was not done, and asking again is of no use. */
export type Outcome = 'done' | 'refused' | 'failed';

export type Request = (master: BuildMaster, clock: Clock) => Promise<Outcome>;

/** Runs a request; what is no error of operation is thrown on. */
export async function outcomeOf(request: Promise<Outcome>): Promise<Outcome> {
  try {
    return await request;
  } catch (error) {
    if (error instanceof SchedulerDisabledError) return 'refused';
    if (error instanceof StandinError) return 'failed';
    throw error;
  }
}

/** Enables or disables a scheduler. */
export function enabling(scheduler: string, isEnabled: boolean): Request {
  return async ({ db, data }) => {
    const found = (await db.schedulers.getSchedulers()).find(({ name }) => name === scheduler);
    if (found === undefined) return 'failed';
    await data.schedulerEnable(found.id, isEnabled);
    return 'done';
  };
}

/**
 * Forces or triggers a scheduler. `onAccepted` is told the trigger key (of a call that is built in the next slot its id)
 * and whether it then waits for the results.
 */
export function calling(
  kind: 'force' | 'trigger',
  scheduler: string,
  callId: string,
  onAccepted: (key: string, waits: boolean) => void,
): Request {
  return async ({ config }) => {
    const called = config.schedulers.find(({ name }) => name === scheduler);
    if (kind === 'force' && called instanceof ForceScheduler) {
      await called.force({ callId, owner: 'somebody' });
      onAccepted(`call:${callId}`, false);
      return 'done';
    }
    if (called instanceof NightlyTriggerable) {
      await called.trigger({ callId });
      onAccepted(callId, false);
      return 'done';
    }
    if (!(called instanceof Triggerable)) return 'failed';
    const { results } = await called.trigger({ callId, waitedFor: true });
    onAccepted(`call:${callId}`, true);
    await results();
    return 'done';
  };
}

/** Builds all requests that are open: claims them, and completes them after `durationMs` with `results`. */
export function building(durationMs: number, results: number): Request {
  return async ({ db, mq, masterid }, clock) => {
    const self = await db.masters.getMaster(masterid);
    if (self === null) return 'failed';
    const owner = { masterid, incarnation: self.incarnation };
    const writer = new EventWriter(db, mq, clock);
    const updates = new BuildUpdates(db, writer, clock);
    const open = await db.buildRequests.getBuildRequests({ claimed: false });
    const brids = open.slice(0, MOST_AT_ONCE).map(({ buildrequestid }) => buildrequestid);
    if (brids.length === 0 || !(await updates.claimBuildRequests(brids, owner))) return 'failed';
    await sleep(clock, durationMs);
    await updates.completeBuildRequests(brids, results, owner);
    await writer.forgetPublished();
    return 'done';
  };
}

/** The others are left to the next one. */
const MOST_AT_ONCE = 20;
