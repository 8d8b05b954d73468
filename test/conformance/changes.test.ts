// The changes connector, with addChange, which is the one way to add a change: what Buildbot's own tests demand of them.
// Where we differ from Buildbot, the test says so; docs/decisions/0005 says why.

import { expect, test } from 'vitest';
import { NotJsonError } from '../../src/core/json.js';
import { NEW_CHANGES } from '../../src/data/events.js';
import type { NewChange } from '../../src/db/changes.js';
import { onEachDatabase, type DatabaseEnvironment, type RunWithDatabase } from './databases.js';

const CHANGE: NewChange = {
  author: 'dustin',
  committer: 'warner',
  files: ['master/LICENSING.txt', 'worker/LICENSING.txt'],
  comments: 'fix spelling',
  branch: 'master',
  revision: '2d6caa52e38e',
  revlink: 'http://server/2d6caa52e38e',
  category: 'devel',
  repository: 'git://warner',
  project: 'Buildbot',
  codebase: 'mainapp',
  when: 266_738_404,
  properties: { platform: ['linux', 'Change'] },
};

onEachDatabase('the changes connector', (run) => {
  addingSuite(run);
  keySuite(run);
  parentSuite(run);
  readingSuite(run);
  pruningSuite(run);
});

function addingSuite(run: RunWithDatabase): void {
  test('a change that was added is read back with all its fields, its stamp and no parent', () =>
    run(async ({ db, updates }) => {
      const changeid = await updates.addChange(CHANGE, 'a');
      const change = await db.changes.getChange(changeid);
      expect(change).toEqual({
        ...CHANGE,
        changeid,
        parentChangeid: null,
        sourcestampid: change?.sourcestampid,
      });
    }));

  test('addChange writes exactly one change and one stamp', () =>
    run(async (environment) => {
      const changeid = await environment.updates.addChange(CHANGE, 'key-a');
      const change = await environment.db.changes.getChange(changeid);
      expect(await environment.rows('SELECT * FROM changes')).toEqual([
        {
          changeid,
          author: 'dustin',
          comments: 'fix spelling',
          branch: 'master',
          revision: '2d6caa52e38e',
          revlink: 'http://server/2d6caa52e38e',
          category: 'devel',
          repository: 'git://warner',
          project: 'Buildbot',
          codebase: 'mainapp',
          when_timestamp: 266_738_404,
          files: '["master/LICENSING.txt","worker/LICENSING.txt"]',
          properties: '{"platform":["linux","Change"]}',
          parent_changeid: null,
          sourcestampid: change?.sourcestampid,
          change_key: 'key-a',
          committer: 'warner',
        },
      ]);
      const stamps =
        'SELECT id, branch, revision, repository, project, codebase, created_at FROM sourcestamps';
      expect(await environment.rows(stamps)).toEqual([
        {
          id: change?.sourcestampid,
          branch: 'master',
          revision: '2d6caa52e38e',
          repository: 'git://warner',
          project: 'Buildbot',
          codebase: 'mainapp',
          created_at: environment.now,
        },
      ]);
    }));

  test('a change of which only the author is known has happened now, and the rest is empty', () =>
    run(async ({ db, updates, now }) => {
      const change = await db.changes.getChange(await updates.addChange({ author: 'dustin' }, 'a'));
      expect(change).toEqual({
        changeid: change?.changeid,
        sourcestampid: change?.sourcestampid,
        author: 'dustin',
        committer: null,
        files: [],
        comments: '',
        branch: null,
        revision: null,
        revlink: null,
        category: null,
        repository: '',
        project: '',
        codebase: '',
        when: now,
        properties: {},
        parentChangeid: null,
      });
    }));

  test('a change has no users unless its caller names one', () =>
    run(async ({ db, updates }) => {
      const anonymous = await updates.addChange(CHANGE, 'a');
      const known = await updates.addChange({ ...CHANGE, uid: 7 }, 'b');
      const other = await updates.addChange({ ...CHANGE, uid: 8 }, 'c');
      await updates.addChange({ ...CHANGE, uid: 9 }, 'b');
      expect(await Promise.all([anonymous, known, other].map((id) => db.changes.getChangeUids(id)))).toEqual([
        [],
        [7],
        [8],
      ]);
      expect(await db.changes.getChangeUids(other + 1)).toEqual([]);
    }));

  test('a change of several users has them by id, and not those of another change', () =>
    run(async (environment) => {
      const { db, updates } = environment;
      const [one, two] = [await updates.addChange(CHANGE, 'a'), await updates.addChange(CHANGE, 'b')];
      for (const [changeid, uid] of [
        [one, 2],
        [one, 1],
        [two, 99],
      ] as const)
        await environment.write(['INSERT INTO change_users (changeid, uid) VALUES (?, ?)', changeid, uid]);
      expect(await db.changes.getChangeUids(one)).toEqual([1, 2]);
    }));

  test('changes of the same source share one stamp', () =>
    run(async (environment) => {
      const ids = [
        await environment.updates.addChange(CHANGE, 'a'),
        await environment.updates.addChange({ ...CHANGE, author: 'other' }, 'b'),
        await environment.updates.addChange({ ...CHANGE, revision: 'newer' }, 'c'),
      ];
      const stamps = (await environment.db.changes.getChangesByIds(ids)).map(
        (change) => change.sourcestampid,
      );
      expect(stamps[1]).toBe(stamps[0]);
      expect(stamps[2]).not.toBe(stamps[0]);
      expect(await environment.rows('SELECT id FROM sourcestamps')).toHaveLength(2);
    }));

  test('a null branch is not the same source as an empty one', () =>
    run(async ({ db, updates }) => {
      const ids = [
        await updates.addChange({ author: 'a', branch: null }, 'a'),
        await updates.addChange({ author: 'a', branch: '' }, 'b'),
      ];
      const [first, second] = await db.changes.getChangesByIds(ids);
      expect(first?.sourcestampid).not.toBe(second?.sourcestampid);
      expect(second?.parentChangeid).toBeNull();
    }));

  test('addChange announces the change in the same transaction, and queues it for who has registered', () =>
    run(async (environment) => {
      await environment.db.schedulers.findSchedulerId('s', [['changes', null, 'new']]);
      const changeid = await environment.updates.addChange(CHANGE, 'a');
      const keys = [{ routing_key: JSON.stringify(['changes', String(changeid), 'new']) }];
      expect(await environment.rows('SELECT routing_key FROM events')).toEqual(keys);
      expect(await environment.rows('SELECT routing_key FROM queue_messages')).toEqual(keys);
    }));

  test('properties that JSON cannot hold are refused, and nothing is added', () =>
    run(async (environment) => {
      const properties = { bad: [undefined, 'Change'] } as unknown as Exclude<
        NewChange['properties'],
        undefined
      >;
      await expect(environment.updates.addChange({ ...CHANGE, properties }, 'a')).rejects.toThrow(
        NotJsonError,
      );
      expect(await environment.rows('SELECT changeid FROM changes')).toEqual([]);
      expect(await environment.rows('SELECT id FROM events')).toEqual([]);
    }));
}

