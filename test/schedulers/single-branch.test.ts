// SingleBranchScheduler: builds at once, or when the tree has been stable. `B[1,2]@9` is a buildset of changes 1 and 2 in
// second 9. Rows of Buildbot's test_basic; where we differ from Buildbot, the test says so.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Change, NewChange } from '../../src/db/changes.js';
import { ChangeFilter } from '../../src/schedulers/change-filter.js';
import { SingleBranchScheduler, type SingleBranchOptions } from '../../src/schedulers/single-branch.js';
import { TestCluster, type Member } from '../support/cluster.js';

const IMPORTANT: Partial<NewChange> = { category: 'important' };
const UNIMPORTANT: Partial<NewChange> = { category: 'unimportant' };

let cluster: TestCluster;
let member: Member;

beforeEach(async () => {
  cluster = await TestCluster.create();
});

afterEach(() => cluster.close());

async function start(
  options: Partial<SingleBranchOptions> = {},
  name = 'master-a',
): Promise<SingleBranchScheduler> {
  const scheduler = make(options);
  member = await cluster.start([scheduler], { name });
  return scheduler;
}

function make(options: Partial<SingleBranchOptions> = {}): SingleBranchScheduler {
  return new SingleBranchScheduler('s', ['linux'], {
    branch: 'master',
    fileIsImportant: (change: Change) => change.category === 'important',
    ...options,
  });
}

describe('without a tree-stable timer', () => {
  test('an important change is built at once', async () => {
    await start();
    await cluster.pass(5);
    await cluster.change(member, IMPORTANT);
    expect(await cluster.buildsets()).toEqual(['B[1]@5']);
  });

  test('an unimportant change builds nothing, and is forgotten', async () => {
    await start();
    await cluster.change(member, UNIMPORTANT);
    await cluster.pass(100);
    expect(await cluster.buildsets()).toEqual([]);
    expect(await cluster.rows('SELECT * FROM scheduler_changes')).toEqual([]);
    expect(await cluster.rows('SELECT * FROM queue_messages')).toEqual([]);
  });

  test('a change of another branch builds nothing', async () => {
    await start();
    await cluster.change(member, { ...IMPORTANT, branch: 'devel' });
    await cluster.change(member, { ...IMPORTANT, branch: null });
    expect(await cluster.buildsets()).toEqual([]);
  });

  test('the default branch is a branch like any other', async () => {
    await start({ branch: null });
    await cluster.change(member, { ...IMPORTANT, branch: 'master' });
    await cluster.change(member, { ...IMPORTANT, branch: null });
    expect(await cluster.buildsets()).toEqual(['B[2]@0']);
  });

  test('each change is built for itself, with the default reason and priority', async () => {
    await start({ priority: 8 });
    await cluster.change(member, IMPORTANT);
    await cluster.change(member, IMPORTANT);
    expect(await cluster.buildsets()).toEqual(['B[1]@0', 'B[2]@0']);
    expect(await cluster.rows('SELECT DISTINCT reason FROM buildsets')).toEqual([
      { reason: "The SingleBranchScheduler scheduler named 's' triggered this build" },
    ]);
    expect(await cluster.rows('SELECT DISTINCT priority FROM buildrequests')).toEqual([{ priority: 8 }]);
  });

  test('a given reason is used', async () => {
    await start({ reason: 'because' });
    await cluster.change(member, IMPORTANT);
    expect(await cluster.rows('SELECT reason FROM buildsets')).toEqual([{ reason: 'because' }]);
  });
});

