// What dead masters leave behind is released once, completely, by whoever lives, and announced (G9, B5, B30, B32).

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { insertBuildsetStatements } from '../../src/db/buildsets.js';
import type { Driver, Session, Statement, StatementResult } from '../../src/db/driver.js';
import { DatabaseError } from '../../src/db/driver.js';
import { MemoryDriver } from '../../src/db/sqlite/memory-driver.js';
import { Housekeeping } from '../../src/master/housekeeping.js';
import { OwnerWatch } from '../../src/master/owner-watch.js';
import { Plane, type Identity } from '../support/plane.js';

const POLL_MS = 30_000;
/** More than one transaction releases. */
const BUILDS = 60;

let memory: MemoryDriver;
let plane: Plane;
let me: Identity;
let dead: Identity;

beforeEach(async () => {
  memory = await MemoryDriver.create();
  plane = new Plane(memory);
  me = await plane.join('master-a');
  dead = await plane.join('master-b');
  await plane.listen(...KEYS);
});

afterEach(() => memory.close());

describe('a master that has died', () => {
  test('is ended a lease after its last sign of life, although it owns no service', async () => {
    const housekeeping = housekeepingOf(plane, me);
    for (let i = 0; i < 2; i++) await poll(housekeeping);
    expect(await plane.db.masters.getMaster(dead.masterid)).toMatchObject({ active: true });
    await poll(housekeeping);
    expect(await plane.db.masters.getMaster(dead.masterid)).toMatchObject({ active: false });
    expect(plane.published).toEqual([`masters/${dead.masterid}/stopped`]);
  });

  test('is left alone as long as it renews', async () => {
    const housekeeping = housekeepingOf(plane, me);
    const session = await plane.db.database.openReserved();
    for (let i = 0; i < 6; i++) {
      await poll(housekeeping);
      await plane.db.masters.renew(session, dead.masterid, dead.incarnation);
    }
    session.close();
    expect(await plane.db.masters.getMaster(dead.masterid)).toMatchObject({ active: true });
    expect(plane.published).toEqual([]);
  });

  test('has its builds ended with RETRY and its requests unclaimed at the look that ends it, and says so', async () => {
    await addBuilds(2);
    const housekeeping = housekeepingOf(plane, me);
    for (let i = 0; i < 3; i++) await poll(housekeeping);
    expect(await plane.db.builds.getBuilds({ complete: false })).toEqual([]);
    expect((await plane.db.builds.getBuilds()).map(({ results }) => results)).toEqual([5, 5]);
    expect(await unclaimed()).toEqual([1, 2]);
    expect(plane.published).toEqual([
      `masters/${dead.masterid}/stopped`,
      'builds/1/finished',
      'builds/2/finished',
      'buildrequests/1/unclaimed',
      'buildrequests/2/unclaimed',
    ]);
    expect(await plane.updates.builds.claimBuildRequests([1, 2], me)).toBe(true);
  });

  test('leaves nothing to be looked at when it had nothing, and costs no transaction then', async () => {
    await plane.updates.masterStopped({ id: dead.masterid, name: 'master-b' });
    plane.driver.batches.length = 0;
    await poll(housekeepingOf(plane, me));
    expect(plane.driver.batches).toEqual(['SELECT']);
  });

  test('has its requests released when it was stopped, or set inactive by others, too', async () => {
    await addBuilds(1);
    await plane.updates.masterStopped({ id: dead.masterid, name: 'master-b' });
    await poll(housekeepingOf(plane, me));
    expect(await unclaimed()).toEqual([1]);
  });

  test('has the leftovers of its former life released while its new one keeps what it has', async () => {
    await addBuilds(2);
    const reborn = await plane.join('master-b');
    await plane.updates.builds.unclaimBuildRequests([2], dead); // of the former life: still its own to give back
    await plane.updates.builds.claimBuildRequests([2], reborn);
    await poll(housekeepingOf(plane, me));
    expect(await unclaimed()).toEqual([1]);
    expect(await plane.db.buildRequests.getBuildRequest(2)).toMatchObject({
      claimedByMasterid: dead.masterid,
    });
    await poll(housekeepingOf(plane, me));
    expect(plane.published.filter((key) => key === 'buildrequests/1/unclaimed')).toHaveLength(1);
  });

  test('does not finish or complete any more what was taken from it', async () => {
    await addBuilds(1);
    await plane.db.masters.setMasterState(dead.masterid, false);
    await poll(housekeepingOf(plane, me));
    const { builds } = plane.updates;
    await expect(builds.finishBuild(1, dead, 0)).rejects.toMatchObject({ code: 'claim-lost' });
    await expect(builds.completeBuildRequests([1], 0, dead)).rejects.toMatchObject({ code: 'not-claimed' });
    expect(await plane.db.builds.getBuild(1)).toMatchObject({ results: 5 });
  });
});

