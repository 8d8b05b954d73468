// Build drivers on whole masters: requests are taken up once, builds run and end, and whatever fails on the way is done
// again or given up, but never done twice.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { JsonObject } from '../../src/core/json.js';
import { ConfigError, StandinError } from '../../src/core/errors.js';
import { EXCEPTION, FAILURE, RETRY, SUCCESS } from '../../src/core/results.js';
import { BuildDriver } from '../../src/drivers/build-driver.js';
import type { BuildDriverOptions } from '../../src/drivers/build-driver-options.js';
import { SingleBranchScheduler } from '../../src/schedulers/single-branch.js';
import { TestCluster, type Member } from '../support/cluster.js';
import { ScriptedExecutor } from './scripted-executor.js';

let cluster: TestCluster;
let executor: ScriptedExecutor;

beforeEach(async () => {
  cluster = await TestCluster.create();
  executor = new ScriptedExecutor();
});
afterEach(() => cluster.close());

function start(
  options: Partial<BuildDriverOptions> & {
    readonly name?: string;
    readonly builders?: readonly string[];
  } = {},
): Promise<Member> {
  const { name = 'master-a', builders = ['linux'], ...rest } = options;
  const scheduler = new SingleBranchScheduler('fast', builders, { branch: 'master' });
  return cluster.start([scheduler], {
    name,
    drivers: [new BuildDriver('local', builders, { executor, ...rest })],
  });
}

/** `1: request 1 by 1 results 0 (done)` each. */
async function builds(): Promise<readonly string[]> {
  const rows = await cluster.rows('SELECT * FROM builds ORDER BY id');
  return rows.map(
    (row) =>
      `${String(row['id'])}: request ${String(row['buildrequestid'])} by ${String(row['masterid'])} ` +
      `results ${String(row['results'])} (${String(row['state_string'])})`,
  );
}

async function outcome(): Promise<unknown> {
  const requests = await cluster.rows('SELECT id, complete, results FROM buildrequests ORDER BY id');
  const buildsets = await cluster.rows('SELECT id, complete, results FROM buildsets ORDER BY id');
  const words = (rows: typeof requests): unknown[] => rows.map((row) => Object.values(row).join(' '));
  return { requests: words(requests), buildsets: words(buildsets) };
}

describe('a request', () => {
  test('is taken up when it is announced, built, and completed with its buildset', async () => {
    const member = await start();
    await cluster.change(member, { revision: 'abc', repository: 'git://x' });
    expect(await builds()).toEqual(['1: request 1 by 1 results null (starting)']);
    expect(executor.orders[0]).toMatchObject({
      builder: 'linux',
      stamps: [{ revision: 'abc', branch: 'master', repository: 'git://x' }],
      properties: { scheduler: ['fast', 'Scheduler'] },
    });
    await cluster.pass(5);
    expect(await builds()).toEqual(['1: request 1 by 1 results null (compiling)']);
    executor.ends(1, SUCCESS);
    await cluster.pass(5);
    expect(await builds()).toEqual(['1: request 1 by 1 results 0 (done)']);
    expect(await outcome()).toEqual({ requests: ['1 1 0'], buildsets: ['1 1 0'] });
    expect(executor.stopped).toEqual(['1']); // nobody asks again
  });

  test('of a builder of others is no reason to ask the database', async () => {
    const { mq, driver } = await start();
    await cluster.pass(0); // the subscription is in force
    const asked = async (body: JsonObject): Promise<number> => {
      const before = driver.batches.length;
      mq.produce(['buildrequests', '9', 'new'], body);
      await cluster.pass(0);
      return driver.batches.length - before;
    };
    expect(await asked({ buildrequestid: 9, builderid: 77 })).toBe(0);
    expect(await asked({ buildrequestid: 9, builderid: 1 })).toBe(1);
    expect(await asked({ buildrequestid: 9 })).toBe(1);
  });

  test('that fails makes its buildset fail, once the last of its requests is complete', async () => {
    const member = await start({ builders: ['linux', 'windows'] });
    await cluster.change(member);
    executor.ends(1, FAILURE);
    await cluster.pass(5);
    expect(await outcome()).toEqual({ requests: ['1 1 2', '2 0 -1'], buildsets: ['1 0 -1'] });
    executor.ends(2, SUCCESS);
    await cluster.pass(5);
    expect(await outcome()).toEqual({ requests: ['1 1 2', '2 1 0'], buildsets: ['1 1 2'] });
  });

  test('waits for room, and is taken up as soon as there is some', async () => {
    const member = await start({ mostBuilds: 1 });
    for (let i = 0; i < 3; i++) await cluster.change(member);
    expect(executor.started).toEqual([1]);
    executor.ends(1, SUCCESS);
    await cluster.pass(5);
    expect(executor.started).toHaveLength(2);
  });

  test('of which no message told is found by the next poll', async () => {
    const member = await start();
    member.mq.produce = () => undefined;
    const bsid = await cluster.change(member);
    expect([bsid, executor.started]).toEqual([1, []]);
    await cluster.pass(60);
    expect(executor.started).toHaveLength(1);
  });

  test('is built by one master, however many could', async () => {
    const first = await start();
    await start({ name: 'master-b' });
    for (let i = 0; i < 5; i++) await cluster.change(first);
    await cluster.pass(60);
    expect((await cluster.rows('SELECT DISTINCT buildrequestid FROM builds')).length).toBe(5);
    expect(executor.started).toHaveLength(5);
  });

  test('that is cancelled while it is built stays cancelled, and its build ends', async () => {
    const member = await start();
    await cluster.change(member);
    await member.master.data.builds.completeBuildRequests([1], 6);
    executor.ends(1, SUCCESS);
    await cluster.pass(5);
    expect(await builds()).toEqual(['1: request 1 by 1 results 0 (done)']);
    expect(await outcome()).toEqual({ requests: ['1 1 6'], buildsets: ['1 1 6'] });
  });
});

