// The change sources connector, but for claims (claims.test.ts): what Buildbot's own tests demand of it. Where we differ
// from Buildbot, the test says so; docs/decisions/0005 says why.

import { expect, test } from 'vitest';
import { onEachDatabase, type DatabaseEnvironment } from './databases.js';

onEachDatabase('the change sources connector', (run) => {
  test('findChangeSourceId of a new name inserts a change source that is free and unowned', () =>
    run(async (environment) => {
      const id = await environment.db.changeSources.findChangeSourceId('csname');
      const source = { id, name: 'csname', enabled: true, masterid: null };
      expect(await environment.db.changeSources.getChangeSource(id)).toEqual(source);
    }));

  test('findChangeSourceId gives the same id each time, also to two who ask at once', () =>
    run(async ({ db }) => {
      const find = (): Promise<number> => db.changeSources.findChangeSourceId('csname');
      const ids = await Promise.all([find(), find()]);
      expect([...ids, await find()]).toEqual([ids[0], ids[0], ids[0]]);
    }));

  test('getChangeSource gives null for a missing change source', () =>
    run(async ({ db }) => {
      expect(await db.changeSources.getChangeSource(99)).toBeNull();
    }));

  test('getChangeSource reports the master that is linked, also one that is inactive', () =>
    run(async (environment) => {
      await addTwoSources(environment);
      await environment.write([
        'INSERT INTO changesource_masters (changesourceid, masterid) VALUES (88, 14)',
      ]);
      expect(await environment.db.changeSources.getChangeSource(88)).toMatchObject({ masterid: 14 });
    }));

  test('getChangeSources lists all by id, or by whether and to whom they are linked', () =>
    run(async (environment) => {
      await addTwoSources(environment);
      await environment.write([
        'INSERT INTO changesource_masters (changesourceid, masterid) VALUES (87, 13)',
      ]);
      const ids = async (wanted?: { active?: boolean; masterid?: number }): Promise<readonly number[]> =>
        (await environment.db.changeSources.getChangeSources(wanted)).map(({ id }) => id);
      expect(await ids()).toEqual([87, 88]);
      expect(await ids({ masterid: 13 })).toEqual([87]);
      expect(await ids({ active: true })).toEqual([87]);
      expect(await ids({ active: true, masterid: 13 })).toEqual([87]);
      expect(await ids({ active: true, masterid: 14 })).toEqual([]);
      expect(await ids({ active: false })).toEqual([88]);
      expect(await ids({ active: false, masterid: 13 })).toEqual([]);
      expect(await ids({ active: false, masterid: 14 })).toEqual([]);
    }));
});

/** Change sources 87 and 88; master 13, active, and 14, inactive. */
async function addTwoSources(environment: DatabaseEnvironment): Promise<void> {
  const insertMaster =
    'INSERT INTO masters (id, name, name_hash, active, last_active) VALUES (?, ?, ?, ?, 0)';
  const insertSource = 'INSERT INTO changesources (id, name, name_hash) VALUES (?, ?, ?)';
  await environment.write(
    [insertMaster, 13, 'm13', 'a', 1],
    [insertMaster, 14, 'm14', 'b', 0],
    [insertSource, 87, 'csname', 'a'],
    [insertSource, 88, 'csname2', 'b'],
  );
}
