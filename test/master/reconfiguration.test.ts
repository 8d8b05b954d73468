// A master that goes over to another configuration while it runs: what is configured as before stays as it is, and the rest
// is replaced in order.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DatabaseError } from '../../src/db/driver.js';
import { BaseScheduler, type SchedulerOptions } from '../../src/schedulers/base.js';
import { Dependent } from '../../src/schedulers/dependent.js';
import { SingleBranchScheduler } from '../../src/schedulers/single-branch.js';
import { Triggerable } from '../../src/schedulers/triggerable.js';
import { sleep } from '../../src/runtime/clock.js';
import { TestCluster, type Member } from '../support/cluster.js';

let cluster: TestCluster;
let calls: string[];
let member: Member;

/** Tells when it is activated and deactivated; each of that takes a while. */
class Told extends BaseScheduler {
  static override readonly compareAttrs = ['version'];
  readonly version: number;

  constructor(name: string, version: number, options: SchedulerOptions = {}) {
    super(name, ['linux'], options);
    this.version = version;
  }

  protected override async startActivity(): Promise<void> {
    calls.push(`${this.name}${this.version} begins`);
    await sleep(this.clock, 1_000);
    this.startConsumingChanges();
    calls.push(`${this.name}${this.version} runs`);
  }

  protected override async stopActivity(): Promise<void> {
    calls.push(`${this.name}${this.version} ends`);
    await sleep(this.clock, 1_000);
    calls.push(`${this.name}${this.version} has ended`);
  }

  override async gotChange(change: { readonly changeid: number }): Promise<void> {
    await this.addBuildsetForChanges({ changeids: [change.changeid], reason: `version ${this.version}` });
  }
}

beforeEach(async () => {
  cluster = await TestCluster.create();
  calls = [];
});

afterEach(() => cluster.close());

async function start(...schedulers: readonly BaseScheduler[]): Promise<void> {
  const started = cluster.start(schedulers);
  await cluster.pass(10);
  member = await started;
  calls = [];
}

async function reconfigure(
  schedulers: readonly BaseScheduler[],
  others: object = {},
): Promise<Awaited<ReturnType<Member['master']['reconfigure']>>> {
  const done = member.master.reconfigure({ name: 'master-a', schedulers, ...others });
  done.catch(() => undefined); // seen below
  await cluster.pass(10);
  return done;
}

