// The connectors of builders and of builds: what Buildbot's own tests demand of them, as far as they go. Where we differ
// from Buildbot, the test says so; docs/decisions/0005 says why.

import { expect, test } from 'vitest';
import type { Build, BuildFilter, NewBuild } from '../../src/db/builds.js';
import type { Owner } from '../../src/db/claims.js';
import { onEachDatabase, type DatabaseEnvironment, type RunWithDatabase } from './databases.js';
import { addCluster, addRequest, ME, OTHER } from './requested-builds.js';

onEachDatabase('the builders connector', builderSuite);

onEachDatabase('the builds connector', (run) => {
  beginningSuite(run);
  writingSuite(run);
  listingSuite(run);
});

function builderSuite(run: RunWithDatabase): void {
  test('findBuilderId inserts a new builder, and gives the same id each time', () =>
    run(async ({ db }) => {
      const find = (): Promise<number> => db.builders.findBuilderId('some_builder');
      const ids = await Promise.all([find(), find()]);
      expect([...ids, await find()]).toEqual([ids[0], ids[0], ids[0]]);
      const builder = { builderid: ids[0], name: 'some_builder', description: null, masterids: [] };
      expect(await db.builders.getBuilder(ids[0] ?? 0)).toEqual(builder);
      expect(await db.builders.getBuilder(99)).toBeNull();
    }));

  test('a builder is added to masters, each once, and removed from them', () =>
    run(async (environment) => {
      await addCluster(environment);
      await link(environment, 77, OTHER.masterid);
      await link(environment, 77, ME.masterid);
      await link(environment, 77, ME.masterid);
      expect(await environment.db.builders.getBuilder(77)).toMatchObject({ masterids: [824, 825] });
      const { builders, database } = environment.db;
      const remove = builders.removeBuilderMasterStatement(77, ME.masterid);
      expect((await database.batch([remove]))[0]?.changes).toBe(1);
      expect((await database.batch([remove]))[0]?.changes).toBe(0);
      expect(await builders.getBuilder(77)).toMatchObject({ masterids: [825] });
    }));

  test('getBuilders lists all by id with their masters, or those of one master, still with all of theirs', () =>
    run(async (environment) => {
      await addCluster(environment);
      const { builders } = environment.db;
      await link(environment, 78, ME.masterid);
      await link(environment, 78, OTHER.masterid);
      const all = (await builders.getBuilders()).map(({ builderid, masterids }) => [builderid, masterids]);
      expect(all).toEqual([
        [77, []],
        [78, [824, 825]],
      ]);
      expect(await builders.getBuilders({ masterid: ME.masterid })).toMatchObject([
        { builderid: 78, masterids: [824, 825] },
      ]);
      expect(await builders.getBuilders({ masterid: 99 })).toEqual([]);
    }));

  test('a description is set, replaced and taken away; an unknown builder is left alone', () =>
    run(async (environment) => {
      await addCluster(environment);
      const { builders } = environment.db;
      await builders.updateBuilderInfo(77, "it's 'quoted'");
      expect(await builders.getBuilder(77)).toMatchObject({ description: "it's 'quoted'" });
      await builders.updateBuilderInfo(77, null);
      await builders.updateBuilderInfo(99, 'x');
      expect(await builders.getBuilder(77)).toMatchObject({ description: null });
    }));
}

function beginningSuite(run: RunWithDatabase): void {
  test('a build that begins is read back, incomplete and without results', () =>
    run(async (environment) => {
      await addCluster(environment);
      await addRequest(environment, 41, { claimedBy: ME });
      const build = await begin(environment, { buildid: 1 });
      const expected: Build = {
        buildid: 1,
        number: 1,
        builderid: 77,
        buildrequestid: 41,
        workerid: 13,
        ...ME,
        startedAt: 88_800,
        complete: false,
        completeAt: null,
        stateString: 'test test2',
        results: null,
      };
      expect(build).toEqual(expected);
      expect(await environment.db.builds.getBuild(1)).toEqual(expected);
      expect(await environment.db.builds.getBuild(99)).toBeNull();
    }));

  test('numbers count the builds of a builder, also of two that begin at once', () =>
    run(async (environment) => {
      await addCluster(environment);
      await addRequest(environment, 41, { claimedBy: ME });
      await addRequest(environment, 42, { claimedBy: OTHER });
      await begin(environment, { buildid: 1 });
      const two = await Promise.all([
        begin(environment, { buildid: 2 }),
        begin(environment, { buildid: 3, buildrequestid: 42, ...OTHER }),
      ]);
      expect(new Set(two.map(({ number }) => number))).toEqual(new Set([2, 3]));
      expect(await begin(environment, { buildid: 4, builderid: 78 })).toMatchObject({ number: 1 });
    }));

  test.each([
    ['nobody has claimed', {}],
    ['another master has claimed', { claimedBy: OTHER }],
    ['an older incarnation has claimed', { claimedBy: { ...ME, incarnation: 1 } }],
    ['is complete', { claimedBy: ME, complete: true }],
  ])('no build begins of a request that %s', (_what, row) =>
    run(async (environment) => {
      await addCluster(environment);
      await addRequest(environment, 41, row);
      await expect(begin(environment, { buildid: 1 })).rejects.toMatchObject({ code: 'claim-lost' });
      expect(await ids(environment, {})).toEqual([]);
    }),
  );

  test('no build begins on a master that others have ended', () =>
    run(async (environment) => {
      await addCluster(environment);
      await addRequest(environment, 41, { claimedBy: ME });
      await environment.db.masters.setMasterState(ME.masterid, false);
      await expect(begin(environment, { buildid: 1 })).rejects.toMatchObject({ code: 'claim-lost' });
    }));
}

