// Wrong configuration is refused before anything runs, with the key, what was expected and what was got.

import { describe, expect, test } from 'vitest';
import { ConfigError } from '../../src/core/errors.js';
import { checkReconfiguration, completeConfig, type MasterOptions } from '../../src/master/config.js';
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
      db: 'sqlite:standin.sqlite',
      replica: null,
      mq: { type: 'simple' },
      heartbeatMs: 10_000,
      leaseMs: 60_000,
      claimPollMs: 30_000,
    });
  });

  test('that was given is kept', () => {
    const whole: MasterOptions = {
      ...LEAST,
      builders: ['b'],
      changeSources: [],
      drivers: [],
      db: 'postgres://db/standin',
      replica: 'postgres://copy/standin',
      mq: { type: 'wamp', url: 'wss://router:8080/ws', realm: 'ci' },
      heartbeatMs: 1_000,
      leaseMs: 8_000,
      claimPollMs: 500,
    };
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
    [
      { db: 'oracle://x' },
      'the database "oracle://x" cannot be used: expected sqlite:, sqlite:path or postgres://host/database',
    ],
    [
      { db: 'postgres://db/x', replica: 'sqlite:copy' },
      `'replica' is "sqlite:copy", expected postgres://host/database`,
    ],
    [{ replica: 'postgres://db/x' }, "'replica' is set, but 'db' is no PostgreSQL: a file has no replica"],
    [{ mq: 'wamp' }, "'mq.type' is undefined, expected 'simple' or 'wamp'"],
    [{ mq: { type: 'wmap' } }, `'mq.type' is "wmap", expected 'simple' or 'wamp' (did you mean 'wamp'?)`],
    [{ mq: { type: 'simple', realms: 'ci' } }, "unknown key 'mq.realms' for the type 'simple'"],
    [{ mq: { type: 'wamp' } }, "'mq.url' is undefined, expected a URL like ws://127.0.0.1:8080/"],
    [{ builders: 'linux' }, `'builders' is "linux", expected an array of names`],
    [{ builders: ['linux', 7] }, "'builders[1]' is 7, expected a text"],
    [{ schedulers: 'all' }, "'schedulers' must be an array"],
    [{ schedulers: [scheduler, {}] }, 'schedulers[1] is no scheduler'],
    [{ schedulers: [scheduler, scheduler] }, "two schedulers are named 's'"],
  ])('with %j is refused', (wrong, message) => {
    expect(refusalOf(() => completeConfig({ ...LEAST, ...wrong } as unknown as MasterOptions))).toBe(message);
  });
});

test('everything that is wrong is said at once', () => {
  const wrong = { nmae: 'a', mq: { type: 'wamp', url: 'x' }, leaseMs: 5, schedulers: [{}] };
  expect(refusalOf(() => completeConfig(wrong as unknown as MasterOptions))).toBe(
    `5 problems
  unknown key 'nmae' in the configuration (did you mean 'name'?)
  'name' must be a text that is not empty
  'mq.url' is "x", expected a URL like ws://127.0.0.1:8080/
  'leaseMs' is 5, expected at least 35000: three heartbeats and 5000 ms
  schedulers[0] is no scheduler`,
  );
});

test('what is no object is refused', () => {
  expect(refusalOf(() => completeConfig(null as unknown as MasterOptions))).toBe(
    'the configuration is null, expected an object',
  );
});

describe('while a master runs', () => {
  const running = completeConfig(LEAST);

  test('schedulers and builders may change', () => {
    expect(() =>
      checkReconfiguration(running, { ...running, schedulers: [], builders: ['b'] }),
    ).not.toThrow();
    expect(() => checkReconfiguration(running, completeConfig({ ...LEAST }))).not.toThrow();
  });

  test('nothing else may, and all of it is said', () => {
    const wanted = completeConfig({
      ...LEAST,
      db: 'sqlite:other',
      mq: { type: 'wamp', url: 'ws://r' },
      leaseMs: 90_000,
    });
    expect(refusalOf(() => checkReconfiguration(running, wanted))).toBe(
      `3 problems
  'db' cannot change from "sqlite:standin.sqlite" to "sqlite:other" while the master runs: stop all masters, and start them with the new one
  'leaseMs' cannot change from 60000 to 90000 while the master runs: stop all masters, and start them with the new one: they must agree on it
  'mq.type' cannot change from 'simple' to 'wamp' while the master runs: restart it`,
    );
  });
});

describe('a scheduler', () => {
  test.each([
    [() => new SingleBranchScheduler('', [], { branch: 'b' }), 'a scheduler needs a name that is not empty'],
    [
      () => new SingleBranchScheduler('s', 'linux' as unknown as string[], { branch: 'b' }),
      "the builderNames of scheduler 's' must be an array of strings (or of functions that make them)",
    ],
    [
      () => new SingleBranchScheduler('s', ['linux', 5] as unknown as string[], { branch: 'b' }),
      "the builderNames of scheduler 's' must be an array of strings (or of functions that make them)",
    ],
    [() => new SingleBranchScheduler('s', [], {}), "scheduler 's' needs either a branch or a changeFilter"],
    [
      () => new SingleBranchScheduler('s', [], { branch: 'b', changeFilter: new ChangeFilter() }),
      "scheduler 's' has a changeFilter and conditions on branch, expected one of them",
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
