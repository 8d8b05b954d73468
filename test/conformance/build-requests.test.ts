// The build requests connector: what Buildbot's own tests demand of it. Where we differ from Buildbot, the test says so;
// docs/decisions/0005 says why.

import { expect, test } from 'vitest';
import type { BuildRequestFilter } from '../../src/db/build-requests.js';
import type { Owner } from '../../src/db/claims.js';
import { onEachDatabase, type DatabaseEnvironment, type RunWithDatabase } from './databases.js';
import { addBuildset, addCluster, addManyRequests, addRequest, ME, OTHER } from './requested-builds.js';

const CLAIMED_AT = 1_300_305_712;
const COMPLETE_AT = 1_300_305_999;

onEachDatabase('the build requests connector', (run) => {
  readingSuite(run);
  stampSuite(run);
  claimSuite(run);
  unclaimSuite(run);
  completeSuite(run);
});

function readingSuite(run: RunWithDatabase): void {
  test('getBuildRequest gives all fields, those of the claim included, or null for a missing request', () =>
    run(async (environment) => {
      await addCluster(environment);
      await addRequest(environment, 44, { claimedBy: ME });
      const { buildRequests } = environment.db;
      expect(await buildRequests.getBuildRequest(44)).toEqual({
        buildrequestid: 44,
        buildsetid: 539,
        builderid: 77,
        buildername: 'bldr-77',
        priority: 0,
        complete: false,
        results: -1,
        submittedAt: 1_300_305_712,
        completeAt: null,
        waitedFor: false,
        claimed: true,
        claimedAt: 1_300_103_810,
        claimedByMasterid: ME.masterid,
      });
      expect(await buildRequests.getBuildRequest(45)).toBeNull();
    }));

  test('a request that nobody has claimed says so', () =>
    run(async (environment) => {
      await addCluster(environment);
      await addRequest(environment, 44);
      const unclaimed = { claimed: false, claimedAt: null, claimedByMasterid: null };
      expect(await environment.db.buildRequests.getBuildRequest(44)).toMatchObject(unclaimed);
    }));

  test.each([
    ['all', {}, [50, 51, 52, 53]],
    ['claimed by me', { claimed: ME.masterid }, [50]],
    ['claimed by anybody', { claimed: true }, [50, 51]],
    ['claimed by nobody, and incomplete', { claimed: false }, [52]],
  ] as const)('getBuildRequests: %s', (_what, filter, expected) =>
    run(async (environment) => {
      await addCluster(environment);
      await addRequest(environment, 50, { claimedBy: ME });
      await addRequest(environment, 51, { claimedBy: OTHER });
      await addRequest(environment, 52);
      await addRequest(environment, 53, { complete: true });
      expect(await ids(environment, filter)).toEqual(expected);
    }),
  );

  test('complete and incomplete requests are told apart by `complete` alone, not by complete_at', () =>
    run(async (environment) => {
      await addCluster(environment);
      await addRequest(environment, 70, { complete: true });
      await addRequest(environment, 80);
      await environment.write(['UPDATE buildrequests SET complete_at = 59 WHERE id = 80']);
      expect(await ids(environment, { complete: true })).toEqual([70]);
      expect(await ids(environment, { complete: false })).toEqual([80]);
      expect(await ids(environment, {})).toEqual([70, 80]);
    }));

  test('requests are found by buildset and by builder', () =>
    run(async (environment) => {
      await addCluster(environment);
      await addBuildset(environment, 540);
      await addRequest(environment, 70);
      await addRequest(environment, 71, { bsid: 540 });
      await addRequest(environment, 72, { bsid: 540, builderid: 78 });
      expect(await ids(environment, { bsid: 540 })).toEqual([71, 72]);
      expect(await ids(environment, { builderid: 77 })).toEqual([70, 71]);
      expect(await ids(environment, { bsid: 541 })).toEqual([]);
    }));

  test('several conditions must all hold', () =>
    run(async (environment) => {
      await addCluster(environment);
      await addBuildset(environment, 540);
      await addRequest(environment, 44, { claimedBy: ME });
      await addRequest(environment, 45, { claimedBy: ME, bsid: 540 });
      await addRequest(environment, 46, { claimedBy: ME, builderid: 78 });
      await addRequest(environment, 47, { claimedBy: OTHER });
      await addRequest(environment, 48, { claimedBy: ME, complete: true });
      const wanted = { bsid: 539, builderid: 77, claimed: ME.masterid, complete: false };
      expect(await ids(environment, wanted)).toEqual([44]);
    }));
}