function keySuite(run: RunWithDatabase): void {
  test('a change that is added again under its key is found, not added, unlike in Buildbot', () =>
    run(async (environment) => {
      const first = await environment.updates.addChange(CHANGE, 'a');
      expect(await environment.updates.addChange({ ...CHANGE, comments: 'again' }, 'a')).toBe(first);
      expect(await environment.rows('SELECT comments FROM changes')).toEqual([{ comments: 'fix spelling' }]);
      expect(await environment.rows('SELECT id FROM events')).toHaveLength(1);
    }));

  test('two who add the same change at once get the same id', () =>
    run(async (environment) => {
      const { updates } = environment;
      const ids = await Promise.all([updates.addChange(CHANGE, 'a'), updates.addChange(CHANGE, 'a')]);
      expect(ids[0]).toBe(ids[1]);
      expect(await environment.rows('SELECT changeid FROM changes')).toHaveLength(1);
    }));
}

function parentSuite(run: RunWithDatabase): void {
  test('the parent is the newest earlier change of the same branch, repository, project and codebase', () =>
    run(async ({ db, updates }) => {
      await updates.addChange(CHANGE, 'a');
      const parent = await updates.addChange({ ...CHANGE, revision: '2' }, 'b');
      for (const other of [
        { branch: 'sql' },
        { branch: null },
        { repository: 'git://other' },
        { project: 'other' },
        { codebase: 'other' },
      ]) {
        const id = await updates.addChange({ ...CHANGE, ...other }, JSON.stringify(other));
        expect((await db.changes.getChange(id))?.parentChangeid).toBeNull();
      }
      const child = await updates.addChange({ ...CHANGE, revision: '3' }, 'c');
      expect((await db.changes.getChange(child))?.parentChangeid).toBe(parent);
    }));

  test('changes of the default branch have parents of the default branch', () =>
    run(async ({ db, updates }) => {
      const parent = await updates.addChange({ author: 'a' }, 'a');
      const child = await updates.addChange({ author: 'a', revision: '2' }, 'b');
      expect((await db.changes.getChange(child))?.parentChangeid).toBe(parent);
    }));
}

function readingSuite(run: RunWithDatabase): void {
  test('a missing change is null', () =>
    run(async ({ db }) => {
      expect(await db.changes.getChange(99)).toBeNull();
    }));

  test('several changes come by id, without those that are missing', () =>
    run(async ({ db, updates }) => {
      const first = await updates.addChange(CHANGE, 'a');
      const second = await updates.addChange({ ...CHANGE, revision: '2' }, 'b');
      const changes = await db.changes.getChangesByIds([second, 99, first]);
      expect(changes.map(({ changeid }) => changeid)).toEqual([first, second]);
      expect(await db.changes.getChangesByIds([])).toEqual([]);
    }));
}

