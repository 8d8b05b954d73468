// Update methods of requests, builds, builders and buildsets: what Buildbot's own tests of its data layer demand. State and
// event are one transaction: what is refused announces nothing. Where we differ from Buildbot, the test says so;
// docs/decisions/0005 and 0016 say why.

import { expect, test } from 'vitest';
import { buildsetEvents } from '../../src/data/events.js';
import type { NewBuildset } from '../../src/db/buildsets.js';
import { onEachDatabase, type DatabaseEnvironment, type RunWithDatabase } from './databases.js';
import { addCluster, addRequest, ME, OTHER } from './requested-builds.js';

onEachDatabase('the updates of builds', (run) => {
  claimSuite(run);
  completeSuite(run);
  buildSuite(run);
  builderSuite(run);
});

test('a buildset with two builders is announced by one message a request and one of its own, with all fields', () => {
  const events = buildsetEvents(BUILDSET, 'fast');
  expect(events.map(({ key }) => key.join('/'))).toEqual([
    'buildrequests/11/new',
    'buildrequests/12/new',
    'buildsets/9/new',
  ]);
  expect(events[0]?.body).toEqual({
    buildrequestid: 11,
    buildsetid: 9,
    builderid: 1,
    priority: 3,
    claimed: false,
    claimed_at: null,
    claimed_by_masterid: null,
    complete: false,
    results: -1,
    submitted_at: 100,
    complete_at: null,
    waited_for: true,
  });
  expect(events[2]?.body).toEqual({
    bsid: 9,
    scheduler: 'fast',
    external_idstring: 'extid',
    reason: 'because',
    submitted_at: 100,
    complete: false,
    complete_at: null,
    results: -1,
    parent_buildid: 5,
    parent_relationship: 'Triggered from',
    rebuilt_buildid: null,
    sourcestampids: [234],
    changeids: [17],
  });
});

test('a buildset without builders is announced as new and as complete, a success', () => {
  const events = buildsetEvents({ ...BUILDSET, requests: [] }, null);
  expect(events.map(({ key }) => key.join('/'))).toEqual(['buildsets/9/new', 'buildsets/9/complete']);
  expect(events[1]?.body).toMatchObject({ scheduler: null, complete: true, complete_at: 100, results: 0 });
  expect(Object.keys(events[1]?.body ?? {})).toEqual(Object.keys(events[0]?.body ?? {}));
});

const BUILDSET: NewBuildset = {
  bsid: 9,
  schedulerid: 1,
  sourcestampids: [234],
  changeids: [17],
  reason: 'because',
  externalIdstring: 'extid',
  properties: {},
  requests: [
    { brid: 11, builderid: 1 },
    { brid: 12, builderid: 2 },
  ],
  priority: 3,
  waitedFor: true,
  triggerKey: null,
  submittedAt: 100,
  parentBuildid: 5,
  parentRelationship: 'Triggered from',
};

function claimSuite(run: RunWithDatabase): void {
  test('requests that were claimed are announced, with who and when', () =>
    run(async (environment) => {
      await addCluster(environment);
      for (const brid of [44, 45]) await addRequest(environment, brid);
      expect(await environment.updates.builds.claimBuildRequests([44, 45], ME)).toBe(true);
      const claimed = { claimed: true, claimed_by_masterid: ME.masterid, claimed_at: environment.now };
      expect(await announced(environment)).toMatchObject([
        ['buildrequests/44/claimed', claimed],
        ['buildrequests/45/claimed', claimed],
      ]);
    }));

  test('a claim that is refused is false, and announces nothing', () =>
    run(async (environment) => {
      await addCluster(environment);
      await addRequest(environment, 44);
      await addRequest(environment, 45, { claimedBy: OTHER });
      expect(await environment.updates.builds.claimBuildRequests([44, 45], ME)).toBe(false);
      expect(await announced(environment)).toEqual([]);
    }));

  test('claiming nothing is no error', () =>
    run(async (environment) => {
      await addCluster(environment);
      expect(await environment.updates.builds.claimBuildRequests([], ME)).toBe(true);
      expect(await announced(environment)).toEqual([]);
    }));

  test('what is given back is announced, and only that', () =>
    run(async (environment) => {
      await addCluster(environment);
      await addRequest(environment, 44, { claimedBy: ME });
      await addRequest(environment, 45, { claimedBy: OTHER });
      await environment.updates.builds.unclaimBuildRequests([44, 45], ME);
      expect(await announced(environment)).toMatchObject([
        ['buildrequests/44/unclaimed', { claimed: false, claimed_by_masterid: null }],
      ]);
    }));
}

