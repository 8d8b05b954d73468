// The buildsets connector: what Buildbot's own tests demand of it, as far as it goes. Where we differ from Buildbot, the
// test says so; docs/decisions/0005 says why.

import { expect, test } from 'vitest';
import { insertBuildsetStatements, type NewBuildset } from '../../src/db/buildsets.js';
import { onEachDatabase, type DatabaseEnvironment, type RunWithDatabase } from './databases.js';

const SIMPLE: NewBuildset = {
  bsid: 1,
  schedulerid: null,
  sourcestampids: [234],
  changeids: [],
  reason: 'because',
  externalIdstring: 'extid',
  properties: {},
  requests: [{ brid: 11, builderid: 2 }],
  priority: 0,
  waitedFor: true,
  triggerKey: null,
  submittedAt: 9_272_359,
};

onEachDatabase('the buildsets connector', (run) => {
  readingSuite(run);
  insertingSuite(run);
  uniquenessSuite(run);
  listingSuite(run);
  completionSuite(run);
});

function readingSuite(run: RunWithDatabase): void {
  test('a buildset that was added is incomplete, without results, and was submitted when it says', () =>
    run(async (environment) => {
      await add(environment, SIMPLE);
      expect(await environment.db.buildsets.getBuildset(1)).toEqual({
        bsid: 1,
        schedulerid: null,
        externalIdstring: 'extid',
        reason: 'because',
        submittedAt: 9_272_359,
        complete: false,
        completeAt: null,
        results: -1,
        parentBuildid: null,
        parentRelationship: null,
        rebuiltBuildid: null,
      });
    }));

  test('a buildset that is complete says when, and with which results', () =>
    run(async (environment) => {
      await add(environment, SIMPLE);
      await environment.write([
        'UPDATE buildsets SET complete = 1, complete_at = 72759, results = 6 WHERE id = 1',
      ]);
      expect(await environment.db.buildsets.getBuildset(1)).toMatchObject({
        complete: true,
        completeAt: 72_759,
        results: 6,
      });
    }));

  test('a complete_at of 0 is an instant, and does not make a buildset complete', () =>
    run(async (environment) => {
      await add(environment, SIMPLE);
      await environment.write(['UPDATE buildsets SET complete_at = 0 WHERE id = 1']);
      expect(await environment.db.buildsets.getBuildset(1)).toMatchObject({ complete: false, completeAt: 0 });
    }));

  test('a missing buildset is null, and has no requests', () =>
    run(async ({ db }) => {
      expect(await db.buildsets.getBuildset(99)).toBeNull();
      expect(await db.buildsets.getRequests(99)).toEqual(new Map());
    }));

  test('the requests of a buildset are found by builder', () =>
    run(async (environment) => {
      const requests = [
        { brid: 12, builderid: 1 },
        { brid: 11, builderid: 2 },
      ];
      await add(environment, { ...SIMPLE, requests });
      expect(await environment.db.buildsets.getRequests(1)).toEqual(
        new Map([
          [2, 11],
          [1, 12],
        ]),
      );
    }));
}

function insertingSuite(run: RunWithDatabase): void {
  test('a simple buildset is one buildset, one request and one link to a stamp', () =>
    run(async (environment) => {
      await add(environment, SIMPLE);
      expect(await environment.rows('SELECT * FROM buildsets')).toEqual([
        {
          id: 1,
          schedulerid: null,
          external_idstring: 'extid',
          reason: 'because',
          submitted_at: 9_272_359,
          complete: 0,
          complete_at: null,
          results: -1,
          trigger_key: null,
          parent_buildid: null,
          parent_relationship: null,
          rebuilt_buildid: null,
        },
      ]);
      expect(await environment.rows('SELECT * FROM buildrequests')).toEqual([
        {
          id: 11,
          buildsetid: 1,
          builderid: 2,
          priority: 0,
          complete: 0,
          results: -1,
          submitted_at: 9_272_359,
          complete_at: null,
          waited_for: 1,
        },
      ]);
      expect(await environment.rows('SELECT * FROM buildset_sourcestamps')).toEqual([
        { buildsetid: 1, sourcestampid: 234 },
      ]);
      for (const table of ['buildset_properties', 'buildset_changes']) {
        expect(await environment.rows(`SELECT * FROM ${table}`)).toEqual([]);
      }
    }));

  test('a bigger buildset has its properties as JSON, all its requests, stamps and changes', () =>
    run(async (environment) => {
      await add(environment, {
        ...SIMPLE,
        sourcestampids: [234, 235],
        changeids: [5],
        properties: { prop: [['list'], 'test'], other: [null, 'x'] },
        requests: [
          { brid: 11, builderid: 1 },
          { brid: 12, builderid: 2 },
        ],
        priority: 3,
        waitedFor: false,
      });
      const properties =
        'SELECT property_name, property_value FROM buildset_properties ORDER BY property_name';
      expect(await environment.rows(properties)).toEqual([
        { property_name: 'other', property_value: '[null,"x"]' },
        { property_name: 'prop', property_value: '[["list"],"test"]' },
      ]);
      expect(
        await environment.rows('SELECT id, priority, waited_for FROM buildrequests ORDER BY id'),
      ).toEqual([
        { id: 11, priority: 3, waited_for: 0 },
        { id: 12, priority: 3, waited_for: 0 },
      ]);
      expect(await environment.rows('SELECT sourcestampid FROM buildset_sourcestamps ORDER BY 1')).toEqual([
        { sourcestampid: 234 },
        { sourcestampid: 235 },
      ]);
      expect(await environment.rows('SELECT changeid FROM buildset_changes')).toEqual([{ changeid: 5 }]);
    }));

  test('a request of a builder that does not exist is refused, and with it the whole buildset', () =>
    run(async (environment) => {
      const bad = { ...SIMPLE, requests: [{ brid: 11, builderid: 99 }] };
      await expect(add(environment, bad)).rejects.toMatchObject({ code: 'constraint-violation' });
      expect(await environment.rows('SELECT id FROM buildsets')).toEqual([]);
    }));
}

