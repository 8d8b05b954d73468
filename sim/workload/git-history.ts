// The history of a git repository as changes, through the `git` command.
//
// The main line (first parents of HEAD) is the branch `master`, whatever its name is; every other commit belongs to the
// merge that brought it, and takes its branch from that merge's message: `pr-12`, the name of the merged branch, or
// `side-1`, `side-2` … where the message names none. A merge's files are its differences from its first parent. Authors
// become dev-1, dev-2 … in the order in which they first appear, so that no name leaves the repository.

import { spawnSync } from 'node:child_process';
import { ChangeLogError, MOST_FILES, type LoggedChange } from './logged-change.js';

interface Commit {
  readonly revision: string;
  readonly parents: readonly string[];
  readonly when: number;
  readonly author: string;
  readonly message: string;
  readonly files: readonly string[];
}

/** One record: NUL, then five fields with a NUL after each. Git adds a NUL, then a newline and the paths if there are any. */
const FORMAT = '%x00%H%x00%P%x00%ct%x00%aE%x00%B%x00';

/** A repository's whole history up to HEAD, ordered by time, parents first where times are equal. @throws ChangeLogError. */
export function readGitHistory(repository: string): readonly LoggedChange[] {
  const output = git(repository, [
    'log', '-z', '--topo-order', '--reverse', '--name-only', '--no-renames', '--diff-merges=first-parent',
    '--no-ext-diff', '--no-textconv', '--no-color', '--no-show-signature', '--no-notes', `--format=${FORMAT}`, 'HEAD',
  ]); // prettier-ignore
  const commits = [...parseCommits(output.split('\0'))];
  const branches = branchesOf(commits);
  const authors = new Map<string, string>();
  return commits
    .toSorted((a, b) => a.when - b.when)
    .map(({ revision, when, author, files }) => {
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

/** Paths are never empty, so an empty token after them is the start of the next record. */
function* parseCommits(tokens: readonly string[]): Generator<Commit> {
  for (let i = 1; i < tokens.length;) {
    const [revision = '', parents = '', when = '', author = '', message = ''] = tokens.slice(i, i + 5);
    i += 6;
    const files: string[] = [];
    for (; i < tokens.length && tokens[i] !== ''; i++) files.push(tokens[i]?.replace(/^\n/, '') ?? '');
    i += 1;
    const parentList = parents.split(' ').filter((parent) => parent !== '');
    yield { revision, parents: parentList, when: Number(when), author: author.toLowerCase(), message, files };
  }
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

/** Inside a git hook these variables would name the hook's repository instead of the one asked for. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const { GIT_DIR: _dir, GIT_WORK_TREE: _tree, GIT_INDEX_FILE: _index, ...rest } = process.env;
  return rest;
}