describe('housekeeping', () => {
  test('of several masters at once happens once: each build ends once, each message comes once', async () => {
    await addBuilds(BUILDS);
    await plane.db.masters.setMasterState(dead.masterid, false);
    const others = [plane, new Plane(memory, plane.runtime), new Plane(memory, plane.runtime)];
    await Promise.all(others.slice(1).map((other) => other.listen(...KEYS)));
    await Promise.all(others.map((other) => poll(housekeepingOf(other, me))));
    expect(await unclaimed()).toHaveLength(BUILDS);
    const messages = others.flatMap(({ published }) => published);
    expect(messages).toHaveLength(2 * BUILDS);
    expect(new Set(messages).size).toBe(2 * BUILDS);
  });

  test('is finished by another, whichever statement its first doer died at, and never done twice', async () => {
    let isDead = true;
    for (let steps = 0; isDead; steps += steps < 16 ? 1 : 11) {
      memory.close();
      memory = await MemoryDriver.create();
      plane = new Plane(memory);
      me = await plane.join('master-a');
      dead = await plane.join('master-b');
      await addBuilds(BUILDS);
      await plane.db.masters.setMasterState(dead.masterid, false);
      const mortal = new MortalDriver(memory, steps);
      const dying = new Plane(mortal, plane.runtime);
      await housekeepingOf(dying, me).keepHouse().catch(onlyDeath);
      isDead = mortal.isDead;
      await poll(housekeepingOf(plane, me));
      expect(await unclaimed()).toHaveLength(BUILDS);
      expect(await plane.db.builds.getBuilds({ complete: false })).toEqual([]);
      const announced = await plane.rows('SELECT routing_key FROM events');
      expect(new Set(announced.map((row) => row['routing_key'])).size).toBe(announced.length);
      expect(announced).toHaveLength(2 * BUILDS);
      if (steps === 0) expect(isDead).toBe(true);
    }
  });
});

/** Dies at its statement number `steps`: nothing answers from then on, and nothing is written. */
class MortalDriver implements Driver {
  readonly #driver: Driver;
  #steps: number;

  constructor(driver: Driver, steps: number) {
    this.#driver = driver;
    this.#steps = steps;
  }

  get isDead(): boolean {
    return this.#steps < 0;
  }

  async open(): Promise<Session> {
    const session = await this.#driver.open();
    return {
      close: () => session.close(),
      get isOpen() {
        return session.isOpen;
      },
      run: (batch) => this.#run(session, batch),
    };
  }

  async #run(session: Session, batch: readonly Statement[]): Promise<readonly StatementResult[]> {
    const results: StatementResult[] = [];
    for (const statement of batch) {
      if (this.#steps-- <= 0) {
        session.close();
        throw new DatabaseError('constraint-violation', 'it has died'); // not retryable: nothing of it runs on
      }
      results.push(...(await session.run([statement])));
    }
    return results;
  }
}

function onlyDeath(error: unknown): void {
  if (!(error instanceof DatabaseError) || error.message !== 'it has died') throw error;
}

function housekeepingOf({ db, updates, runtime }: Plane, { masterid }: Identity): Housekeeping {
  const watch = new OwnerWatch(runtime.clock, 60_000);
  return new Housekeeping({ db, updates, logger: runtime.logger, masterid, watch });
}

/** One look, then the time to the next. */
async function poll(housekeeping: Housekeeping): Promise<void> {
  let isDone = false;
  const done = housekeeping.keepHouse().then(() => {
    isDone = true;
  });
  while (!isDone) await plane.runtime.clock.advance(100); // pauses between attempts pass
  await done;
  await plane.runtime.clock.advance(POLL_MS);
}

const KEYS = [
  ['masters', null, 'stopped'],
  ['builds', null, 'finished'],
  ['buildrequests', null, 'unclaimed'],
];

/** Builds 1 to `count`, each of a request of its number, that the dead master has claimed and runs. */
async function addBuilds(count: number): Promise<void> {
  const builderid = await plane.db.builders.findBuilderId('linux');
  const brids = Array.from({ length: count }, (_, i) => i + 1);
  const buildset = {
    bsid: 1, schedulerid: null, sourcestampids: [], changeids: [], reason: '', externalIdstring: null, properties: {},
    requests: brids.map((brid) => ({ brid, builderid })), priority: 0, waitedFor: false, triggerKey: null, submittedAt: 0,
  }; // prettier-ignore
  await plane.db.database.batch(insertBuildsetStatements(buildset));
  await plane.db.database.transaction((tx) =>
    plane.db.buildRequests.claimBuildRequestsIn(tx, brids, dead, 0),
  );
  for (const brid of brids) {
    const build = { builderid, buildrequestid: brid, workerid: null, stateString: 'building', ...dead };
    await plane.db.database.transaction((tx) =>
      plane.db.builds.addBuildIn(tx, { ...build, buildid: brid, startedAt: 0 }),
    );
  }
}

async function unclaimed(): Promise<readonly number[]> {
  const requests = await plane.db.buildRequests.getBuildRequests({ claimed: false });
  return requests.map(({ buildrequestid }) => buildrequestid);
}