function stampSuite(run: RunWithDatabase): void {
  test.each([
    ['a branch', { branch: 'branch_A' }, [70]],
    ['an empty branch, which is no null', { branch: '' }, []],
    ['no branch', { branch: null }, [72]],
    ['a repository', { repository: 'repository_B' }, [70, 71]],
    ['an empty repository', { repository: '' }, [72]],
    ['both, of one stamp or of two', { branch: 'branch_A', repository: 'repository_B' }, [70]],
    ['neither: each request once, however many stamps', {}, [70, 71, 72, 73]],
  ] as const)('getBuildRequests by source: %s', (_what, filter, expected) =>
    run(async (environment) => {
      await addCluster(environment);
      for (const bsid of [540, 541, 542]) await addBuildset(environment, bsid);
      const stamp =
        'INSERT INTO sourcestamps (id, ss_hash, branch, repository, created_at) VALUES (?, ?, ?, ?, 0)';
      const link = 'INSERT INTO buildset_sourcestamps (buildsetid, sourcestampid) VALUES (?, ?)';
      await environment.write(
        [stamp, 1, 'a', 'branch_A', 'repository_A'],
        [stamp, 2, 'b', 'branch_B', 'repository_B'],
        [stamp, 3, 'c', null, ''],
        [link, 539, 1],
        [link, 539, 2],
        [link, 540, 2],
        [link, 541, 3],
      );
      for (const [i, bsid] of [539, 540, 541, 542].entries()) await addRequest(environment, 70 + i, { bsid });
      expect(await ids(environment, filter)).toEqual(expected);
    }),
  );

  test('a request of a buildset without stamps is seen, unlike in Buildbot', () =>
    run(async (environment) => {
      await addCluster(environment);
      await addRequest(environment, 44, { claimedBy: ME });
      expect(await ids(environment, { claimed: ME.masterid })).toEqual([44]);
    }));
}

