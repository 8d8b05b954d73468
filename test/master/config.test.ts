// Wrong configuration is refused before anything runs, with the key, what was expected and what was got.

import { describe, expect, test } from 'vitest';
import { ConfigError } from '../../src/core/errors.js';
import { completeConfig, type MasterOptions } from '../../src/master/config.js';
import { ChangeFilter } from '../../src/schedulers/change-filter.js';
import { SingleBranchScheduler } from '../../src/schedulers/single-branch.js';

const scheduler = new SingleBranchScheduler('s', ['linux'], { branch: 'master' });
const LEAST: MasterOptions = { name: 'host:/srv', schedulers: [scheduler] };

describe('a configuration', () => {
  test('needs a name and schedulers; the rest has defaults', () => {
    expect(completeConfig(LEAST)).toEqual({
      ...LEAST,
      builders: [],
      changeSources: [],
      drivers: [],
      mq: { type: 'simple' },
      heartbeatMs: 10_000,
      leaseMs: 60_000,
      claimPollMs: 30_000,
    });
  });

  test('that was given is kept', () => {
    const times = { heartbeatMs: 1_000, leaseMs: 8_000, claimPollMs: 500 };
    const mq = { type: 'wamp', url: 'ws://router/' } as const;
    const whole = { ...LEAST, ...times, mq, builders: ['b'] };
    expect(completeConfig(whole)).toEqual(whole);
  });

  test.each([
    [{ heartbeatMS: 1_000 }, "unknown key 'heartbeatMS' in the configuration (did you mean 'heartbeatMs'?)"],
    [{ scheduler: [] }, "unknown key 'scheduler' in the configuration (did you mean 'schedulers'?)"],
    [{ mq: { type: 'none' } }, `'mq.type' is "none", expected 'simple' or 'wamp'`],
    [{ colour: 'red' }, "unknown key 'colour' in the configuration"],
    [{ name: '' }, "'name' must be a text that is not empty"],
    [{ heartbeatMs: 0 }, "'heartbeatMs' is 0, expected a whole number of milliseconds above 0"],
    [{ claimPollMs: 1.5 }, "'claimPollMs' is 1.5, expected a whole number of milliseconds above 0"],
    [{ leaseMs: '60 s' }, "'leaseMs' is 60 s, expected a whole number of milliseconds above 0"],
    [{ leaseMs: 34_999 }, "'leaseMs' is 34999, expected at least 35000: three heartbeats and 5000 ms"],
    [{ schedulers: 'all' }, "'schedulers' must be an array"],
    [{ schedulers: [scheduler, {}] }, 'schedulers[1] is no scheduler'],
    [{ schedulers: [scheduler, scheduler] }, "two schedulers are named 's'"],
  ])('with %j is refused', (wrong, message) => {
    expect(refusalOf(() => completeConfig({ ...LEAST, ...wrong } as unknown as MasterOptions))).toBe(message);
  });
});

describe('a scheduler', () => {
  test.each([
    [() => new SingleBranchScheduler('', [], { branch: 'b' }), 'a scheduler needs a name that is not empty'],
    [
      () => new SingleBranchScheduler('s', 'linux' as unknown as string[], { branch: 'b' }),
      "the builderNames of scheduler 's' must be an array of strings",
    ],
    [
      () => new SingleBranchScheduler('s', ['linux', 5] as unknown as string[], { branch: 'b' }),
      "the builderNames of scheduler 's' must be an array of strings",
    ],
    [() => new SingleBranchScheduler('s', [], {}), "scheduler 's' needs either a branch or a changeFilter"],
    [
      () => new SingleBranchScheduler('s', [], { branch: 'b', changeFilter: new ChangeFilter() }),
      "scheduler 's' needs either a branch or a changeFilter",
    ],
    [
      () => new SingleBranchScheduler('s', [], { branch: 'b', treeStableTimer: -1 }),
      "treeStableTimer of scheduler 's' is -1, expected seconds, 0 or more",
    ],
    [
      () => new ChangeFilter({ branches: ['b'] } as object),
      "a change filter has no condition 'branches', expected branch, category, repository, project, codebase or accepts",
    ],
  ])('of the wrong form is refused: %#', (make, message) => {
    expect(refusalOf(make)).toBe(message);
  });
});

function refusalOf(action: () => unknown): string {
  try {
    action();
    return 'accepted';
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
}
