// AnyBranchScheduler: a tree-stable timer for each (codebase, project, repository, branch). `B[1,2]@9` is a buildset of
// changes 1 and 2 in second 9. Rows 27 to 30 of Buildbot's test_basic.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Change, NewChange } from '../../src/db/changes.js';
import { AnyBranchScheduler, type AnyBranchOptions } from '../../src/schedulers/any-branch.js';
import { ChangeFilter } from '../../src/schedulers/change-filter.js';
import { TestCluster, type Member } from '../support/cluster.js';

let cluster: TestCluster;
let member: Member;

beforeEach(async () => {
  cluster = await TestCluster.create();
});

afterEach(() => cluster.close());

async function start(options: AnyBranchOptions = {}, name = 'master-a'): Promise<void> {
  const scheduler = new AnyBranchScheduler('any', ['linux'], {
    treeStableTimer: 10,
    fileIsImportant: ({ category }: Change) => category !== 'unimportant',
    ...options,
  });
  member = await cluster.start([scheduler], { name });
}

const KEYS: readonly (readonly [string, (name: string) => Partial<NewChange>])[] = [
  ['branch', (branch) => ({ branch })],
  ['repository', (repository) => ({ repository })],
  ['project', (project) => ({ project })],
  ['codebase', (codebase) => ({ codebase })],
];

test.each(KEYS)('each %s has a timer of its own', async (_key, of) => {
  await start({ codebases: ['', 'x', 'y'] });
  await cluster.change(member, of('x'));
  await cluster.pass(1);
  await cluster.change(member, { ...of('x'), category: 'unimportant' });
  await cluster.pass(4);
  await cluster.change(member, of('y'));
  await cluster.pass(30);
  expect(await cluster.buildsets()).toEqual(['B[1,2]@11', 'B[3]@15']);
});

test('unimportant changes of a branch without a timer only wait', async () => {
  await start();
  await cluster.change(member, { branch: 'master' });
  await cluster.pass(1);
  await cluster.change(member, { branch: 'boring', category: 'unimportant' });
  await cluster.pass(30);
  expect(await cluster.buildsets()).toEqual(['B[1]@10']);
  expect(await cluster.rows('SELECT changeid FROM scheduler_changes')).toEqual([{ changeid: 2 }]);
});

test('a timer that fires takes the changes of its own branch, unlike in Buildbot (B15)', async () => {
  await start();
  await cluster.change(member, { branch: 'x' });
  await cluster.change(member, { branch: 'y' });
  await cluster.pass(6);
  await cluster.change(member, { branch: 'x', category: 'unimportant' });
  await cluster.pass(30);
  expect(await cluster.buildsets()).toEqual(['B[2]@10', 'B[1,3]@16']);
});

test('a new owner goes on with each timer, with the time that was left', async () => {
  await start();
  await cluster.change(member, { branch: 'x' });
  await cluster.pass(3);
  await cluster.change(member, { branch: 'y' });
  await cluster.pass(1);
  await member.master.stop();
  await start({}, 'master-b');
  await cluster.pass(30);
  expect(await cluster.buildsets()).toEqual(['B[1]@10', 'B[2]@13']);
});

test('only the branches and categories that are named are built', async () => {
  await start({ branches: ['x', null], categories: [null, 'unimportant'], treeStableTimer: 0 });
  await cluster.change(member, { branch: 'x' });
  await cluster.change(member, { branch: null });
  await cluster.change(member, { branch: 'y' });
  await cluster.change(member, { branch: 'x', category: 'other' });
  expect(await cluster.buildsets()).toEqual(['B[1]@0', 'B[2]@0']);
});

describe('what waits from another configuration', () => {
  test('is built at once when there is no timer any more, unlike in Buildbot, which forgets it', async () => {
    await start();
    await cluster.change(member, { branch: 'x' });
    await cluster.change(member, { branch: 'y', category: 'unimportant' });
    await member.master.stop();
    await start({ treeStableTimer: 0 });
    await cluster.pass(0);
    expect(await cluster.buildsets()).toEqual(['B[1]@0']);
    expect(await cluster.rows('SELECT changeid FROM scheduler_changes')).toEqual([{ changeid: 2 }]);
  });

  test('gets a whole timer when it had none', async () => {
    await start();
    await cluster.change(member, { branch: 'x' });
    await member.master.stop();
    const session = await cluster.memory.open();
    await session.run([{ sql: 'DELETE FROM object_state', values: [] }]);
    session.close();
    await start();
    await cluster.pass(9);
    expect(await cluster.buildsets()).toEqual([]);
    await cluster.pass(1);
    expect(await cluster.buildsets()).toEqual(['B[1]@10']);
  });
});

test('a filter besides branches or categories is refused', () => {
  const changeFilter = new ChangeFilter();
  for (const options of [{ branches: ['x'] }, { categories: ['c'] }]) {
    expect(() => new AnyBranchScheduler('any', [], { ...options, changeFilter })).toThrow(
      /scheduler 'any' has a changeFilter and conditions on (branch|category)/,
    );
  }
});