describe('a build', () => {
  test('whose worker is lost ends with RETRY, and its request is built again', async () => {
    const member = await start();
    await cluster.change(member);
    executor.says.set('1', { kind: 'lost', stateString: 'lost its worker' });
    await cluster.pass(5);
    expect(await builds()).toEqual([
      `1: request 1 by 1 results ${RETRY} (lost its worker)`,
      '2: request 1 by 1 results null (starting)',
    ]);
    executor.ends(2, SUCCESS);
    await cluster.pass(5);
    expect(await outcome()).toEqual({ requests: ['1 1 0'], buildsets: ['1 1 0'] });
  });

  test('that the executor does not accept for now is tried again later, not at once', async () => {
    executor.refusals.push(new StandinError('busy', 'no worker is free', { isRetryable: true }));
    const member = await start();
    await cluster.change(member);
    expect(await builds()).toEqual([`1: request 1 by 1 results ${RETRY} (could not be started)`]);
    await cluster.pass(25);
    expect(executor.started).toEqual([]);
    await cluster.pass(40);
    expect(executor.started).toHaveLength(1);
  });

  test('that the executor refuses for good is an exception', async () => {
    executor.refusals.push(new StandinError('no-such-builder', 'unknown'));
    const member = await start();
    await cluster.change(member);
    expect(await outcome()).toEqual({ requests: [`1 1 ${EXCEPTION}`], buildsets: [`1 1 ${EXCEPTION}`] });
  });

  test('whose executor answers with an error is asked again', async () => {
    const member = await start();
    await cluster.change(member);
    executor.says.set('1', new StandinError('away', 'no answer'));
    await cluster.pass(20);
    expect(await builds()).toEqual(['1: request 1 by 1 results null (starting)']);
    executor.ends(1, SUCCESS);
    await cluster.pass(5);
    expect(await builds()).toEqual(['1: request 1 by 1 results 0 (done)']);
  });

  test('that takes too long is given up, whether or not its executor answers, and delays no other', async () => {
    const member = await start({ timeOutS: 100 });
    await cluster.change(member);
    await cluster.change(member);
    executor.says.set('1', 'hangs');
    await cluster.pass(90);
    executor.ends(2, SUCCESS);
    await cluster.pass(5);
    expect(await builds()).toEqual([
      '1: request 1 by 1 results null (starting)',
      '2: request 2 by 1 results 0 (done)',
    ]);
    await cluster.pass(30);
    expect((await builds())[0]).toBe(`1: request 1 by 1 results ${EXCEPTION} (timed out after 100 s)`);
    expect(executor.stopped).toEqual(['2', '1']);
  });

  test('is not slowed or ended by a wall clock that is set', async () => {
    const member = await start({ timeOutS: 100 });
    await cluster.change(member);
    cluster.clock.stepWall(30_000); // within the lease, which the wall clock may shorten
    await cluster.pass(20);
    executor.ends(1, SUCCESS);
    await cluster.pass(5);
    expect(await builds()).toEqual(['1: request 1 by 1 results 0 (done)']);
  });

  test('is given back by a master that stops', async () => {
    const member = await start();
    await cluster.change(member);
    await Promise.all([member.master.stop(), cluster.pass(1)]);
    expect(await builds()).toEqual([`1: request 1 by 1 results ${RETRY} (its master has stopped)`]);
    expect(await cluster.rows('SELECT brid FROM buildrequest_claims')).toEqual([]);
    expect(executor.stopped).toEqual(['1']);
  });
});

describe('a master that was ended while it was paused', () => {
  test('completes no build of the life that is over: it stops them, and forgets them', async () => {
    const zombie = await start();
    await cluster.change(zombie);
    const other = await start({ name: 'master-b' });
    // master-b ends master-a and releases what it held; master-a has noticed nothing.
    const { incarnation, beat } = (await other.master.db.masters.getMaster(zombie.master.masterid)) ?? {};
    const suspect = { masterid: zombie.master.masterid, incarnation: incarnation ?? 0, seenBeat: beat ?? 0 };
    expect(await other.master.data.expireMaster(suspect)).toBe(true);
    executor.ends(1, SUCCESS);
    await cluster.pass(5);
    expect(await builds()).toEqual(['1: request 1 by 1 results null (starting)']);
    await other.master.data.builds.releaseLeftovers(zombie.master.masterid);
    await cluster.pass(60);
    expect((await builds())[0]).toBe(`1: request 1 by 1 results ${RETRY} (starting)`);
    expect(executor.stopped).toContain('1');
    expect((await builds()).length).toBeGreaterThan(1); // somebody builds it again
  });
});

test('what is wrong with a driver is said when it is made', () => {
  const make = (...args: unknown[]): unknown => Reflect.construct(BuildDriver, args);
  for (const [args, message] of [
    [['', ['linux'], { executor }], 'name'],
    [['local', [], { executor }], 'builders'],
    [['local', ['linux'], {}], 'start()'],
    [['local', ['linux'], { executor, mostBuild: 3 }], "did you mean 'mostBuilds'"],
    [['local', ['linux'], { executor, mostBuilds: 0 }], 'mostBuilds'],
    [['local', ['linux'], { executor, timeOutS: -1 }], 'timeOutS'],
  ] as const) {
    expect(() => make(...args)).toThrow(ConfigError);
    expect(() => make(...args)).toThrow(message);
  }
});