function uniquenessSuite(run: RunWithDatabase): void {
  test('at most one buildset of a scheduler has a trigger key, unlike in Buildbot', () =>
    run(async (environment) => {
      await add(environment, { ...SIMPLE, schedulerid: 24, triggerKey: 'slot-1' });
      const again = { ...SIMPLE, bsid: 2, requests: [], schedulerid: 24, triggerKey: 'slot-1' };
      await expect(insert(environment, again)).rejects.toMatchObject({ code: 'unique-violation' });
      await insert(environment, { ...again, schedulerid: 25 });
      await insert(environment, { ...again, bsid: 3, triggerKey: 'slot-2' });
      await insert(environment, { ...again, bsid: 4, triggerKey: null });
      await insert(environment, { ...again, bsid: 5, triggerKey: null });
      expect(await environment.rows('SELECT id FROM buildsets ORDER BY id')).toHaveLength(5);
    }));
}

function listingSuite(run: RunWithDatabase): void {
  test('the properties of a buildset are read back by name, none of one that does not exist', () =>
    run(async (environment) => {
      const properties = { prop: [['list'], 'test'], other: [null, 'x'] } as const;
      await add(environment, { ...SIMPLE, properties });
      expect(await environment.db.buildsets.getBuildsetProperties(1)).toEqual(properties);
      expect(await environment.db.buildsets.getBuildsetProperties(99)).toEqual({});
    }));

  test('a buildset without properties has none', () =>
    run(async (environment) => {
      await add(environment, SIMPLE);
      expect(await environment.db.buildsets.getBuildsetProperties(1)).toEqual({});
    }));

  test('getBuildsets lists all by id, or the complete ones, or the others', () =>
    run(async (environment) => {
      const ids = async (wanted: { complete?: boolean } = {}): Promise<readonly number[]> =>
        (await environment.db.buildsets.getBuildsets(wanted)).map(({ bsid }) => bsid);
      expect(await ids()).toEqual([]);
      await add(environment, { ...SIMPLE, bsid: 91 });
      await insert(environment, { ...SIMPLE, bsid: 92, requests: [] });
      expect(await ids()).toEqual([91, 92]);
      expect(await ids({ complete: true })).toEqual([92]);
      expect(await ids({ complete: false })).toEqual([91]);
    }));

  test('getRecentBuildsets gives the newest of a branch and repository, the oldest of them first', () =>
    run(async (environment) => {
      await add(environment, { ...SIMPLE, bsid: 91, sourcestampids: [234, 235] });
      await environment.write(
        ["UPDATE sourcestamps SET branch = 'branch_a', repository = 'repo_a' WHERE id = 234"],
        ["UPDATE sourcestamps SET repository = 'repo_b' WHERE id = 235"],
      );
      await insert(environment, { ...SIMPLE, bsid: 92, requests: [] });
      await insert(environment, { ...SIMPLE, bsid: 93, requests: [], sourcestampids: [235] });
      const ids = async (
        count: number,
        branch: string | null,
        repository: string,
      ): Promise<readonly number[]> =>
        (await environment.db.buildsets.getRecentBuildsets(count, { branch, repository })).map(
          ({ bsid }) => bsid,
        );
      expect(await ids(2, 'branch_a', 'repo_a')).toEqual([91, 92]);
      expect(await ids(1, 'branch_a', 'repo_a')).toEqual([92]);
      expect(await ids(0, 'branch_a', 'repo_a')).toEqual([]);
      expect(await ids(2, 'branch_b', 'repo_a')).toEqual([]);
      expect(await ids(2, 'branch_a', 'repo_b')).toEqual([]);
      expect(await ids(5, null, 'repo_b')).toEqual([91, 93]);
    }));
}

