// The schedulers connector: what Buildbot's own tests demand of it, and what claims by incarnation and epoch add. Where we
// differ from Buildbot, the test says so; docs/decisions/0005 says why.

import { expect, test } from 'vitest';
import { ClaimLostError, ownershipOf, type Claim, type Ownership } from '../../src/db/claims.js';
import { NEW_CHANGES } from '../../src/data/events.js';
import { onEachDatabase, type DatabaseEnvironment, type RunWithDatabase } from './databases.js';

onEachDatabase('the schedulers connector', (run) => {
  findingSuite(run);
  classificationSuite(run);
  claimSuite(run);
  releaseSuite(run);
  expirySuite(run);
  listingSuite(run);
  fenceSuite(run);
});

function findingSuite(run: RunWithDatabase): void {
  test('findSchedulerId of a new name inserts a scheduler that is enabled, free and unowned', () =>
    run(async (environment) => {
      const id = await environment.db.schedulers.findSchedulerId('schname');
      const scheduler = { id, name: 'schname', enabled: true, masterid: null };
      expect(await environment.db.schedulers.getScheduler(id)).toEqual(scheduler);
      expect(await ownership(environment, id)).toMatchObject({
        isFree: true,
        epoch: 0,
        ownerMasterid: null,
        ownerIncarnation: null,
        ownerBeat: null,
      });
    }));

  test('findSchedulerId gives the same id each time, also to two who ask at once', () =>
    run(async ({ db }) => {
      const ids = await Promise.all([
        db.schedulers.findSchedulerId('schname'),
        db.schedulers.findSchedulerId('schname'),
      ]);
      expect([...ids, await db.schedulers.findSchedulerId('schname')]).toEqual([ids[0], ids[0], ids[0]]);
    }));

  test('a new scheduler gets its durable queue in the same transaction, an existing one none', () =>
    run(async (environment) => {
      const id = await environment.db.schedulers.findSchedulerId('schname', [NEW_CHANGES]);
      await environment.db.schedulers.findSchedulerId('schname', [NEW_CHANGES]);
      expect(await environment.rows('SELECT name, filter FROM queues')).toEqual([
        { name: `scheduler:${id}:changes.*.new`, filter: '["changes",null,"new"]' },
      ]);
    }));

  test('enabling and disabling changes `enabled` and leaves the owner', () =>
    run(async (environment) => {
      await addTwoSchedulers(environment);
      await claim(environment, 24, 13);
      expect(await enable(environment, 24, false)).toBe(true);
      expect(await environment.db.schedulers.getScheduler(24)).toMatchObject({
        enabled: false,
        masterid: 13,
      });
      expect(await enable(environment, 24, false)).toBe(false);
      expect(await enable(environment, 24, true)).toBe(true);
      expect(await environment.db.schedulers.getScheduler(24)).toMatchObject({ enabled: true, masterid: 13 });
      expect(await enable(environment, 99, true)).toBe(false);
    }));
}

function classificationSuite(run: RunWithDatabase): void {
  test('classifications are read back as they were written', () =>
    run(async (environment) => {
      await addTwoSchedulers(environment);
      await addChanges(environment, [3, 4]);
      await classify(environment, { 3: false, 4: true });
      expect(await classifications(environment)).toEqual({ 3: false, 4: true });
    }));

  test('classifying again replaces what was there and keeps the rest', () =>
    run(async (environment) => {
      await addTwoSchedulers(environment);
      await addChanges(environment, [3, 4, 5, 6]);
      await classify(environment, { 5: false });
      await classify(environment, { 3: true, 4: false, 5: true, 6: false });
      expect(await classifications(environment)).toEqual({ 3: true, 4: false, 5: true, 6: false });
    }));

  test('flushing forgets exactly the named classifications of that scheduler and counts them, unlike "all less than" in Buildbot', () =>
    run(async (environment) => {
      await addTwoSchedulers(environment);
      await addChanges(environment, [3, 4, 5]);
      await classify(environment, { 3: true, 4: true, 5: true });
      await classify(environment, { 3: true }, 25);
      const { database, schedulers } = environment.db;
      const [first] = await database.batch([schedulers.flushStatement(24, [3, 5])]);
      expect(first?.changes).toBe(2);
      const [second] = await database.batch([schedulers.flushStatement(24, [3, 4])]);
      expect(second?.changes).toBe(1);
      expect(await classifications(environment)).toEqual({});
      expect(await classifications(environment, 25)).toEqual({ 3: true });
    }));
}

