// The changes connector, with addChange, which is the one way to add a change: what Buildbot's own tests demand of them.
// Where we differ from Buildbot, the test says so; docs/decisions/0005 says why.

import { expect, test } from 'vitest';
import { NotJsonError } from '../../src/core/json.js';
import type { NewChange } from '../../src/db/changes.js';
import { onEachDatabase, type RunWithDatabase } from './databases.js';

const CHANGE: NewChange = {
  author: 'dustin',
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
