// The export of a git repository, on small repositories that are made here.

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { exportHistory, loadChanges, readChangeLog } from '../../sim/workload/change-log.js';
import { readGitHistory } from '../../sim/workload/git-history.js';

let repository = '';
let seconds = 0;

beforeEach(() => {
  repository = mkdtempSync(join(tmpdir(), 'standin-git-'));
  seconds = 1_700_000_000;
  git('init', '--quiet', '--initial-branch=trunk');
});
afterEach(() => rmSync(repository, { recursive: true, force: true }));

test('the main line is master, a merged commit has the branch that the message of its merge names', () => {
  commit('ann', 'one', 'a.ts');
  git('checkout', '--quiet', '-b', 'topic');
  commit('bob', 'two', 'lib/b.ts');
  commit('bob', 'three', 'lib/c.ts');
  git('checkout', '--quiet', 'trunk');
  merge('ann', `Merge pull request #12 from bob/topic\n\nlonger text`, 'topic');
  git('checkout', '--quiet', '-b', 'feature/x');
  commit('ann', 'four', 'd.ts');
  git('checkout', '--quiet', 'trunk');
  merge('ann', `Merge branch 'feature/x'`, 'feature/x');
  git('checkout', '--quiet', '-b', 'y');
  commit('cleo', 'five', 'e.ts');
  git('checkout', '--quiet', 'trunk');
  merge('cleo', 'Bring it in', 'y');
  expect(readGitHistory(repository).map(({ author, branch, files }) => [author, branch, ...files])).toEqual([
    ['dev-1', 'master', 'a.ts'],
    ['dev-2', 'pr-12', 'lib/b.ts'],
    ['dev-2', 'pr-12', 'lib/c.ts'],
    ['dev-1', 'master', 'lib/b.ts', 'lib/c.ts'],
    ['dev-1', 'feature/x', 'd.ts'],
    ['dev-1', 'master', 'd.ts'],
    ['dev-3', 'side-1', 'e.ts'],
    ['dev-3', 'master', 'e.ts'],
  ]);
});

test('a branch that was merged into another branch belongs to the merge that brought both', () => {
  commit('ann', 'one', 'a.ts');
  git('checkout', '--quiet', '-b', 'inner');
  commit('ann', 'two', 'b.ts');
  git('checkout', '--quiet', '-b', 'outer', 'trunk');
  commit('ann', 'three', 'c.ts');
  merge('ann', `Merge branch 'inner' into outer`, 'inner');
  git('checkout', '--quiet', 'trunk');
  merge('ann', `Merge branch 'outer'`, 'outer');
  expect(readGitHistory(repository).map(({ branch }) => branch)).toEqual([
    'master',
    'outer',
    'outer',
    'outer',
    'master',
  ]);
});

test('odd names, commits without files and more than 40 files are all read', () => {
  commit('ann', 'odd', 'a b/ü"\\.ts', 'tab\t.ts');
  git('commit', '--quiet', '--allow-empty', '--message', 'nothing');
  commit('ann', 'many', ...Array.from({ length: 50 }, (_, i) => `f${i + 10}.ts`));
  const [odd, nothing, many] = readGitHistory(repository);
  expect(odd?.files).toEqual(['a b/ü"\\.ts', 'tab\t.ts']);
  expect(nothing?.files).toEqual([]);
  expect(many?.files).toEqual(Array.from({ length: 40 }, (_, i) => `f${i + 10}.ts`));
});

test('commits are ordered by time, and an exported file reads as the repository does', () => {
  commit('ann', 'one', 'a.ts');
  seconds -= 100;
  commit('ann', 'earlier by its clock', 'b.ts');
  const file = join(repository, 'history.jsonl');
  expect(exportHistory(repository, file)).toBe(2);
  const changes = readChangeLog(file);
  expect(changes.map(({ when }) => when)).toEqual([1_699_999_905, 1_700_000_003]);
  expect(loadChanges(repository)).toEqual(changes);
});

test('a repository without a commit, and a file that cannot be written, are refused', () => {
  expect(() => readGitHistory(repository)).toThrow(`${repository} is no git repository with a commit`);
  commit('ann', 'one', 'a.ts');
  expect(() => exportHistory(repository, join(repository, 'no', 'such', 'folder'))).toThrow(
    'cannot be written',
  );
});

function commit(author: string, message: string, ...files: readonly string[]): void {
  for (const file of files) {
    mkdirSync(dirname(join(repository, file)), { recursive: true });
    writeFileSync(join(repository, file), message);
  }
  git('add', '--all');
  as(author, 'commit', '--quiet', '--message', message);
}

function merge(author: string, message: string, branch: string): void {
  as(author, 'merge', '--quiet', '--no-ff', '--message', message, branch);
}

function git(...args: readonly string[]): void {
  as('ann', ...args);
}

function as(author: string, ...args: readonly string[]): void {
  seconds += 1;
  const email = `${author}@example.org`;
  const env = {
    PATH: process.env['PATH'] ?? '',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_AUTHOR_NAME: author,
    GIT_AUTHOR_EMAIL: email,
    GIT_COMMITTER_NAME: author,
    GIT_COMMITTER_EMAIL: email,
    GIT_AUTHOR_DATE: `${seconds} +0000`,
    GIT_COMMITTER_DATE: `${seconds} +0000`,
  };
  execFileSync('git', ['-C', repository, ...args], { env, stdio: ['ignore', 'ignore', 'inherit'] });
}
