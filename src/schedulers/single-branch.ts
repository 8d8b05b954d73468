// Builds the changes of one branch, or those that a filter accepts.
// @source buildbot master/buildbot/schedulers/basic.py SingleBranchScheduler

import { ConfigError } from '../core/errors.js';
import { BasicScheduler, type BasicSchedulerOptions } from './basic.js';
import { ChangeFilter } from './change-filter.js';

export interface SingleBranchOptions extends BasicSchedulerOptions {
  /** The branch to build; null is the default branch. Needed unless there is a changeFilter. */
  readonly branch?: string | null;
}

export class SingleBranchScheduler extends BasicScheduler {
  /** @throws ConfigError when neither or both of branch and changeFilter are given. */
  constructor(name: string, builderNames: readonly string[], options: SingleBranchOptions) {
    super(name, builderNames, withFilter(name, options));
  }

  /** One timer for everything. */
  protected override timerKeyOf(): string {
    return 'only';
  }
}

function withFilter(name: string, options: SingleBranchOptions): BasicSchedulerOptions {
  const { branch, changeFilter, ...others } = options;
  if ((branch === undefined) === (changeFilter === undefined)) {
    throw new ConfigError(`scheduler '${name}' needs either a branch or a changeFilter`);
  }
  return {
    ...others,
    changeFilter: changeFilter ?? new ChangeFilter(branch === undefined ? {} : { branch }),
  };
}