function claimSuite(run: RunWithDatabase): void {
  test('a claim says who and when', () =>
    run(async (environment) => {
      await addCluster(environment);
      await addRequest(environment, 44);
      await claim(environment, [44]);
      expect(await environment.rows('SELECT * FROM buildrequest_claims')).toEqual([
        { brid: 44, masterid: ME.masterid, incarnation: 2, claimed_at: CLAIMED_AT, is_open: 1 },
      ]);
    }));

  test('some of many are claimed, the rest is not', () =>
    run(async (environment) => {
      await addCluster(environment);
      for (const brid of [44, 45, 46]) await addRequest(environment, brid);
      await claim(environment, [44, 46]);
      expect(await ids(environment, { claimed: true })).toEqual([44, 46]);
      expect(await ids(environment, { claimed: false })).toEqual([45]);
    }));

  test('999 are claimed at once', () =>
    run(async (environment) => {
      await addCluster(environment);
      await addManyRequests(environment, range(999));
      await claim(environment, range(999));
      expect(await ids(environment, { claimed: ME.masterid })).toHaveLength(999);
    }));

  test('what another master has claimed is refused', () =>
    run(async (environment) => {
      await addCluster(environment);
      await addRequest(environment, 44, { claimedBy: OTHER });
      await expect(claim(environment, [44])).rejects.toMatchObject({ code: 'already-claimed' });
      expect(await ids(environment, { claimed: OTHER.masterid })).toEqual([44]);
    }));

  test('what one has claimed already is refused too', () =>
    run(async (environment) => {
      await addCluster(environment);
      await addRequest(environment, 44, { claimedBy: ME });
      await expect(claim(environment, [44])).rejects.toMatchObject({ code: 'already-claimed' });
    }));

  test('of 1000, the last of which is claimed by another, none is claimed', () =>
    run(async (environment) => {
      await addCluster(environment);
      await addManyRequests(environment, range(999));
      await addRequest(environment, 1000, { claimedBy: OTHER });
      await expect(claim(environment, range(1000))).rejects.toMatchObject({ code: 'already-claimed' });
      expect(await ids(environment, { claimed: true })).toEqual([1000]);
    }));

  test('two claims after one another leave nothing unclaimed', () =>
    run(async (environment) => {
      await addCluster(environment);
      for (const brid of [44, 45]) await addRequest(environment, brid);
      await claim(environment, [44]);
      await claim(environment, [45]);
      expect(await ids(environment, { claimed: false })).toEqual([]);
    }));

  test('of two masters that claim the same request at once, one gets it', () =>
    run(async (environment) => {
      await addCluster(environment);
      await addRequest(environment, 44);
      const outcomes = await Promise.allSettled([claim(environment, [44]), claim(environment, [44], OTHER)]);
      expect(new Set(outcomes.map(({ status }) => status))).toEqual(new Set(['fulfilled', 'rejected']));
      const lost = outcomes.find(({ status }) => status === 'rejected');
      expect(lost).toMatchObject({ reason: { code: 'already-claimed' } });
    }));

  test('a complete request and a missing one are not claimed, unlike in Buildbot', () =>
    run(async (environment) => {
      await addCluster(environment);
      await addRequest(environment, 44, { complete: true });
      await expect(claim(environment, [44])).rejects.toMatchObject({ code: 'already-claimed' });
      await expect(claim(environment, [99])).rejects.toMatchObject({ code: 'already-claimed' });
    }));

  test('an incarnation that has ended claims nothing, unlike in Buildbot', () =>
    run(async (environment) => {
      await addCluster(environment);
      await addRequest(environment, 44);
      const older = { ...ME, incarnation: 1 };
      await expect(claim(environment, [44], older)).rejects.toMatchObject({ code: 'claim-lost' });
      await environment.db.masters.setMasterState(ME.masterid, false);
      await expect(claim(environment, [44])).rejects.toMatchObject({ code: 'claim-lost' });
      expect(await ids(environment, { claimed: true })).toEqual([]);
    }));
}

function unclaimSuite(run: RunWithDatabase): void {
  test('unclaiming gives back what is mine and incomplete, and nothing else', () =>
    run(async (environment) => {
      await addCluster(environment);
      await addRequest(environment, 44, { claimedBy: ME, complete: true });
      await addRequest(environment, 45, { claimedBy: ME });
      await addRequest(environment, 46, { claimedBy: OTHER });
      await addRequest(environment, 47, { claimedBy: ME });
      await addRequest(environment, 48, { claimedBy: { ...ME, incarnation: 1 } });
      await addRequest(environment, 49);
      expect(await unclaim(environment, [44, 45, 46, 47, 48, 49, 50])).toEqual([45, 47]);
      expect(await ids(environment, { claimed: false })).toEqual([45, 47, 49]);
      expect(await ids(environment, { claimed: true })).toEqual([44, 46, 48]);
    }));

  test('unclaiming more than fits one statement gives all back', () =>
    run(async (environment) => {
      await addCluster(environment);
      await addManyRequests(environment, range(1001));
      await claim(environment, range(1001));
      expect(await unclaim(environment, range(1001))).toEqual(range(1001));
    }));
}

