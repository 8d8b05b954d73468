// The masters connector: what Buildbot's own tests demand of it, and what identity by incarnation adds. Where we differ
// from Buildbot, the test says so; docs/decisions/0005 says why.

import { expect, test } from 'vitest';
import { sha1 } from '../../src/core/digest.js';
import type { Session } from '../../src/db/driver.js';
import { onEachDatabase, type DatabaseEnvironment, type RunWithDatabase } from './databases.js';

const OTHER = 1_008_971_992;

onEachDatabase('the masters connector', (run) => {
  findingSuite(run);
  stateSuite(run);
  listingSuite(run);
  incarnationSuite(run);
});

function findingSuite(run: RunWithDatabase): void {
  test('findMasterId of an unknown name inserts an inactive master that checked in just now', () =>
    run(async ({ db, now }) => {
      const id = await db.masters.findMasterId('some:master');
      const master = { id, name: 'some:master', active: false, lastActive: now, incarnation: 0, beat: 0 };
      expect(await db.masters.getMaster(id)).toEqual(master);
    }));

  test('findMasterId tells names apart that differ by case only', () =>
    run(async ({ db, now }) => {
      const first = await db.masters.findMasterId('some:master');
      const second = await db.masters.findMasterId('some:Master');
      expect(second).not.toBe(first);
      expect(await db.masters.getMaster(second)).toMatchObject({
        name: 'some:Master',
        active: false,
        lastActive: now,
      });
    }));

  test('findMasterId of an existing master gives its id and touches nothing', () =>
    run(async (environment) => {
      await addMaster(environment, 7, true);
      expect(await environment.db.masters.findMasterId('master-7')).toBe(7);
      expect(await environment.db.masters.getMaster(7)).toMatchObject({ active: true, lastActive: OTHER });
    }));

  test('two who look for the same new master at once get the same id', () =>
    run(async ({ db }) => {
      const ids = await Promise.all([db.masters.findMasterId('new'), db.masters.findMasterId('new')]);
      expect(ids[0]).toBe(ids[1]);
      expect(await db.masters.getMasters()).toHaveLength(1);
    }));
}

