// The history of a git repository as changes, through the `git` command.
//
// The main line (first parents of HEAD) is the branch `master`, whatever its name is; every other commit belongs to the
// merge that brought it, and takes its branch from that merge's message: `pr-12`, the name of the merged branch, or
// `side-1`, `side-2` … where the message names none. A merge's files are its differences from its first parent. Authors
// become dev-1, dev-2 … in the order in which they first appear, so that no name leaves the repository.

import { spawnSync } from 'node:child_process';
import { LOG_ARGUMENTS, parseCommits, VARIABLES_OF_HOOKS, type Commit } from '../../src/drivers/git-log.js';
import { ChangeLogError, MOST_FILES, type LoggedChange } from './logged-change.js';

/** A repository's whole history up to HEAD, ordered by time, parents first where times are equal. @throws ChangeLogError. */
export function readGitHistory(repository: string): readonly LoggedChange[] {
  const output = git(repository, [...LOG_ARGUMENTS, '--topo-order', '--reverse', 'HEAD']);
  const commits = [...parseCommits(output)];
  const branches = branchesOf(commits);
  const authors = new Map<string, string>();
  return commits
    .toSorted((a, b) => a.when - b.when)
    .map(({ revision, when, email, files }) => {
      const author = email.toLowerCase();
      if (!authors.has(author)) authors.set(author, `dev-${authors.size + 1}`);
      const branch = branches.get(revision) ?? 'master';
      return {
        revision,
        when,
        author: authors.get(author) ?? author,
        branch,
        files: files.slice(0, MOST_FILES),
      };
    });
}

/** The branch of each commit that is not on the main line, by revision. */
function branchesOf(commits: readonly Commit[]): ReadonlyMap<string, string> {
  const byRevision = new Map(commits.map((commit) => [commit.revision, commit]));
  const mainLine = firstParents(commits.at(-1), byRevision);
  const taken = new Set(mainLine.map((commit) => commit.revision));
  const branches = new Map<string, string>();
  let unnamed = 0;
  for (const merge of mainLine.toReversed()) {
    const brought = notYetTaken(merge.parents.slice(1), byRevision, taken);
    if (brought.length === 0) continue;
    const branch = branchInMessage(merge.message) ?? `side-${(unnamed += 1)}`;
    for (const revision of brought) branches.set(revision, branch);
  }
  return branches;
}

/** From HEAD back to the root. */
function firstParents(head: Commit | undefined, byRevision: ReadonlyMap<string, Commit>): Commit[] {
  const line: Commit[] = [];
  for (let at = head; at !== undefined; at = byRevision.get(at.parents[0] ?? '')) line.push(at);
  return line;
}

/** Everything reachable from `heads` that is not in `taken`; it is put there. */
function notYetTaken(
  heads: readonly string[],
  byRevision: ReadonlyMap<string, Commit>,
  taken: Set<string>,
): string[] {
  const brought: string[] = [];
  const open = [...heads];
  for (let revision = open.pop(); revision !== undefined; revision = open.pop()) {
    const commit = byRevision.get(revision);
    if (commit === undefined || taken.has(revision)) continue;
    taken.add(revision);
    brought.push(revision);
    open.push(...commit.parents);
  }
  return brought;
}

const NAMED_IN_MESSAGE: readonly RegExp[] = [
  /^Merge branch '([^']+)'/,
  /^Merge remote-tracking branch '[^/']+\/([^']+)'/,
];

/** `pr-12` or a branch's name, when the message of a merge says it. */
function branchInMessage(message: string): string | null {
  const request =
    /^Merge (?:pull|merge) request [#!](\d+)/.exec(message)?.[1] ??
    /^See merge request .*!(\d+)$/m.exec(message)?.[1];
  if (request !== undefined) return `pr-${request}`;
  for (const pattern of NAMED_IN_MESSAGE) {
    const name = pattern.exec(message)?.[1];
    if (name !== undefined && name !== 'master') return name;
  }
  return null;
}

function git(repository: string, args: readonly string[]): string {
  const options = ['-C', repository, '-c', 'core.quotePath=false', ...args];
  const { status, stdout, error } = spawnSync('git', options, {
    encoding: 'utf8',
    maxBuffer: 2 ** 30,
    env: cleanEnvironment(),
  });
  if (error !== undefined)
    throw new ChangeLogError(`the history of ${repository} cannot be read: the git command does not run`);
  if (status !== 0) throw new ChangeLogError(`${repository} is no git repository with a commit`);
  return stdout;
}

function cleanEnvironment(): NodeJS.ProcessEnv {
  const variables = Object.entries(process.env);
  return Object.fromEntries(variables.filter(([name]) => !VARIABLES_OF_HOOKS.includes(name)));
}