function completeSuite(run: RunWithDatabase): void {
  test('the last request that is complete completes its buildset, in the same transaction', () =>
    run(async (environment) => {
      await addCluster(environment);
      for (const brid of [44, 45]) await addRequest(environment, brid, { claimedBy: ME });
      const { builds } = environment.updates;
      await builds.completeBuildRequests([44], 2, ME);
      expect(await environment.db.buildsets.getBuildset(539)).toMatchObject({ complete: false });
      await builds.completeBuildRequests([45], 0, ME);
      const complete = { complete: true, complete_at: environment.now };
      expect(await announced(environment)).toMatchObject([
        ['buildrequests/44/complete', { ...complete, results: 2 }],
        ['buildrequests/45/complete', { ...complete, results: 0 }],
        ['buildsets/539/complete', { ...complete, results: 2, reason: 'because', scheduler: null }],
      ]);
      expect(await environment.db.buildsets.getBuildset(539)).toMatchObject({ complete: true, results: 2 });
    }));

  test('of two masters that complete the last two requests at once, one completes the buildset', () =>
    run(async (environment) => {
      await addCluster(environment);
      await addRequest(environment, 44, { claimedBy: ME });
      await addRequest(environment, 45, { claimedBy: OTHER });
      const { builds } = environment.updates;
      await Promise.all([
        builds.completeBuildRequests([44], 0, ME),
        builds.completeBuildRequests([45], 0, OTHER),
      ]);
      const keys = (await announced(environment)).map(([key]) => key);
      expect(keys.filter((key) => key === 'buildsets/539/complete')).toHaveLength(1);
      expect(await environment.db.buildsets.getBuildset(539)).toMatchObject({ complete: true, results: 0 });
    }));

  test('what is refused announces nothing and changes nothing', () =>
    run(async (environment) => {
      await addCluster(environment);
      await addRequest(environment, 44, { claimedBy: ME });
      await addRequest(environment, 45, { claimedBy: OTHER });
      const attempt = environment.updates.builds.completeBuildRequests([44, 45], 0, ME);
      await expect(attempt).rejects.toMatchObject({ code: 'not-claimed' });
      expect(await announced(environment)).toEqual([]);
    }));

  test('maybeBuildsetComplete completes a buildset that was left open, once', () =>
    run(async (environment) => {
      await addCluster(environment);
      await addRequest(environment, 44, { complete: true, results: 0 });
      await addRequest(environment, 45, { complete: true, results: 2 });
      const { builds } = environment.updates;
      for (let i = 0; i < 2; i++) await builds.maybeBuildsetComplete(539);
      expect(await announced(environment)).toMatchObject([['buildsets/539/complete', { results: 2 }]]);
    }));

  test('maybeBuildsetComplete leaves one that is not complete yet, or missing', () =>
    run(async (environment) => {
      await addCluster(environment);
      await addRequest(environment, 44, { complete: true, results: 0 });
      await addRequest(environment, 45);
      for (const bsid of [539, 99]) await environment.updates.builds.maybeBuildsetComplete(bsid);
      expect(await announced(environment)).toEqual([]);
    }));
}