function completionSuite(run: RunWithDatabase): void {
  const end = { results: 6, completeAt: 72_759 };

  test('completing a buildset sets results and time, and touches no other', () =>
    run(async (environment) => {
      const { database, buildsets } = environment.db;
      await add(environment, SIMPLE);
      await insert(environment, { ...SIMPLE, bsid: 2, requests: [{ brid: 12, builderid: 2 }] });
      await database.transaction((tx) => buildsets.completeBuildsetIn(tx, 1, end));
      const complete = { complete: true, completeAt: 72_759, results: 6 };
      expect(await buildsets.getBuildset(1)).toMatchObject(complete);
      expect(await buildsets.getBuildset(2)).toMatchObject({
        complete: false,
        completeAt: null,
        results: -1,
      });
    }));

  test('a buildset that is complete already, or missing, is refused', () =>
    run(async (environment) => {
      const { database, buildsets } = environment.db;
      await add(environment, { ...SIMPLE, requests: [] });
      for (const bsid of [1, 99]) {
        const attempt = database.transaction((tx) => buildsets.completeBuildsetIn(tx, bsid, end));
        await expect(attempt).rejects.toMatchObject({ code: 'already-complete' });
      }
      expect(await buildsets.getBuildset(1)).toMatchObject({ results: 0, completeAt: 9_272_359 });
    }));

  test('a buildset without requests is complete at once, and a success', () =>
    run(async (environment) => {
      await add(environment, { ...SIMPLE, requests: [] });
      expect(await environment.db.buildsets.getBuildset(1)).toMatchObject({
        complete: true,
        completeAt: 9_272_359,
        results: 0,
      });
    }));

  test.each([
    ['none is complete', [null, null], null],
    ['one is not complete', [0, null], null],
    ['all succeeded', [0, 0], 0],
    ['one failed', [2, 0], 2],
    ['one was cancelled, which is worse than an exception', [4, 6], 6],
    ['one had warnings and one was skipped', [1, 3], 1],
  ] as const)(
    'a buildset is complete with the worst result when all requests are: %s',
    (_what, parts, results) =>
      run(async (environment) => {
        const { database, buildsets } = environment.db;
        const requests = parts.map((_, i) => ({ brid: 11 + i, builderid: 1 + i }));
        await add(environment, { ...SIMPLE, requests });
        const set = 'UPDATE buildrequests SET complete = 1, results = ? WHERE id = ?';
        for (const [i, part] of parts.entries())
          if (part !== null) await environment.write([set, part, 11 + i]);
        const complete = (): Promise<unknown> =>
          database.transaction((tx) => buildsets.maybeBuildsetCompleteIn(tx, 1, 72_759));
        const outcome = results === null ? null : { bsid: 1, complete: true, completeAt: 72_759, results };
        const completed = await complete();
        if (outcome === null) expect(completed).toBeNull();
        else expect(completed).toEqual(await buildsets.getBuildset(1));
        expect(await buildsets.getBuildset(1)).toMatchObject(outcome ?? { complete: false, results: -1 });
        expect(await complete()).toBeNull();
      }),
  );
}

/** Adds a buildset, and the builders 1 and 2, stamps 234 and 235 and change 5 that it may refer to. */
async function add(environment: DatabaseEnvironment, buildset: NewBuildset): Promise<void> {
  await environment.write(
    ["INSERT INTO builders (id, name, name_hash) VALUES (1, 'bldr1', 'a'), (2, 'bldr2', 'b')"],
    ["INSERT INTO sourcestamps (id, ss_hash, created_at) VALUES (234, 'a', 0), (235, 'b', 0)"],
    [
      `INSERT INTO changes (changeid, author, comments, when_timestamp, files, properties, sourcestampid, change_key)
       VALUES (5, '', '', 0, '[]', '{}', 234, 'key')`,
    ],
  );
  await insert(environment, buildset);
}

async function insert({ db }: DatabaseEnvironment, buildset: NewBuildset): Promise<void> {
  await db.database.batch(insertBuildsetStatements(buildset));
}