/** Adds so many changes, one after the other; gives their ids. */
async function addSeveral({ updates }: DatabaseEnvironment, count: number): Promise<readonly number[]> {
  const ids: number[] = [];
  for (let i = 0; i < count; i++)
    ids.push(await updates.addChange({ ...CHANGE, revision: `r${i}` }, `key-${i}`));
  return ids;
}

async function changeids(environment: DatabaseEnvironment): Promise<readonly unknown[]> {
  return (await environment.rows('SELECT changeid FROM changes ORDER BY changeid')).map(
    ({ changeid }) => changeid,
  );
}

function pruningSuite(run: RunWithDatabase): void {
  test('the latest change is the one of the greatest id, null when there is none', () =>
    run(async (environment) => {
      expect(await environment.db.changes.getLatestChangeid()).toBeNull();
      const ids = await addSeveral(environment, 3);
      expect(await environment.db.changes.getLatestChangeid()).toBe(ids[2]);
    }));

  test('pruning keeps the newest changes, and forgets of the others that they were in buildsets', () =>
    run(async (environment) => {
      const ids = await addSeveral(environment, 5);
      await environment.write(
        ["INSERT INTO buildsets (id, reason, submitted_at) VALUES (1, '', 0)"],
        ...ids.map(
          (id) => ['INSERT INTO buildset_changes (buildsetid, changeid) VALUES (1, ?)', id] as const,
        ),
      );
      await environment.write(
        ...ids.map((id) => ['INSERT INTO change_users (changeid, uid) VALUES (?, 1)', id] as const),
      );
      expect(await environment.db.changes.pruneChanges(2)).toBe(3);
      expect(await changeids(environment)).toEqual(ids.slice(3));
      const kept = await environment.rows('SELECT changeid FROM buildset_changes ORDER BY changeid');
      expect(kept).toEqual(ids.slice(3).map((changeid) => ({ changeid })));
      expect(await environment.db.changes.pruneChanges(2)).toBe(0);
      expect(await environment.db.changes.pruneChanges(0)).toBe(2);
    }));

  test('pruning goes through many, also when a hundred of the oldest have to stay', () =>
    run(async (environment) => {
      const ids = await addSeveral(environment, 150);
      await environment.db.schedulers.findSchedulerId('s');
      const classify = 'INSERT INTO scheduler_changes (schedulerid, changeid, important) VALUES (1, ?, 1)';
      await environment.write(...ids.slice(0, 110).map((id) => [classify, id] as const));
      expect(await environment.db.changes.pruneChanges(1)).toBe(39);
      await environment.write(['DELETE FROM scheduler_changes']);
      expect(await environment.db.changes.pruneChanges(1)).toBe(110);
      expect(await changeids(environment)).toEqual(ids.slice(149));
    }));

  // Buildbot deletes the classifications with the changes: what has not been built yet then never is.
  test('a change that a scheduler has classified and not yet built is not pruned', () =>
    run(async (environment) => {
      const ids = await addSeveral(environment, 3);
      const schedulerid = await environment.db.schedulers.findSchedulerId('s');
      const classify = 'INSERT INTO scheduler_changes (schedulerid, changeid, important) VALUES (?, ?, 0)';
      await environment.write([classify, schedulerid, Number(ids[0])]);
      expect(await environment.db.changes.pruneChanges(1)).toBe(1);
      expect(await changeids(environment)).toEqual([ids[0], ids[2]]);
      expect(await environment.rows('SELECT changeid FROM scheduler_changes')).toEqual([
        { changeid: ids[0] },
      ]);
    }));

  test('a change that waits in the queue of a scheduler is not pruned', () =>
    run(async (environment) => {
      const [first] = await addSeveral(environment, 1);
      await environment.db.schedulers.findSchedulerId('s', [NEW_CHANGES]);
      const waiting = await environment.updates.addChange(CHANGE, 'waits');
      const last = await environment.updates.addChange({ ...CHANGE, revision: 'last' }, 'last');
      expect(await environment.db.changes.pruneChanges(1)).toBe(1);
      expect(await changeids(environment)).toEqual([waiting, last]);
      expect(first).toBeLessThan(waiting);
      await environment.write(['DELETE FROM queue_messages']);
      expect(await environment.db.changes.pruneChanges(0)).toBe(2);
    }));

  test('pruning to null forgets nothing, and to what is no number is refused', () =>
    run(async (environment) => {
      const ids = await addSeveral(environment, 2);
      expect(await environment.db.changes.pruneChanges(null)).toBe(0);
      for (const keep of [-1, 0.5, Number.NaN])
        await expect(environment.db.changes.pruneChanges(keep)).rejects.toMatchObject({ code: 'bad-change' });
      expect(await changeids(environment)).toEqual(ids);
    }));
}