function buildSuite(run: RunWithDatabase): void {
  test('a build is announced when it begins, says something and ends', () =>
    run(async (environment) => {
      await addCluster(environment);
      await addRequest(environment, 41, { claimedBy: ME });
      const { builds } = environment.updates;
      const wanted = { builderid: 77, buildrequestid: 41, workerid: 13, stateString: 'starting', ...ME };
      const { buildid } = await builds.addBuild(wanted);
      await builds.setBuildStateString(buildid, ME, 'compiling');
      await builds.finishBuild(buildid, ME, 1);
      const body = {
        buildid,
        number: 1,
        builderid: 77,
        buildrequestid: 41,
        workerid: 13,
        masterid: ME.masterid,
      };
      const { now } = environment;
      expect(await announced(environment)).toEqual([
        [`builds/${buildid}/new`, { ...body, started_at: now, complete: false, complete_at: null, state_string: 'starting', results: null }],
        [`builds/${buildid}/update`, { ...body, started_at: now, complete: false, complete_at: null, state_string: 'compiling', results: null }],
        [`builds/${buildid}/finished`, { ...body, started_at: now, complete: true, complete_at: now, state_string: 'compiling', results: 1 }],
      ]); // prettier-ignore
    }));

  test('what another incarnation writes to a build is refused, and announces nothing', () =>
    run(async (environment) => {
      await addCluster(environment);
      await addRequest(environment, 41, { claimedBy: ME });
      const { builds } = environment.updates;
      const wanted = { builderid: 77, buildrequestid: 41, workerid: null, stateString: '' };
      await expect(builds.addBuild({ ...wanted, ...OTHER })).rejects.toMatchObject({ code: 'claim-lost' });
      const { buildid } = await builds.addBuild({ ...wanted, ...ME });
      await expect(builds.finishBuild(buildid, OTHER, 0)).rejects.toMatchObject({ code: 'claim-lost' });
      expect(await announced(environment)).toHaveLength(1);
    }));
}

function builderSuite(run: RunWithDatabase): void {
  test('the builders of a master are replaced; those that come and go are announced', () =>
    run(async (environment) => {
      await addCluster(environment);
      const { builds } = environment.updates;
      await builds.updateBuilderList(ME, [77]);
      await builds.updateBuilderList(OTHER, [77]);
      await builds.updateBuilderList(ME, [78]);
      await builds.updateBuilderList(ME, [78]);
      const mine = await environment.db.builders.getBuilders({ masterid: ME.masterid });
      expect(mine.map(({ builderid }) => builderid)).toEqual([78]);
      expect(await announced(environment)).toEqual([
        ['builders/77/started', { builderid: 77, masterid: 824, name: 'bldr-77' }],
        ['builders/77/started', { builderid: 77, masterid: 825, name: 'bldr-77' }],
        ['builders/77/stopped', { builderid: 77, masterid: 824, name: 'bldr-77' }],
        ['builders/78/started', { builderid: 78, masterid: 824, name: 'bldr-78' }],
      ]);
    }));

  test('the builders of a master go with it, whoever ends it, and that is announced', () =>
    run(async (environment) => {
      await addCluster(environment);
      const { updates, db } = environment;
      await updates.builds.updateBuilderList(ME, [77, 78]);
      await updates.builds.updateBuilderList(OTHER, [78]);
      const before = (await announced(environment)).length;
      await updates.masterStopped({ id: ME.masterid, name: 'this' });
      const { beat } = (await db.masters.getMaster(OTHER.masterid)) ?? { beat: -1 };
      await updates.expireMaster({ ...OTHER, seenBeat: beat });
      expect((await db.builders.getBuilders()).flatMap(({ masterids }) => masterids)).toEqual([]);
      const stopped = (await announced(environment))
        .slice(before)
        .filter(([key]) => key.startsWith('builders'));
      expect(stopped).toEqual([
        ['builders/77/stopped', { builderid: 77, masterid: 824, name: 'bldr-77' }],
        ['builders/78/stopped', { builderid: 78, masterid: 824, name: 'bldr-78' }],
        ['builders/78/stopped', { builderid: 78, masterid: 825, name: 'bldr-78' }],
      ]);
    }));

  test('an incarnation that others have ended lists no builders', () =>
    run(async (environment) => {
      await addCluster(environment);
      await environment.db.masters.setMasterState(ME.masterid, false);
      const listing = environment.updates.builds.updateBuilderList(ME, [77]);
      await expect(listing).rejects.toMatchObject({ code: 'claim-lost' });
      expect(await environment.db.builders.getBuilders({ masterid: ME.masterid })).toEqual([]);
      expect(await announced(environment)).toEqual([]);
    }));
}

/** What has been announced, in the order of the announcements: key and body. */
async function announced(environment: DatabaseEnvironment): Promise<readonly (readonly [string, unknown])[]> {
  const rows = await environment.rows('SELECT routing_key, body FROM events ORDER BY id');
  return rows.map((row) => {
    const key = JSON.parse(String(row['routing_key'])) as readonly string[];
    return [key.join('/'), JSON.parse(String(row['body']))];
  });
}