describe('a reconfiguration', () => {
  test('leaves an equal scheduler untouched: the same object goes on, without a pause', async () => {
    const [a, b] = [new Told('a', 1), new Told('b', 1)];
    await start(a, b);
    const claim = a.claim;
    expect(await reconfigure([new Told('b', 1), new Told('a', 1)])).toEqual({
      removed: [],
      added: [],
      kept: ['b', 'a'],
    });
    expect(member.master.config.schedulers[0]).toBe(b);
    expect(member.master.config.schedulers[1]).toBe(a);
    expect([calls, a.active, a.claim]).toEqual([[], true, claim]);
  });

  test('replaces what changed: deactivated, released, then the new one claimed and active, each step awaited', async () => {
    const [a, b] = [new Told('a', 1), new Told('b', 1)];
    await start(a, b);
    const next = new Told('a', 2);
    expect(await reconfigure([next, new Told('b', 1)])).toEqual({
      removed: ['a'],
      added: ['a'],
      kept: ['b'],
    });
    expect(calls).toEqual(['a1 ends', 'a1 has ended', 'a2 begins', 'a2 runs']);
    expect([a.active, next.active, b.active]).toEqual([false, true, true]);
    expect(await cluster.rows('SELECT epoch FROM schedulers ORDER BY id')).toEqual([
      { epoch: 2 },
      { epoch: 1 },
    ]);
  });

  test('removes everything that is to go, one after the other, before it adds anything', async () => {
    await start(new Told('a', 1), new Told('b', 1), new Told('c', 1));
    await reconfigure([new Told('d', 1), new Told('c', 2)]);
    expect(calls).toEqual([
      ...['a', 'b', 'c'].flatMap((name) => [`${name}1 ends`, `${name}1 has ended`]),
      ...['d1 begins', 'd1 runs', 'c2 begins', 'c2 runs'],
    ]);
    expect(await cluster.rows('SELECT name FROM schedulers WHERE is_free = 1 ORDER BY id')).toEqual([
      { name: 'a' },
      { name: 'b' },
    ]);
  });

  test('another name or class under the same name is a change too', async () => {
    class Heir extends Told {}
    await start(new Told('a', 1));
    expect(await reconfigure([new Heir('a', 1)])).toEqual({ removed: ['a'], added: ['a'], kept: [] });
  });

  test('lists the builders of the new configuration, and no others', async () => {
    const listed = (): Promise<readonly unknown[]> =>
      cluster.rows(
        'SELECT b.name FROM builder_masters o JOIN builders b ON b.id = o.builderid ORDER BY b.name',
      );
    await start(new Told('a', 1));
    await reconfigure([new Told('a', 1)], { builders: ['arm', 'macos'] });
    expect(await listed()).toEqual([{ name: 'arm' }, { name: 'linux' }, { name: 'macos' }]);
    await reconfigure([], { builders: ['macos'] });
    expect(await listed()).toEqual([{ name: 'macos' }]);
  });

  test('adds the builders that it names', async () => {
    await start(new Told('a', 1));
    await reconfigure([new Told('a', 1)], { builders: ['mac'] });
    expect(await cluster.rows('SELECT name FROM builders ORDER BY id')).toEqual([
      { name: 'linux' },
      { name: 'mac' },
    ]);
  });

  test('loses and doubles no change that comes meanwhile', async () => {
    await start(new Told('a', 1));
    const done = member.master.reconfigure({ name: 'master-a', schedulers: [new Told('a', 2)] });
    for (let i = 0; i < 5; i++) {
      await cluster.change(member);
      await cluster.pass(0.7);
    }
    await cluster.pass(30);
    await done;
    const built = await cluster.rows('SELECT changeid FROM buildset_changes ORDER BY changeid');
    expect(built.map(({ changeid }) => changeid)).toEqual([1, 2, 3, 4, 5]);
  });

  test('of two at once is one after the other, and the second one compares with the first', async () => {
    await start(new Told('a', 1));
    const first = member.master.reconfigure({ name: 'master-a', schedulers: [new Told('a', 2)] });
    const second = member.master.reconfigure({ name: 'master-a', schedulers: [new Told('a', 2)] });
    await cluster.pass(10);
    expect([await first, await second].map(({ kept }) => kept)).toEqual([[], ['a']]);
    expect(calls).toEqual(['a1 ends', 'a1 has ended', 'a2 begins', 'a2 runs']);
  });

  test('gives what it does not own any more to nobody else than who claims it: another master may take over', async () => {
    await start(new Told('a', 1));
    const started = cluster.start([new Told('a', 1)], { name: 'master-b' });
    await cluster.pass(10);
    const other = await started;
    calls = [];
    await reconfigure([]);
    await cluster.pass(20);
    expect(calls).toEqual(['a1 ends', 'a1 has ended', 'a1 begins', 'a1 runs']);
    expect(await cluster.rows('SELECT masterid FROM scheduler_masters')).toEqual([
      { masterid: other.master.masterid },
    ]);
  });
});

describe('a scheduler that is disabled', () => {
  test('stays idle when it is replaced, unlike in Buildbot, and the new one goes on when it is enabled', async () => {
    await start(new Told('a', 1));
    await member.master.data.schedulerEnable(1, false);
    await cluster.pass(10);
    calls = [];
    const next = new Told('a', 2);
    await reconfigure([next]);
    await cluster.change(member);
    await cluster.pass(60);
    expect([calls, next.enabled, await cluster.buildsets()]).toEqual([[], false, []]);
    await member.master.data.schedulerEnable(1, true);
    await cluster.pass(10);
    expect([calls, (await cluster.buildsets()).length]).toEqual([['a2 begins', 'a2 runs'], 1]);
  });
});

