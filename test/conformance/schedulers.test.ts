// The schedulers connector, but for claims (claims.test.ts): what Buildbot's own tests demand of it. Where we differ from
// Buildbot, the test says so; docs/decisions/0005 says why.

import { expect, test } from 'vitest';
import { ownershipOf, type Claim, type Ownership } from '../../src/db/claims.js';
import type { ClassificationFilter } from '../../src/db/schedulers.js';
import { NEW_CHANGES } from '../../src/data/events.js';
import { onEachDatabase, type DatabaseEnvironment, type RunWithDatabase } from './databases.js';

onEachDatabase('the schedulers connector', (run) => {
  findingSuite(run);
  classificationSuite(run);
  listingSuite(run);
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

  test('a scheduler that has no use for classifications forgets all of its own', () =>
    run(async (environment) => {
      await addTwoSchedulers(environment);
      await addChanges(environment, [3, 4, 5]);
      await classify(environment, { 3: true, 4: false, 5: true });
      await classify(environment, { 3: true }, 25);
      const { database, schedulers } = environment.db;
      await database.batch([schedulers.flushAllStatement(24)]);
      expect(await classifications(environment)).toEqual({});
      expect(await classifications(environment, 25)).toEqual({ 3: true });
    }));

  test('classifications are found by branch, repository, project and codebase; a null branch is one', () =>
    run(async (environment) => {
      await addTwoSchedulers(environment);
      await addChanges(environment, [3, 4, 5, 6]);
      await environment.write(
        ["UPDATE changes SET branch = 'sql' WHERE changeid = 6"],
        ["UPDATE changes SET repository = 'r', project = 'p', codebase = 'c' WHERE changeid IN (4, 5)"],
        ["UPDATE changes SET codebase = 'd' WHERE changeid = 5"],
      );
      await classify(environment, { 3: true, 4: false, 5: true, 6: true });
      const { schedulers } = environment.db;
      const ids = async (filter: ClassificationFilter): Promise<readonly number[]> => [
        ...(await schedulers.getChangeClassifications(24, filter)).keys(),
      ];
      expect(await ids({})).toEqual([3, 4, 5, 6]);
      expect(await ids({ branch: 'sql' })).toEqual([6]);
      expect(await ids({ branch: null })).toEqual([3, 4, 5]);
      expect(await ids({ branch: "sql' OR '1' = '1" })).toEqual([]);
      expect(await ids({ repository: 'r', project: 'p' })).toEqual([4, 5]);
      expect(await ids({ branch: null, repository: 'r', project: 'p', codebase: 'd' })).toEqual([5]);
      expect(await schedulers.getChangeClassifications(24, { codebase: 'c' })).toEqual(new Map([[4, false]]));
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

function enable({ db }: DatabaseEnvironment, schedulerid: number, isEnabled: boolean): Promise<boolean> {
  return db.database.transaction((tx) => db.schedulers.enableIn(tx, schedulerid, isEnabled, 12));
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