function stateSuite(run: RunWithDatabase): void {
  test('setMasterState of a missing master changes nothing and says so', () =>
    run(async ({ db }) => {
      expect(await db.masters.setMasterState(7, true)).toBe(false);
      expect(await db.masters.setMasterState(7, false)).toBe(false);
    }));

  test('setMasterState(true) of an active master is no change, but a check-in', () =>
    run(async (environment) => {
      await addMaster(environment, 7, true);
      expect(await environment.db.masters.setMasterState(7, true)).toBe(false);
      const master = await environment.db.masters.getMaster(7);
      expect(master).toMatchObject({ active: true, lastActive: environment.now, incarnation: 3 });
    }));

  test('setMasterState(true) of an inactive master is a change and, unlike in Buildbot, begins a new incarnation', () =>
    run(async (environment) => {
      await addMaster(environment, 7, false);
      expect(await environment.db.masters.setMasterState(7, true)).toBe(true);
      const master = await environment.db.masters.getMaster(7);
      expect(master).toMatchObject({ active: true, lastActive: environment.now, incarnation: 4, beat: 0 });
    }));

  test('setMasterState(false) of an active master is a change and leaves last_active', () =>
    run(async (environment) => {
      await addMaster(environment, 7, true);
      expect(await environment.db.masters.setMasterState(7, false)).toBe(true);
      const master = await environment.db.masters.getMaster(7);
      expect(master).toMatchObject({ active: false, lastActive: OTHER, incarnation: 3, beat: 20 });
    }));

  test('setMasterState(false) of an inactive master is no change', () =>
    run(async (environment) => {
      await addMaster(environment, 7, false);
      expect(await environment.db.masters.setMasterState(7, false)).toBe(false);
      expect(await environment.db.masters.getMaster(7)).toMatchObject({ active: false, lastActive: OTHER });
    }));

  test('setMasterState(false) deletes the links of the master and of no other, also when it was inactive already', () =>
    run(async (environment) => {
      await addMaster(environment, 7, true);
      await addMaster(environment, 8, true);
      await addMaster(environment, 9, false);
      for (const [schedulerid, masterid] of [
        [21, 7],
        [22, 8],
        [23, 9],
      ] as const) {
        await environment.write(
          [
            'INSERT INTO schedulers (id, name, name_hash) VALUES (?, ?, ?)',
            schedulerid,
            `s${schedulerid}`,
            `h${schedulerid}`,
          ],
          ['INSERT INTO scheduler_masters (schedulerid, masterid) VALUES (?, ?)', schedulerid, masterid],
        );
      }
      expect(await environment.db.masters.setMasterState(7, false)).toBe(true);
      expect(await environment.db.masters.setMasterState(9, false)).toBe(false);
      const links = await environment.rows('SELECT schedulerid, masterid FROM scheduler_masters');
      expect(links).toEqual([{ schedulerid: 22, masterid: 8 }]);
    }));

  test('setMasterState(false) deletes the links to change sources too, unlike in Buildbot', () =>
    run(async (environment) => {
      await addMaster(environment, 7, true);
      await addMaster(environment, 8, true);
      const source = 'INSERT INTO changesources (id, name, name_hash) VALUES (?, ?, ?)';
      const link = 'INSERT INTO changesource_masters (changesourceid, masterid) VALUES (?, ?)';
      await environment.write([source, 87, 'a', 'a'], [source, 88, 'b', 'b'], [link, 87, 7], [link, 88, 8]);
      expect(await environment.db.masters.setMasterState(7, false)).toBe(true);
      const links = await environment.rows('SELECT changesourceid, masterid FROM changesource_masters');
      expect(links).toEqual([{ changesourceid: 88, masterid: 8 }]);
    }));

  test('setAllMastersActiveLongTimeAgo marks every master, and begins a new incarnation of each', () =>
    run(async (environment) => {
      await addMaster(environment, 7, true);
      await addMaster(environment, 8, false);
      await environment.db.masters.setAllMastersActiveLongTimeAgo();
      const masters = await environment.db.masters.getMasters();
      expect(masters.map(({ active, lastActive, incarnation }) => [active, lastActive, incarnation])).toEqual(
        [
          [true, 0, 4],
          [true, 0, 4],
        ],
      );
    }));
}

function listingSuite(run: RunWithDatabase): void {
  test('getMaster gives all fields, or null for a missing master', () =>
    run(async (environment) => {
      await addMaster(environment, 7, false);
      expect(await environment.db.masters.getMaster(7)).toEqual({
        id: 7,
        name: 'master-7',
        active: false,
        lastActive: OTHER,
        incarnation: 3,
        beat: 20,
      });
      expect(await environment.db.masters.getMaster(8)).toBeNull();
    }));

  test('getMasters gives all masters, inactive ones too, by id', () =>
    run(async (environment) => {
      await addMaster(environment, 8, true);
      await addMaster(environment, 7, false);
      const masters = await environment.db.masters.getMasters();
      expect(masters.map(({ id, active }) => [id, active])).toEqual([
        [7, false],
        [8, true],
      ]);
    }));

  test('getMasters filters, sorts, pages and refuses what it cannot sort by', () =>
    run(async (environment) => {
      const { masters } = environment.db;
      for (const id of [7, 8, 9]) await addMaster(environment, id, id === 8);
      const ids = async (page: Parameters<typeof masters.getMasters>[0]): Promise<readonly number[]> =>
        (await masters.getMasters(page)).map(({ id }) => id);
      expect(await ids({ order: ['-name'] })).toEqual([9, 8, 7]);
      expect(await ids({ order: ['-active'] })).toEqual([8, 7, 9]);
      expect(
        await ids({ filters: [{ field: 'active', op: 'eq', values: [false] }], order: ['-name'] }),
      ).toEqual([9, 7]);
      expect(await ids({ order: ['-masterid'], limit: 1, offset: 1 })).toEqual([8]);
      expect(await ids({ offset: 2 })).toEqual([9]);
      expect(await ids({ limit: 0 })).toEqual([]);
      await expect(ids({ order: ['activ'] })).rejects.toThrow("did you mean 'active'?");
      await expect(ids({ limit: -1 })).rejects.toMatchObject({ code: 'bad-spec' });
      await expect(ids({ offset: 0.5 })).rejects.toMatchObject({ code: 'bad-spec' });
    }));
}

