// The git poller on real repositories: every commit that appears on a watched branch is one change, once.

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ConfigError } from '../../src/core/errors.js';
import { GitPoller, type GitPollerOptions } from '../../src/drivers/git-poller.js';
import { TestCluster, type Member } from '../support/cluster.js';

let folder = '';
let repository = '';
let cluster: TestCluster;
let copies = 0;
let looks = 0;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'standin-git-'));
  repository = join(folder, 'repository');
  mkdirSync(repository);
  git('init', '--quiet', '--initial-branch=main');
  cluster = await TestCluster.create();
  copies = looks = 0;
});
afterEach(() => {
  cluster.close();
  rmSync(folder, { recursive: true, force: true });
});

function git(...args: readonly string[]): string {
  const identity = ['-c', 'user.name=Ann', '-c', 'user.email=ann@example.org', '-c', 'commit.gpgsign=false'];
  return execFileSync('git', ['-C', repository, ...identity, ...args], { encoding: 'utf8' }).trim();
}

function commit(message: string, file = 'a.txt'): string {
  mkdirSync(dirname(join(repository, file)), { recursive: true });
  writeFileSync(join(repository, file), message);
  git('add', '--all');
  git('commit', '--quiet', '--message', message);
  return git('rev-parse', 'HEAD');
}

class CountedPoller extends GitPoller {
  protected override async look(): Promise<void> {
    try {
      await super.look();
    } finally {
      looks += 1;
    }
  }
}

/** A master on a machine of its own: nothing is there of what others have fetched. */
function start(name: string, options: Partial<GitPollerOptions> = {}): Promise<Member> {
  const workFolder = join(folder, `machine-${++copies}`);
  const poller = new CountedPoller('git', { repository, workFolder, pollS: 30, ...options });
  return cluster.start([], { name, changeSources: [poller] });
}

/** Lets the poller look once more, and waits until it has. */
async function look(): Promise<void> {
  const before = looks;
  await cluster.pass(looks === 0 ? 0 : 30);
  while (looks === before) {
    await new Promise((resolve) => setTimeout(resolve, 2));
    await cluster.pass(0);
  }
}

/** `branch: comments` each, in the order in which they were added. */
async function changes(): Promise<readonly string[]> {
  const rows = await cluster.rows('SELECT branch, comments FROM changes ORDER BY changeid');
  return rows.map(({ branch, comments }) => `${String(branch)}: ${String(comments)}`);
}

test('what was there at the first look is not announced; what is pushed later is, parents first, in full', async () => {
  commit('old');
  await start('master-a', { project: 'p', codebase: 'c', category: 'pushed' });
  await look();
  commit('one');
  const revision = commit('two\n\nwith a body', 'lib/ä b.txt');
  await look();
  expect(await changes()).toEqual(['main: one', 'main: two\n\nwith a body']);
  const [row] = await cluster.rows('SELECT * FROM changes WHERE changeid = 2');
  expect(row).toMatchObject({
    author: 'Ann <ann@example.org>',
    revision,
    repository,
    project: 'p',
    codebase: 'c',
    category: 'pushed',
    files: JSON.stringify(['lib/ä b.txt']),
    when_timestamp: Number(git('log', '-1', '--format=%ct')),
  });
  await look();
  expect(await changes()).toHaveLength(2);
});

test('a repository that is empty at the first look is announced from its first commit on', async () => {
  await start('master-a');
  await look();
  commit('first');
  await look();
  expect(await changes()).toEqual(['main: first']);
});

test('a new branch is announced by what it adds, a merge by itself alone', async () => {
  commit('old');
  await start('master-a');
  await look();
  git('checkout', '--quiet', '-b', 'topic/x');
  commit('on the side', 'b.txt');
  git('branch', 'same');
  await look();
  expect(await changes()).toEqual(['same: on the side']);
  git('checkout', '--quiet', 'main');
  commit('meanwhile');
  git('merge', '--quiet', '--no-ff', '-m', 'merge', 'topic/x');
  await look();
  expect(await changes()).toEqual(['same: on the side', 'main: meanwhile', 'main: merge']);
});

test('only watched branches count, one that is not there yet among them', async () => {
  commit('old');
  await start('master-a', { branches: ['main', 'later'] });
  await look();
  git('checkout', '--quiet', '-b', 'other');
  commit('other');
  git('checkout', '--quiet', '-b', 'later');
  commit('later');
  await look();
  expect(await changes()).toEqual(['later: other', 'later: later']);
});

test('a branch that is rewritten, deleted, or followed by one below its name, is announced by what is new', async () => {
  commit('old');
  await start('master-a');
  await look();
  commit('wrong');
  await look();
  git('commit', '--quiet', '--amend', '--message', 'right');
  await look();
  git('branch', 'a');
  await look();
  git('branch', '-D', 'a');
  git('checkout', '--quiet', '-b', 'a/b');
  commit('below');
  await look();
  expect(await changes()).toEqual(['main: wrong', 'main: right', 'a/b: below']);
});

test('another master goes on where the last one was, on a machine that has fetched nothing', async () => {
  commit('old');
  const first = await start('master-a');
  await look();
  commit('one');
  await look();
  commit('rewritten');
  await look();
  git('reset', '--quiet', '--hard', 'HEAD~1');
  git('reflog', 'expire', '--expire=now', '--all');
  git('gc', '--quiet', '--prune=now'); // what was seen last exists nowhere any more
  commit('two');
  await Promise.all([first.master.stop(), cluster.pass(1)]);
  await start('master-b');
  await look();
  expect(await changes()).toEqual(['main: one', 'main: rewritten', 'main: two']);
});

test('a look that dies before it says how far it came is done again, and adds nothing twice', async () => {
  commit('old');
  const first = await start('master-a');
  await look();
  commit('one');
  commit('two');
  const data = first.master.data;
  const add = data.addChange.bind(data);
  data.addChange = async (change, key) => {
    if (change.comments === 'two') throw new Error('died');
    return add(change, key);
  };
  await look();
  expect(await changes()).toEqual(['main: one']);
  data.addChange = add;
  await look();
  expect(await changes()).toEqual(['main: one', 'main: two']);
});

test('a repository that cannot be reached is complained about, and looked at again', async () => {
  commit('old');
  const member = await start('master-a');
  await look();
  const away = `${repository}-away`;
  execFileSync('mv', [repository, away]);
  await look();
  expect(member.runtime.complaints.join()).toContain("change source 'git' failed: git: git ls-remote of");
  execFileSync('mv', [away, repository]);
  commit('one');
  await look();
  expect(await changes()).toEqual(['main: one']);
});

test('what is wrong with a poller is said when it is made', () => {
  const make = (options: object): GitPoller => new GitPoller('git', options as GitPollerOptions);
  expect(() => make({})).toThrow(ConfigError);
  expect(() => make({ repository, branch: ['main'] })).toThrow("did you mean 'branches'");
  expect(() => make({ repository, branches: [] })).toThrow('watches no branch');
  expect(() => make({ repository, pollS: 0 })).toThrow('pollS');
});
