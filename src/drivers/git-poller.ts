// A change source that polls a git repository: each commit that appears on a watched branch becomes one change, however
// many masters die at it.
//
// The first look only remembers where the branches stand. Later ones announce what leads to a watched branch and to
// nothing that was seen before, parents first; a commit that appears on several branches belongs to the first of them. The
// key of a change is repository and revision, so what was added by a look that did not live to say so is found again.
// @source buildbot master/buildbot/changes/gitpoller.py

import { sha1 } from '../core/digest.js';
import { ConfigError } from '../core/errors.js';
import type { JsonValue } from '../core/json.js';
import { nearest } from '../core/nearest.js';
import type { NewChange } from '../db/changes.js';
import { ChangeSource, type ChangeSourceOptions } from './change-source.js';
import type { Commit } from './git-log.js';
import { GitRepository } from './git-repository.js';

export interface GitPollerOptions extends ChangeSourceOptions {
  /** URL or path, as git takes it. */
  readonly repository: string;
  /** Names of the branches that are watched; default all. */
  readonly branches?: readonly string[];
  /** Where fetched commits are kept on each machine; default `gitpoller-work` in the folder of the master's process. */
  readonly workFolder?: string;
  /** Of the changes. Default ''. */
  readonly project?: string;
  readonly codebase?: string;
  /** Of the changes. Default none. */
  readonly category?: string | null;
}

/** How far the looks have come. */
interface Progress {
  /** Branch to the revision up to which it has been announced. */
  readonly seen: Readonly<Record<string, string>>;
  /** Where the branches stood at the first look: what is older is never announced. */
  readonly since: readonly string[];
}

const KEYS: readonly string[] = [
  'repository',
  'branches',
  'workFolder',
  'project',
  'codebase',
  'category',
  'pollS',
];
const STATE_KEY = 'progress';

export class GitPoller extends ChangeSource {
  readonly repository: string;
  readonly branches: readonly string[] | null;
  readonly workFolder: string;
  readonly origin: Pick<NewChange, 'project' | 'codebase' | 'category'>;

  /** @throws ConfigError */
  constructor(name: string, options: GitPollerOptions) {
    super(name, options.pollS === undefined ? {} : { pollS: options.pollS });
    const unknown = Object.keys(options).find((key) => !KEYS.includes(key));
    if (unknown !== undefined)
      throw new ConfigError(`change source '${name}' has no option '${unknown}'${nearest(unknown, KEYS)}`);
    if (typeof options.repository !== 'string' || options.repository === '')
      throw new ConfigError(`change source '${name}' needs a 'repository', a URL or a path`);
    if (options.branches?.length === 0) throw new ConfigError(`change source '${name}' watches no branch`);
    const { project = '', codebase = '', category = null } = options;
    this.repository = options.repository;
    this.branches = options.branches ?? null;
    this.workFolder = options.workFolder ?? 'gitpoller-work';
    this.origin = { project, codebase, category };
  }

  protected override async look(): Promise<void> {
    const { epoch } = this.requireClaim('looking for commits');
    const { commands } = this.context;
    if (commands === null) throw new ConfigError('the host of this master runs no commands');
    const copy = { folder: `${this.workFolder}/${sha1(this.repository)}.git`, owner: `claim-${epoch}` };
    const ports = { commands, clock: this.runtime.clock, signal: this.signal };
    const repository = new GitRepository(this.repository, copy, ports);
    const heads = await repository.heads();
    const watched = (this.branches ?? [...heads.keys()]).filter((branch) => heads.has(branch));
    const progress = progressOf(await this.getState(STATE_KEY));
    if (progress === null)
      return this.#begin(new Map(watched.map((branch) => [branch, heads.get(branch) ?? ''])));
    if (watched.every((branch) => progress.seen[branch] === heads.get(branch))) return;
    await this.#announce(repository, watched, progress);
  }

  async #begin(heads: ReadonlyMap<string, string>): Promise<void> {
    await this.setState(STATE_KEY, { seen: Object.fromEntries(heads), since: [...heads.values()] });
  }

  async #announce(repository: GitRepository, watched: readonly string[], progress: Progress): Promise<void> {
    const { since } = progress;
    const heads = await repository.fetch(watched);
    const known = [...since, ...Object.values(progress.seen)];
    for (const [branch, head] of heads) {
      if (progress.seen[branch] === head) continue;
      const revisions = await repository.between(known, head);
      for await (const commit of repository.commits(revisions)) await this.#add(commit, branch);
      known.push(head);
    }
    await this.setState(STATE_KEY, { seen: Object.fromEntries(heads), since });
  }

  async #add(commit: Commit, branch: string): Promise<void> {
    const { revision, author, email, when, message, files } = commit;
    const change = {
      ...this.origin,
      author: `${author} <${email}>`,
      comments: message.trimEnd(),
      repository: this.repository,
      branch,
      revision,
      when,
      files,
    };
    await this.addChange(change, `git:${this.repository}:${revision}`);
  }
}

/** Null before the first look. */
function progressOf(value: JsonValue): Progress | null {
  return value === null ? null : (value as unknown as Progress);
}