function claimSuite(run: RunWithDatabase): void {
  test('a free scheduler is claimed: it is linked, owned by that very incarnation, and its epoch grows', () =>
    run(async (environment) => {
      await addTwoSchedulers(environment);
      expect(await claim(environment, 24, 13)).toEqual({
        serviceid: 24,
        masterid: 13,
        incarnation: 2,
        epoch: 1,
      });
      expect(await environment.db.schedulers.getScheduler(24)).toMatchObject({ masterid: 13 });
      expect(await ownership(environment, 24)).toEqual({
        serviceid: 24,
        enabled: true,
        isFree: false,
        epoch: 1,
        ownerMasterid: 13,
        ownerIncarnation: 2,
        ownerBeat: 0,
        masterLastActive: 1000,
        linkedMasterid: 13,
      });
    }));

  test('a scheduler that another master owns is not claimed, whether or not that owner is still active', () =>
    run(async (environment) => {
      await addTwoSchedulers(environment);
      await addMaster(environment, 15, true);
      await claim(environment, 24, 13);
      expect(await claim(environment, 24, 15)).toBeNull();
      await environment.db.masters.setMasterState(13, false);
      expect(await claim(environment, 24, 15)).toBeNull();
      expect(await ownership(environment, 24)).toMatchObject({
        isFree: false,
        ownerMasterid: 13,
        linkedMasterid: null,
      });
    }));

  test('claiming what one owns already is no error; the epoch grows, so that an older reply counts no more', () =>
    run(async (environment) => {
      await addTwoSchedulers(environment);
      await claim(environment, 24, 13);
      expect(await claim(environment, 24, 13)).toMatchObject({ epoch: 2 });
    }));

  test('an inactive master claims nothing, unlike in Buildbot', () =>
    run(async (environment) => {
      await addTwoSchedulers(environment);
      expect(await claim(environment, 25, 14)).toBeNull();
      expect(await environment.db.schedulers.getScheduler(25)).toMatchObject({ masterid: null });
    }));

  test('a superseded incarnation claims nothing, not even what its successor owns', () =>
    run(async (environment) => {
      await addTwoSchedulers(environment);
      await environment.db.masters.newIncarnation(13);
      expect(await claim(environment, 24, 13, 2)).toBeNull();
      await claim(environment, 24, 13, 3);
      expect(await claim(environment, 24, 13, 2)).toBeNull();
    }));

  test('a new incarnation does not own what the last one of the same master owned', () =>
    run(async (environment) => {
      await addTwoSchedulers(environment);
      await claim(environment, 24, 13);
      await environment.db.masters.newIncarnation(13);
      expect(await claim(environment, 24, 13, 3)).toBeNull();
      expect(await ownership(environment, 24)).toMatchObject({ ownerIncarnation: 2, ownerBeat: 0 });
    }));

  test('a missing scheduler or master claims nothing', () =>
    run(async (environment) => {
      await addTwoSchedulers(environment);
      expect(await claim(environment, 99, 13)).toBeNull();
      expect(await claim(environment, 24, 99)).toBeNull();
    }));

  test('of two who claim the same free scheduler at once, one gets it', () =>
    run(async (environment) => {
      await addTwoSchedulers(environment);
      await addMaster(environment, 15, true);
      const claims = await Promise.all([claim(environment, 24, 13), claim(environment, 24, 15)]);
      expect(claims.filter((one) => one !== null)).toHaveLength(1);
    }));
}