describe('with a tree-stable timer', () => {
  test('an important change is built when the timer is over', async () => {
    await start({ treeStableTimer: 10 });
    await cluster.change(member, IMPORTANT);
    await cluster.pass(9);
    expect(await cluster.buildsets()).toEqual([]);
    await cluster.pass(1);
    expect(await cluster.buildsets()).toEqual(['B[1]@10']);
  });

  test('unimportant changes alone never build', async () => {
    await start({ treeStableTimer: 10 });
    await cluster.change(member, UNIMPORTANT);
    await cluster.pass(100);
    expect(await cluster.buildsets()).toEqual([]);
    expect(await classified()).toEqual(['1 0']);
  });

  test('each further change starts the timer anew, unimportant ones too; all are built together and forgotten', async () => {
    await start({ treeStableTimer: 9 });
    await cluster.change(member, IMPORTANT);
    await cluster.pass(6);
    await cluster.change(member, UNIMPORTANT);
    await cluster.pass(6);
    await cluster.change(member, IMPORTANT);
    expect(await classified()).toEqual(['1 1', '2 0', '3 1']);
    await cluster.pass(9);
    expect(await cluster.buildsets()).toEqual(['B[1,2,3]@21']);
    expect(await classified()).toEqual([]);
  });

  test('an unimportant change that waited is built with the important one that follows', async () => {
    await start({ treeStableTimer: 10 });
    await cluster.change(member, UNIMPORTANT);
    await cluster.pass(50);
    await cluster.change(member, IMPORTANT);
    await cluster.pass(10);
    expect(await cluster.buildsets()).toEqual(['B[1,2]@60']);
  });

  test('after a build the next change starts a new wait', async () => {
    await start({ treeStableTimer: 10 });
    await cluster.change(member, IMPORTANT);
    await cluster.pass(10);
    await cluster.change(member, IMPORTANT);
    await cluster.pass(10);
    expect(await cluster.buildsets()).toEqual(['B[1]@10', 'B[2]@20']);
  });
});

describe('a tree-stable timer and a new owner', () => {
  test('the time that was left is waited for, unlike in Buildbot, which begins anew', async () => {
    await start({ treeStableTimer: 20 });
    await cluster.change(member, IMPORTANT);
    await cluster.pass(5);
    await member.master.stop();
    await cluster.pass(5);
    await start({ treeStableTimer: 20 }, 'master-b');
    await cluster.pass(9);
    expect(await cluster.buildsets()).toEqual([]);
    await cluster.pass(1);
    expect(await cluster.buildsets()).toEqual(['B[1]@20']);
  });

  test('a timer that has long been due builds at once', async () => {
    await start({ treeStableTimer: 20 });
    await cluster.change(member, IMPORTANT);
    await member.master.stop();
    await cluster.pass(1000);
    await start({ treeStableTimer: 20 }, 'master-b');
    await cluster.pass(0);
    expect(await cluster.buildsets()).toEqual(['B[1]@1000']);
  });

  test('a wall clock that was set back makes the wait one timer long at most', async () => {
    await start({ treeStableTimer: 20 });
    await cluster.change(member, IMPORTANT);
    await member.master.stop();
    cluster.clock.stepWall(-86_400_000);
    await start({ treeStableTimer: 20 }, 'master-b');
    await cluster.pass(20);
    expect(await cluster.buildsets()).toHaveLength(1);
  });

  test('leftovers that are all unimportant start nothing', async () => {
    await start({ treeStableTimer: 20 });
    await cluster.change(member, UNIMPORTANT);
    await member.master.stop();
    await start({ treeStableTimer: 20 }, 'master-b');
    await cluster.pass(100);
    expect(await cluster.buildsets()).toEqual([]);
  });

  test('a stopped owner builds nothing when its timer would have been over', async () => {
    await start({ treeStableTimer: 20 });
    await cluster.change(member, IMPORTANT);
    await member.master.stop();
    await cluster.pass(100);
    expect(await cluster.buildsets()).toEqual([]);
  });

  test('a scheduler that is disabled while its timer runs builds when it is enabled', async () => {
    await start({ treeStableTimer: 20 });
    await cluster.change(member, IMPORTANT);
    await member.master.data.schedulerEnable(1, false);
    await cluster.pass(100);
    expect(await cluster.buildsets()).toEqual([]);
    await member.master.data.schedulerEnable(1, true);
    await cluster.pass(0);
    expect(await cluster.buildsets()).toEqual(['B[1]@100']);
  });
});