describe('what is refused changes nothing', () => {
  test.each([
    ['a wrong key', { schedulrs: [] }, 'unknown key'],
    ['another queue', { mq: { type: 'wamp', url: 'ws://r' } }, "'mq.type' cannot change"],
    ['another database', { db: 'sqlite:other' }, "'db' cannot change"],
    ['another lease', { leaseMs: 90_000 }, "'leaseMs' cannot change"],
    ['another name', { name: 'master-b' }, "'name' cannot change"],
  ])('%s', async (_name, wrong, message) => {
    const a = new Told('a', 1);
    await start(a);
    await expect(reconfigure([new Told('a', 2), new Told('b', 1)], wrong)).rejects.toThrow(message);
    expect([calls, a.active, member.master.config.schedulers]).toEqual([[], true, [a]]);
    expect(await cluster.rows('SELECT name FROM schedulers')).toEqual([{ name: 'a' }]);
  });

  test('a master that does not run', async () => {
    await start(new Told('a', 1));
    const stopped = member.master.stop();
    await cluster.pass(10);
    await stopped;
    await expect(reconfigure([])).rejects.toMatchObject({ code: 'not-running' });
  });
});

test('while the database is out of reach, the old schedulers stay until the new ones are known to it', async () => {
  const a = new Told('a', 1);
  await start(a);
  let isDown = true;
  member.driver.interfere((batch) => {
    if (isDown && batch.some(({ sql }) => sql.includes('builders')))
      throw new DatabaseError('connection-lost', 'no');
  });
  const done = member.master.reconfigure({
    name: 'master-a',
    schedulers: [new Told('a', 2)],
    builders: ['mac'],
  });
  await cluster.pass(40);
  expect([calls, a.active]).toEqual([[], true]);
  isDown = false;
  await cluster.pass(40);
  expect((await done).added).toEqual(['a']);
});

describe('what a reconfiguration removes', () => {
  test('tells who waits for a triggered build, and who begins to wait; one that is kept goes on', async () => {
    const [gone, kept] = [new Triggerable('gone', ['linux']), new Triggerable('kept', ['linux'])];
    await start(gone, kept);
    const outcomes: unknown[] = [];
    const waitFor = async (scheduler: Triggerable, callId: string): Promise<void> => {
      const { results } = await scheduler.trigger({ callId });
      results().then(
        (value) => outcomes.push(value),
        (error: unknown) => outcomes.push((error as { code: unknown }).code),
      );
    };
    await waitFor(gone, 'a');
    await waitFor(kept, 'b');
    await reconfigure([new Triggerable('kept', ['linux'])]);
    expect(outcomes).toEqual(['waiter-stopped']);
    await waitFor(gone, 'a');
    await cluster.pass(0);
    expect(outcomes).toEqual(['waiter-stopped', 'waiter-stopped']);
    await cluster.complete(2, 0, member);
    expect(outcomes.slice(2)).toEqual([0]);
  });

  test('may come back as the same object, and waits again', async () => {
    const triggerable = new Triggerable('t', ['linux']);
    await start(triggerable);
    await reconfigure([]);
    await reconfigure([triggerable]);
    const { bsid, results } = await triggerable.trigger();
    const waiting = results();
    await cluster.complete(bsid, 0, member);
    expect(await waiting).toBe(0);
  });

  test('is not a Dependent whose upstream is another object of the same name, replaced or not', async () => {
    const configured = (branch: string): readonly BaseScheduler[] => {
      const upstream = new SingleBranchScheduler('up', ['linux'], { branch });
      return [upstream, new Dependent('down', ['linux'], { upstream })];
    };
    await start(...configured('master'));
    expect(await reconfigure(configured('master'))).toMatchObject({ kept: ['up', 'down'], removed: [] });
    expect(await reconfigure(configured('devel'))).toMatchObject({ kept: ['down'], removed: ['up'] });
    const other = new SingleBranchScheduler('other', ['linux'], { branch: 'devel' });
    const moved = await reconfigure([other, new Dependent('down', ['linux'], { upstream: other })]);
    expect(moved).toMatchObject({ added: ['other', 'down'], kept: [] });
  });
});
