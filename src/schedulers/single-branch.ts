// Builds the changes of one branch (or of what a filter accepts), with one tree-stable timer for all of them.
// @source buildbot master/buildbot/schedulers/basic.py SingleBranchScheduler

import { ConfigError } from '../core/errors.js';
import type { Change } from '../db/changes.js';
import { BasicScheduler, filterOf, type BasicSchedulerOptions } from './basic.js';
import type { CodebaseDefaults } from './codebases.js';
import { LAST_CODEBASES, LastCodebases } from './last-codebases.js';
import type { BuilderNames } from './render.js';

export interface SingleBranchOptions extends BasicSchedulerOptions {
  /** The branch to build; null is the default branch. Needed unless there is a changeFilter. */
  readonly branch?: string | null;
  /** Build of a codebase without a change what was last seen of it, instead of its default. Default false. */
  readonly createAbsoluteSourceStamps?: boolean;
}

export class SingleBranchScheduler extends BasicScheduler {
  readonly #isAbsolute: boolean;
  readonly #last = new LastCodebases();

  /** @throws ConfigError when neither or both of branch and changeFilter are given. */
  constructor(name: string, builderNames: BuilderNames, options: SingleBranchOptions) {
    super(name, builderNames, withFilter(name, options));
    this.#isAbsolute = options.createAbsoluteSourceStamps ?? false;
  }

  override getCodebaseDict(codebase: string): CodebaseDefaults {
    const configured = super.getCodebaseDict(codebase);
    return (this.#isAbsolute ? this.#last.of(codebase) : null) ?? configured;
  }

  protected override async startActivity(): Promise<void> {
    if (this.#isAbsolute) this.#last.load(await this.getState(LAST_CODEBASES, {}));
    await super.startActivity();
  }

  override async gotChange(change: Change, important: boolean): Promise<void> {
    const seen = this.#isAbsolute ? this.#last.record(change) : null;
    if (seen !== null) {
      await this.setState(LAST_CODEBASES, seen);
      this.afterCommit(() => this.#last.settle());
    }
    await super.gotChange(change, important);
  }

  /** One timer for everything. */
  protected override timerKeyOf(): string {
    return 'only';
  }
}

function withFilter(name: string, options: SingleBranchOptions): BasicSchedulerOptions {
  const { branch, categories: category, changeFilter } = options;
  if ('branches' in options) {
    throw new ConfigError(
      `scheduler '${name}' builds one branch: give 'branch', or take an AnyBranchScheduler`,
    );
  }
  if (branch === undefined && changeFilter === undefined) {
    throw new ConfigError(`scheduler '${name}' needs either a branch or a changeFilter`);
  }
  return { ...options, changeFilter: filterOf(name, options, { branch, category }) };
}