function releaseSuite(run: RunWithDatabase): void {
  test('a release deletes the link, frees the scheduler and keeps owner and epoch', () =>
    run(async (environment) => {
      await addTwoSchedulers(environment);
      const held = await mustClaim(environment, 24, 13);
      expect(await release(environment, held)).toBe(true);
      expect(await environment.db.schedulers.getScheduler(24)).toMatchObject({ masterid: null });
      expect(await ownership(environment, 24)).toMatchObject({ isFree: true, epoch: 1, ownerMasterid: 13 });
    }));

  test('releasing what is free already is no error and no change', () =>
    run(async (environment) => {
      await addTwoSchedulers(environment);
      const held = await mustClaim(environment, 24, 13);
      await release(environment, held);
      expect(await release(environment, held)).toBe(false);
    }));

  test("a release leaves somebody else's claim, unlike in Buildbot", () =>
    run(async (environment) => {
      await addTwoSchedulers(environment);
      await addMaster(environment, 15, true);
      const lost = await mustClaim(environment, 24, 13);
      await release(environment, lost);
      await claim(environment, 24, 15);
      expect(await release(environment, lost)).toBe(false);
      expect(await environment.db.schedulers.getScheduler(24)).toMatchObject({ masterid: 15 });
    }));

  test('an incarnation that has quiesced frees all that it owns, and nothing of another incarnation', () =>
    run(async (environment) => {
      await addTwoSchedulers(environment);
      await claim(environment, 24, 13);
      await environment.db.masters.newIncarnation(13);
      await claim(environment, 25, 13, 3);
      const freed = await environment.db.database.transaction((tx) =>
        environment.db.schedulers.freeOwnedIn(tx, { masterid: 13, incarnation: 3 }),
      );
      expect(freed).toEqual([{ serviceid: 25, name: 'schname2', enabled: true }]);
      expect(await ownership(environment, 24)).toMatchObject({ isFree: false });
      expect(await ownership(environment, 25)).toMatchObject({ isFree: true, linkedMasterid: null });
    }));
}

function expirySuite(run: RunWithDatabase): void {
  test('an owner whose beat stood still is ended: set inactive, its links deleted, its schedulers free', () =>
    run(async (environment) => {
      await addTwoSchedulers(environment);
      await claim(environment, 24, 13);
      expect(await expire(environment, 13, 2, 0)).toEqual({
        masterName: 'master-13',
        wasActive: true,
        freed: [{ serviceid: 24, name: 'schname', enabled: true }],
      });
      expect(await environment.db.masters.getMaster(13)).toMatchObject({ active: false, incarnation: 2 });
      expect(await ownership(environment, 24)).toMatchObject({ isFree: true, linkedMasterid: null });
    }));

  test('an owner that has renewed since it was seen is not ended', () =>
    run(async (environment) => {
      await addTwoSchedulers(environment);
      await claim(environment, 24, 13);
      const session = await environment.db.database.openReserved();
      await environment.db.masters.renew(session, 13, 2);
      session.close();
      expect(await expire(environment, 13, 2, 0)).toBeNull();
      expect(await environment.db.masters.getMaster(13)).toMatchObject({ active: true });
      expect(await ownership(environment, 24)).toMatchObject({ isFree: false, linkedMasterid: 13 });
    }));

  test('ending a superseded incarnation frees what it owned and leaves its successor active', () =>
    run(async (environment) => {
      await addTwoSchedulers(environment);
      await claim(environment, 24, 13);
      await environment.db.masters.newIncarnation(13);
      await claim(environment, 25, 13, 3);
      expect(await expire(environment, 13, 2, 0)).toMatchObject({
        wasActive: false,
        freed: [{ serviceid: 24 }],
      });
      expect(await environment.db.masters.getMaster(13)).toMatchObject({ active: true, incarnation: 3 });
      expect(await ownership(environment, 25)).toMatchObject({ isFree: false, linkedMasterid: 13 });
    }));

  test('two observers who end the same owner: the second finds nothing left to free', () =>
    run(async (environment) => {
      await addTwoSchedulers(environment);
      await claim(environment, 24, 13);
      await expire(environment, 13, 2, 0);
      expect(await expire(environment, 13, 2, 0)).toMatchObject({ wasActive: false, freed: [] });
    }));
}