function completeSuite(run: RunWithDatabase): void {
  test('completing sets results and time, and leaves the claim', () =>
    run(async (environment) => {
      await addCluster(environment);
      await addRequest(environment, 44, { claimedBy: ME });
      await addRequest(environment, 45, { claimedBy: ME });
      await complete(environment, [44], ME);
      const { buildRequests } = environment.db;
      expect(await buildRequests.getBuildRequest(44)).toMatchObject({
        complete: true,
        results: 7,
        completeAt: COMPLETE_AT,
        claimedByMasterid: ME.masterid,
      });
      expect(await buildRequests.getBuildRequest(45)).toMatchObject({ complete: false, results: -1 });
    }));

  test.each([2, 279, 1001])('%i are completed at once', (count) =>
    run(async (environment) => {
      await addCluster(environment);
      await addManyRequests(environment, range(count));
      await claim(environment, range(count));
      await complete(environment, range(count), ME);
      expect(await ids(environment, { complete: true })).toEqual(range(count));
    }),
  );

  test('without an owner, requests of others and of nobody are completed too', () =>
    run(async (environment) => {
      await addCluster(environment);
      await addRequest(environment, 44, { claimedBy: OTHER });
      await addRequest(environment, 45);
      await complete(environment, [44, 45]);
      expect(await ids(environment, { complete: true })).toEqual([44, 45]);
    }));

  test.each([
    ['another master', OTHER],
    ['nobody', undefined],
    ['an older incarnation of the same master', { ...ME, incarnation: 1 }],
  ])('with an owner, what is claimed by %s is not completed, unlike in Buildbot', (_what, claimedBy) =>
    run(async (environment) => {
      await addCluster(environment);
      await addRequest(environment, 44, { claimedBy: ME });
      await addRequest(environment, 45, claimedBy === undefined ? {} : { claimedBy });
      await expect(complete(environment, [44, 45], ME)).rejects.toMatchObject({ code: 'not-claimed' });
      expect(await ids(environment, { complete: true })).toEqual([]);
    }),
  );

  test('what is complete already, or missing, is refused, and nothing of the rest is done', () =>
    run(async (environment) => {
      await addCluster(environment);
      await addRequest(environment, 44, { complete: true, results: 0 });
      await addRequest(environment, 45);
      await expect(complete(environment, [45, 44])).rejects.toMatchObject({ code: 'not-claimed' });
      await expect(complete(environment, [45, 99])).rejects.toMatchObject({ code: 'not-claimed' });
      expect(await ids(environment, { complete: true })).toEqual([44]);
      expect(await environment.db.buildRequests.getBuildRequest(44)).toMatchObject({ results: 0 });
    }));

  test('a request whose build is to be tried again cannot be completed: that is a bug', () =>
    run(async (environment) => {
      await addCluster(environment);
      await addRequest(environment, 44);
      await expect(complete(environment, [44], undefined, 5)).rejects.toThrow('to be tried again');
    }));
}

async function ids({ db }: DatabaseEnvironment, filter: BuildRequestFilter): Promise<readonly number[]> {
  return (await db.buildRequests.getBuildRequests(filter)).map(({ buildrequestid }) => buildrequestid);
}

function claim({ db }: DatabaseEnvironment, brids: readonly number[], owner: Owner = ME): Promise<void> {
  return db.database.transaction(
    (tx) => db.buildRequests.claimBuildRequestsIn(tx, brids, owner, CLAIMED_AT),
    { retriesUniqueViolation: true },
  );
}

function unclaim({ db }: DatabaseEnvironment, brids: readonly number[]): Promise<readonly number[]> {
  return db.database.transaction((tx) => db.buildRequests.unclaimBuildRequestsIn(tx, brids, ME));
}

function complete(
  { db }: DatabaseEnvironment,
  brids: readonly number[],
  owner?: Owner,
  results = 7,
): Promise<void> {
  const completion = { results, completeAt: COMPLETE_AT, ...(owner === undefined ? {} : { owner }) };
  return db.database.transaction((tx) => db.buildRequests.completeBuildRequestsIn(tx, brids, completion));
}

/** 1 to `count`. */
function range(count: number): readonly number[] {
  return Array.from({ length: count }, (_, i) => i + 1);
}
