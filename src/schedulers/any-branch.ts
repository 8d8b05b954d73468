// Builds the changes of many branches, each (codebase, project, repository, branch) with a tree-stable timer of its own.
// @source buildbot master/buildbot/schedulers/basic.py AnyBranchScheduler

import type { Change } from '../db/changes.js';
import { BasicScheduler, filterOf, type BasicSchedulerOptions } from './basic.js';
import type { BuilderNames } from './render.js';

export interface AnyBranchOptions extends BasicSchedulerOptions {
  /** The branches to build; default all. */
  readonly branches?: readonly (string | null)[];
}

export class AnyBranchScheduler extends BasicScheduler {
  /** @throws ConfigError when a changeFilter is given together with branches or categories. */
  constructor(name: string, builderNames: BuilderNames, options: AnyBranchOptions = {}) {
    const conditions = { branch: options.branches, category: options.categories };
    super(name, builderNames, { ...options, changeFilter: filterOf(name, options, conditions) });
  }

  protected override timerKeyOf({ codebase, project, repository, branch }: Change): string {
    return JSON.stringify([codebase, project, repository, branch]);
  }
}