function listingSuite(run: RunWithDatabase): void {
  test('getScheduler gives all fields, or null for a missing scheduler', () =>
    run(async (environment) => {
      await addTwoSchedulers(environment);
      const { schedulers } = environment.db;
      expect(await schedulers.getScheduler(24)).toEqual({
        id: 24,
        name: 'schname',
        enabled: true,
        masterid: null,
      });
      expect(await schedulers.getScheduler(99)).toBeNull();
      await claim(environment, 24, 13);
      expect(await schedulers.getScheduler(24)).toMatchObject({ masterid: 13 });
    }));

  test('getScheduler reports the master that is linked, also one that is inactive', () =>
    run(async (environment) => {
      await addTwoSchedulers(environment);
      await environment.write(['INSERT INTO scheduler_masters (schedulerid, masterid) VALUES (25, 14)']);
      expect(await environment.db.schedulers.getScheduler(25)).toMatchObject({ masterid: 14 });
    }));

  test('getSchedulers lists all by id, or by whether and to whom they are linked', () =>
    run(async (environment) => {
      await addTwoSchedulers(environment);
      await claim(environment, 24, 13);
      const ids = async (wanted?: { active?: boolean; masterid?: number }): Promise<readonly number[]> =>
        (await environment.db.schedulers.getSchedulers(wanted)).map(({ id }) => id);
      expect(await ids()).toEqual([24, 25]);
      expect(await ids({ masterid: 13 })).toEqual([24]);
      expect(await ids({ active: true })).toEqual([24]);
      expect(await ids({ active: true, masterid: 13 })).toEqual([24]);
      expect(await ids({ active: true, masterid: 14 })).toEqual([]);
      expect(await ids({ active: false })).toEqual([25]);
      expect(await ids({ active: false, masterid: 13 })).toEqual([]);
      expect(await ids({ active: false, masterid: 14 })).toEqual([]);
    }));
}

function fenceSuite(run: RunWithDatabase): void {
  test('the fence lets the current claim through and says whether the scheduler is enabled', () =>
    run(async (environment) => {
      await addTwoSchedulers(environment);
      const held = await mustClaim(environment, 24, 13);
      expect(await fence(environment, held)).toEqual({ enabled: true });
      await enable(environment, 24, false);
      expect(await fence(environment, held)).toEqual({ enabled: false });
    }));

  test('the fence refuses an older epoch, another incarnation, another master and a claim that was released', () =>
    run(async (environment) => {
      await addTwoSchedulers(environment);
      const older = await mustClaim(environment, 24, 13);
      const held = await mustClaim(environment, 24, 13);
      await expect(fence(environment, older)).rejects.toThrow(ClaimLostError);
      await expect(fence(environment, { ...held, incarnation: 1 })).rejects.toThrow(ClaimLostError);
      await expect(fence(environment, { ...held, masterid: 14 })).rejects.toThrow(ClaimLostError);
      await release(environment, held);
      await expect(fence(environment, held)).rejects.toThrow(ClaimLostError);
    }));

  test('the fence refuses an owner that was set inactive by others, although its claim has not ended', () =>
    run(async (environment) => {
      await addTwoSchedulers(environment);
      const held = await mustClaim(environment, 24, 13);
      await environment.db.masters.setMasterState(13, false);
      await expect(fence(environment, held)).rejects.toThrow(ClaimLostError);
    }));
}