describe('createAbsoluteSourceStamps', () => {
  const codebases = { a: { repository: 'svn://a', branch: 'stable' }, b: { repository: 'svn://b' } };
  const a: Partial<NewChange> = { ...IMPORTANT, codebase: 'a', repository: 'svn://a', revision: 'a1' };
  const b: Partial<NewChange> = { ...IMPORTANT, codebase: 'b', repository: 'svn://b', revision: 'b1' };

  test('a codebase without a change is built as it was last seen, also by a new owner', async () => {
    await start({ codebases, createAbsoluteSourceStamps: true });
    await cluster.change(member, a);
    expect(await built()).toEqual(['a a1', 'b null']);
    await member.master.stop();
    const scheduler = await start({ codebases, createAbsoluteSourceStamps: true }, 'master-b');
    await cluster.change(member, b);
    expect(await built()).toEqual(['a a1', 'b b1']);
    expect(scheduler.getCodebaseDict('a')).toEqual({
      repository: 'svn://a',
      branch: 'master',
      revision: 'a1',
    });
    const [state] = await cluster.rows("SELECT value_json FROM object_state WHERE name = 'lastCodebases'");
    expect(JSON.parse(String(state?.['value_json']))).toMatchObject({
      a: { lastChange: 1 },
      b: { lastChange: 2 },
    });
  });

  test('an unimportant change is remembered too', async () => {
    await start({ codebases, createAbsoluteSourceStamps: true });
    await cluster.change(member, { ...a, ...UNIMPORTANT });
    await cluster.change(member, b);
    expect(await built()).toEqual(['a a1', 'b b1']);
  });

  test('without the option the configured default is built', async () => {
    const scheduler = await start({ codebases });
    await cluster.change(member, a);
    await cluster.change(member, b);
    expect(await built()).toEqual(['a null', 'b b1']);
    expect(scheduler.getCodebaseDict('a')).toEqual(codebases.a);
  });

  /** Codebase and revision of the stamps of the newest buildset. */
  async function built(): Promise<readonly string[]> {
    const rows = await cluster.rows(
      `SELECT s.codebase, s.revision FROM sourcestamps s JOIN buildset_sourcestamps b ON b.sourcestampid = s.id
       WHERE b.buildsetid = (SELECT MAX(id) FROM buildsets) ORDER BY s.codebase`,
    );
    return rows.map(({ codebase, revision }) => `${codebase} ${revision}`);
  }
});

test('a branch or a filter is needed, one of them only, and several branches are another scheduler', () => {
  const build = (options: object): unknown => new SingleBranchScheduler('s', ['linux'], options);
  expect(() => build({})).toThrow("scheduler 's' needs either a branch or a changeFilter");
  expect(() => build({ branch: 'x', changeFilter: new ChangeFilter() })).toThrow(
    'has a changeFilter and conditions',
  );
  expect(() => build({ branches: ['x'] })).toThrow('take an AnyBranchScheduler');
  expect(() => build({ branch: 'x', treeStableTimer: -1 })).toThrow('treeStableTimer');
});

describe('what it wants', () => {
  test('is what it would build of its own accord', () => {
    const change = { codebase: '', branch: 'master', category: 'important' } as Change;
    expect(make().wantsChange(change)).toBe(true);
    expect(make().wantsChange({ ...change, category: 'unimportant' })).toBe(false);
    expect(make().wantsChange({ ...change, codebase: 'other' })).toBe(false);
    expect(make().wantsChange({ ...change, branch: 'devel' })).toBe(false);
  });

  test('a filter takes the place of the branch', async () => {
    const options: SingleBranchOptions = { changeFilter: new ChangeFilter({ branch: /^rel-/ }) };
    member = await cluster.start([new SingleBranchScheduler('s', ['linux'], options)]);
    await cluster.change(member, { branch: 'rel-1' });
    await cluster.change(member, { branch: 'devel' });
    expect(await cluster.buildsets()).toEqual(['B[1]@0']);
  });
});

async function classified(): Promise<readonly string[]> {
  const rows = await cluster.rows('SELECT changeid, important FROM scheduler_changes ORDER BY changeid');
  return rows.map(({ changeid, important }) => `${changeid} ${important}`);
}
