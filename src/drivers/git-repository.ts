// A remote git repository, as the `git` command shows it: its branches now, and the commits that are new. What is fetched is
// kept in a bare repository on this machine, which may be lost: it is then fetched anew.
//
// Each user of that copy keeps what it fetched under references of its own (`owner`), so that neither a process that goes
// on after its time nor the lock files of one that was killed stand in anybody's way.

import { StandinError } from '../core/errors.js';
import type { Clock } from '../runtime/clock.js';
import type { Commands } from '../runtime/commands.js';
import { LOG_ARGUMENTS, parseCommits, VARIABLES_OF_HOOKS, type Commit } from './git-log.js';

/** The git command failed: the repository cannot be reached, or is none. */
export class GitError extends StandinError {
  constructor(message: string) {
    super('git', message, { isRetryable: true });
  }
}

export interface GitPorts {
  readonly commands: Commands;
  readonly clock: Clock;
  /** Aborts when nothing more is to be done: what runs is killed. */
  readonly signal: AbortSignal;
}

/** What a command may take before it is killed. */
const TIME_OUT_MS = 120_000;
const MOST_OUTPUT_BYTES = 64 * 1024 * 1024;
/** Commits whose details are asked for at once. */
const CHUNK = 100;

export class GitRepository {
  readonly #url: string;
  readonly #folder: string;
  readonly #owner: string;
  readonly #ports: GitPorts;
  #isMade = false;

  /** `folder`: where the copy is kept; `owner`: a word, unique to who uses it now. */
  constructor(url: string, copy: { readonly folder: string; readonly owner: string }, ports: GitPorts) {
    this.#url = url;
    this.#folder = copy.folder;
    this.#owner = copy.owner;
    this.#ports = ports;
  }

  /** Branch to revision, in the order of names. @throws GitError */
  async heads(): Promise<ReadonlyMap<string, string>> {
    const lines = (await this.#git(['ls-remote', '--heads', '--', this.#url])).split('\n');
    const heads = lines.flatMap((line): [string, string][] => {
      const [revision = '', reference = ''] = line.split('\t');
      return reference.startsWith(HEADS) ? [[reference.slice(HEADS.length), revision]] : [];
    });
    return new Map(heads.toSorted(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** Fetches these branches; returns to which revision each pointed then. @throws GitError, also when one is gone by now */
  async fetch(branches: readonly string[]): Promise<ReadonlyMap<string, string>> {
    await this.#make();
    // By number: a branch `a/b` can follow one that was called `a`.
    const prefix = `refs/standin/${this.#owner}/`;
    const wanted = branches.map((branch, i) => `+${HEADS}${branch}:${prefix}${i}`);
    const quietly = ['--quiet', '--no-tags', '--no-write-fetch-head', '--no-auto-maintenance'];
    await this.#here(['fetch', ...quietly, '--', this.#url, ...wanted]);
    const references = (
      await this.#here(['for-each-ref', '--format=%(refname) %(objectname)', prefix])
    ).split('\n');
    const revisions = new Map(references.map((line) => line.split(' ') as [string, string]));
    return new Map(branches.map((branch, i) => [branch, revisions.get(`${prefix}${i}`) ?? '']));
  }

  /** The revisions that lead to `head` and to none of `seen`, parents first; what is not known is passed over. */
  async between(seen: readonly string[], head: string): Promise<readonly string[]> {
    const excluded = [...new Set(seen)].map((revision) => `^${revision}`);
    const output = await this.#here([
      'rev-list',
      '--topo-order',
      '--reverse',
      '--ignore-missing',
      head,
      ...excluded,
    ]);
    return output.split('\n').filter((line) => line !== '');
  }

  /** The commits of these revisions, in their order, some at a time. @throws GitError */
  async *commits(revisions: readonly string[]): AsyncGenerator<Commit> {
    for (let i = 0; i < revisions.length; i += CHUNK) {
      const chunk = revisions.slice(i, i + CHUNK);
      yield* parseCommits(await this.#here([...LOG_ARGUMENTS, '--no-walk=unsorted', ...chunk]));
    }
  }

  async #make(): Promise<void> {
    if (this.#isMade) return;
    await this.#git(['init', '--quiet', '--bare', this.#folder]);
    this.#isMade = true;
  }

  /** Runs git on the copy. */
  #here(args: readonly string[]): Promise<string> {
    return this.#git(['--git-dir', this.#folder, ...args]);
  }

  async #git(args: readonly string[]): Promise<string> {
    const { commands, clock, signal } = this.#ports;
    signal.throwIfAborted();
    const argv = [
      'git',
      '-c',
      'core.quotePath=false',
      '-c',
      'gc.auto=0',
      '-c',
      'protocol.ext.allow=never',
      ...args,
    ];
    const running = commands.start({ argv, environment: ENVIRONMENT, keptBytes: MOST_OUTPUT_BYTES });
    const kill = (): void => running.kill();
    const limit = clock.setTimer(kill, TIME_OUT_MS);
    signal.addEventListener('abort', kill, { once: true });
    try {
      const { exitCode, output, errors, isCut } = await running.ended;
      signal.throwIfAborted();
      if (exitCode === 0 && !isCut) return output;
      const reason = exitCode === null ? 'was killed, it took too long' : lastLine(errors);
      throw new GitError(`git ${verbOf(args)} of ${this.#url}: ${isCut ? 'too much output' : reason}`);
    } finally {
      limit.cancel();
      signal.removeEventListener('abort', kill);
    }
  }
}

const HEADS = 'refs/heads/';

/** No question to nobody, and messages in one language. */
const ENVIRONMENT: Readonly<Record<string, string | null>> = {
  GIT_TERMINAL_PROMPT: '0',
  LC_ALL: 'C',
  ...Object.fromEntries(VARIABLES_OF_HOOKS.map((name) => [name, null])),
};

function lastLine(text: string): string {
  return text.trimEnd().split('\n').at(-1) ?? '';
}

function verbOf(args: readonly string[]): string {
  return args[0] === '--git-dir' ? (args[2] ?? '') : (args[0] ?? '');
}