/** Schedulers 24 and 25; master 13, active, and 14, inactive, both in their incarnation 2. */
async function addTwoSchedulers(environment: DatabaseEnvironment): Promise<void> {
  await addMaster(environment, 13, true);
  await addMaster(environment, 14, false);
  await environment.write(
    ["INSERT INTO schedulers (id, name, name_hash) VALUES (24, 'schname', 'a')"],
    ["INSERT INTO schedulers (id, name, name_hash) VALUES (25, 'schname2', 'b')"],
  );
}

async function addMaster(environment: DatabaseEnvironment, id: number, isActive: boolean): Promise<void> {
  await environment.write([
    'INSERT INTO masters (id, name, name_hash, active, last_active, incarnation) VALUES (?, ?, ?, ?, 1000, 2)',
    id,
    `master-${id}`,
    `hash-${id}`,
    Number(isActive),
  ]);
}

async function addChanges(environment: DatabaseEnvironment, changeids: readonly number[]): Promise<void> {
  await environment.write(
    ["INSERT INTO sourcestamps (id, ss_hash, created_at) VALUES (100, 'x', 0)"],
    ...changeids.map(
      (id) =>
        [
          `INSERT INTO changes (changeid, author, comments, when_timestamp, files, properties, sourcestampid, change_key)
           VALUES (?, '', '', 0, '[]', '{}', 100, ?)`,
          id,
          `key-${id}`,
        ] as const,
    ),
  );
}

function claim(
  { db }: DatabaseEnvironment,
  schedulerid: number,
  masterid: number,
  incarnation = 2,
): Promise<Claim | null> {
  return db.database.transaction((tx) => db.schedulers.claimIn(tx, schedulerid, masterid, incarnation), {
    isIdempotent: true,
  });
}

async function mustClaim(
  environment: DatabaseEnvironment,
  schedulerid: number,
  masterid: number,
): Promise<Claim> {
  const held = await claim(environment, schedulerid, masterid);
  if (held === null) throw new Error('the claim was refused');
  return held;
}

function release({ db }: DatabaseEnvironment, held: Claim): Promise<boolean> {
  return db.database.transaction((tx) => db.schedulers.releaseIn(tx, held));
}

function expire(
  { db }: DatabaseEnvironment,
  masterid: number,
  incarnation: number,
  seenBeat: number,
): Promise<unknown> {
  const owner = { masterid, incarnation, seenBeat };
  return db.database.transaction(async (tx) => {
    const expiry = await db.masters.expireIn(tx, owner);
    return expiry === null ? null : { ...expiry, freed: await db.schedulers.freeOwnedIn(tx, owner) };
  });
}

function enable({ db }: DatabaseEnvironment, schedulerid: number, isEnabled: boolean): Promise<boolean> {
  return db.database.transaction((tx) => db.schedulers.enableIn(tx, schedulerid, isEnabled));
}

function fence({ db }: DatabaseEnvironment, held: Claim): Promise<{ readonly enabled: boolean }> {
  return db.database.transaction(async (tx) => {
    const [result] = await tx.run([db.schedulers.fenceStatement(held)]);
    return db.schedulers.checkFence(result, held, 'a test');
  });
}

async function ownership({ db }: DatabaseEnvironment, schedulerid: number): Promise<Ownership | undefined> {
  const [result] = await db.database.read([db.schedulers.ownershipStatement([schedulerid])]);
  return result?.rows.map(ownershipOf)[0];
}

async function classify(
  { db }: DatabaseEnvironment,
  wanted: Readonly<Record<number, boolean>>,
  schedulerid = 24,
): Promise<void> {
  await db.database.batch(
    Object.entries(wanted).map(([id, important]) =>
      db.schedulers.classifyStatement(schedulerid, Number(id), important),
    ),
  );
}

async function classifications(
  { db }: DatabaseEnvironment,
  schedulerid = 24,
): Promise<Readonly<Record<string, boolean>>> {
  const [result] = await db.database.read([db.schedulers.classificationsStatement(schedulerid)]);
  return Object.fromEntries(
    (result?.rows ?? []).map((row) => [String(row['changeid']), row['important'] === 1]),
  );
}