function writingSuite(run: RunWithDatabase): void {
  test('what a build is doing is replaced', () =>
    run(async (environment) => {
      await addCluster(environment);
      await addRequest(environment, 41, { claimedBy: ME });
      await begin(environment, { buildid: 1 });
      expect(await say(environment, 1, 'test test3')).toMatchObject({ stateString: 'test test3' });
      expect(await environment.db.builds.getBuild(1)).toMatchObject({ stateString: 'test test3' });
    }));

  test.each([0, 2, 5])('a build finishes with results %i, once', (results) =>
    run(async (environment) => {
      await addCluster(environment);
      await addRequest(environment, 41, { claimedBy: ME });
      await begin(environment, { buildid: 1 });
      const ended = { complete: true, completeAt: 88_900, results };
      expect(await finish(environment, 1, results)).toMatchObject(ended);
      expect(await environment.db.builds.getBuild(1)).toMatchObject(ended);
      await expect(finish(environment, 1, 2)).rejects.toMatchObject({ code: 'claim-lost' });
      await expect(say(environment, 1, 'still here')).rejects.toMatchObject({ code: 'claim-lost' });
      expect(await environment.db.builds.getBuild(1)).toMatchObject({ ...ended, stateString: 'test test2' });
    }),
  );

  test('nobody but the incarnation that began a build writes it', () =>
    run(async (environment) => {
      await addCluster(environment);
      await addRequest(environment, 41, { claimedBy: ME });
      await begin(environment, { buildid: 1 });
      for (const owner of [OTHER, { ...ME, incarnation: 3 }]) {
        await expect(finish(environment, 1, 0, owner)).rejects.toMatchObject({ code: 'claim-lost' });
      }
      expect(await environment.db.builds.getBuild(1)).toMatchObject({ complete: false });
    }));
}

function listingSuite(run: RunWithDatabase): void {
  test('getBuilds lists by builder, request, master and completeness', () =>
    run(async (environment) => {
      await addCluster(environment);
      await addRequest(environment, 41, { claimedBy: ME });
      await addRequest(environment, 42, { claimedBy: OTHER });
      await begin(environment, { buildid: 1 });
      await begin(environment, { buildid: 2, builderid: 78 });
      await begin(environment, { buildid: 3, buildrequestid: 42, ...OTHER });
      await finish(environment, 1, 0);
      expect(await ids(environment, {})).toEqual([1, 2, 3]);
      expect(await ids(environment, { builderid: 77 })).toEqual([1, 3]);
      expect(await ids(environment, { buildrequestid: 42 })).toEqual([3]);
      expect(await ids(environment, { masterid: ME.masterid })).toEqual([1, 2]);
      expect(await ids(environment, { masterid: ME.masterid, complete: false })).toEqual([2]);
      expect(await ids(environment, { complete: true })).toEqual([1]);
    }));
}

async function link({ db }: DatabaseEnvironment, builderid: number, masterid: number): Promise<void> {
  await db.database.batch([db.builders.addBuilderMasterStatement(builderid, masterid)]);
}

function begin({ db }: DatabaseEnvironment, wanted: Partial<NewBuild> & { buildid: number }): Promise<Build> {
  const build: NewBuild = {
    builderid: 77,
    buildrequestid: 41,
    workerid: 13,
    ...ME,
    startedAt: 88_800,
    stateString: 'test test2',
    ...wanted,
  };
  return db.database.transaction((tx) => db.builds.addBuildIn(tx, build), { retriesUniqueViolation: true });
}

function say({ db }: DatabaseEnvironment, buildid: number, text: string): Promise<Build> {
  return db.database.transaction((tx) => db.builds.setBuildStateStringIn(tx, buildid, ME, text));
}

function finish(
  { db }: DatabaseEnvironment,
  buildid: number,
  results: number,
  owner: Owner = ME,
): Promise<Build> {
  const end = { results, completeAt: 88_900 };
  return db.database.transaction((tx) => db.builds.finishBuildIn(tx, buildid, owner, end));
}

async function ids({ db }: DatabaseEnvironment, filter: BuildFilter): Promise<readonly number[]> {
  return (await db.builds.getBuilds(filter)).map(({ buildid }) => buildid);
}