function incarnationSuite(run: RunWithDatabase): void {
  test('each start begins a greater incarnation, whether the last one is still marked active or not', () =>
    run(async (environment) => {
      const { masters } = environment.db;
      await addMaster(environment, 7, true);
      expect(await masters.newIncarnation(7)).toBe(4);
      await masters.setMasterState(7, false);
      expect(await masters.newIncarnation(7)).toBe(5);
      expect(await masters.getMaster(7)).toMatchObject({
        active: true,
        incarnation: 5,
        beat: 0,
        lastActive: environment.now,
      });
    }));

  test('newIncarnation of a master without a row is a bug, and is said to be', () =>
    run(async ({ db }) => {
      await expect(db.masters.newIncarnation(7)).rejects.toThrow('master 7 has no row');
    }));

  test('a renewal raises the beat and checks in', () =>
    run(async (environment) => {
      await addMaster(environment, 7, true);
      expect(await renew(environment, 7, 3)).toBe('renewed');
      expect(await environment.db.masters.getMaster(7)).toMatchObject({
        beat: 21,
        lastActive: environment.now,
      });
    }));

  test('a renewal of a superseded incarnation finds that out, active or not', () =>
    run(async (environment) => {
      await addMaster(environment, 7, true);
      expect(await renew(environment, 7, 2)).toBe('superseded');
      await environment.db.masters.setMasterState(7, false);
      expect(await renew(environment, 7, 2)).toBe('superseded');
    }));

  test('a renewal of an incarnation that was set inactive finds that it has expired', () =>
    run(async (environment) => {
      await addMaster(environment, 7, false);
      expect(await renew(environment, 7, 3)).toBe('expired');
      expect(await environment.db.masters.getMaster(7)).toMatchObject({ beat: 20, active: false });
    }));

  test('rejoin begins the next incarnation of one that expired, and nothing when somebody else did', () =>
    run(async (environment) => {
      const { masters, database } = environment.db;
      const rejoin = () => database.transaction((tx) => masters.rejoinIn(tx, 7, 3));
      await addMaster(environment, 7, false);
      expect(await rejoin()).toBe(4);
      expect(await rejoin()).toBeNull();
      expect(await masters.getMaster(7)).toMatchObject({ active: true, incarnation: 4 });
    }));

  test.each(['schedulers', 'changesources'])(
    'a superseded incarnation keeps its last beat as long as it owns one of the %s',
    (table) =>
      run(async (environment) => {
        const { masters } = environment.db;
        await addMaster(environment, 7, true);
        await environment.write([
          `INSERT INTO ${table} (id, name, name_hash, owner_masterid, owner_incarnation, epoch, is_free)
         VALUES (21, 's', 'h', 7, 3, 1, 0)`,
        ]);
        await masters.newIncarnation(7);
        await masters.newIncarnation(7);
        await masters.newIncarnation(7);
        expect(
          await environment.rows(
            'SELECT masterid, incarnation, last_beat FROM master_incarnations ORDER BY incarnation',
          ),
        ).toEqual([
          { masterid: 7, incarnation: 3, last_beat: 20 },
          { masterid: 7, incarnation: 5, last_beat: 0 },
        ]);
      }),
  );
}

async function renew({ db }: DatabaseEnvironment, masterid: number, incarnation: number): Promise<string> {
  const session: Session = await db.database.openReserved();
  try {
    return await db.masters.renew(session, masterid, incarnation);
  } finally {
    session.close();
  }
}

/** A master in its incarnation 3, at beat 20, that checked in at OTHER. */
async function addMaster(environment: DatabaseEnvironment, id: number, isActive: boolean): Promise<void> {
  const name = `master-${id}`;
  await environment.write([
    `INSERT INTO masters (id, name, name_hash, active, last_active, incarnation, beat) VALUES (?, ?, ?, ?, ?, 3, 20)`,
    id,
    name,
    sha1(name),
    Number(isActive),
    OTHER,
  ]);
}
