// Schedulers that act when they are called, or when another one's buildsets are complete: Triggerable, NightlyTriggerable,
// Dependent. `B[]@9` is a buildset in second 9. Rows of Buildbot's tests; where we differ from Buildbot, the test says so.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { JsonObject } from '../../src/core/json.js';
import { SchedulerDisabledError } from '../../src/db/schedulers.js';
import { Dependent } from '../../src/schedulers/dependent.js';
import { NightlyTriggerable } from '../../src/schedulers/nightly-triggerable.js';
import { SingleBranchScheduler } from '../../src/schedulers/single-branch.js';
import { Triggerable } from '../../src/schedulers/triggerable.js';
import { TestCluster, type Member } from '../support/cluster.js';

const [SUCCESS, WARNINGS, FAILURE] = [0, 1, 2];

let cluster: TestCluster;
let member: Member;

beforeEach(async () => {
  cluster = await TestCluster.create();
});

afterEach(() => cluster.close());

async function properties(bsid: number): Promise<unknown> {
  const rows = await cluster.rows('SELECT * FROM buildset_properties WHERE buildsetid = ? ORDER BY 2', bsid);
  return Object.fromEntries(
    rows.map((row) => [row['property_name'], JSON.parse(String(row['property_value']))]),
  );
}

describe('Triggerable', () => {
  let triggerable: Triggerable;

  async function start(name = 'master-a'): Promise<Triggerable> {
    triggerable = new Triggerable('t', ['linux', 'mac'], { properties: { own: 1 } });
    member = await cluster.start([triggerable], { name });
    return triggerable;
  }

  test('a call adds a buildset with its stamps and properties, and says who made it', async () => {
    await start();
    const { bsid, brids } = await triggerable.trigger({
      waitedFor: true,
      sourcestamps: [{ branch: 'devel', revision: 'r1' }],
      setProperties: { own: [2, 'TEST'], reason: ['because', 'TEST'] },
      priority: 3,
    });
    expect(brids.size).toBe(2);
    expect(await cluster.rows('SELECT reason, schedulerid FROM buildsets')).toEqual([
      { reason: 'because', schedulerid: 1 },
    ]);
    expect(await cluster.rows('SELECT DISTINCT priority, waited_for FROM buildrequests')).toEqual([
      { priority: 3, waited_for: 1 },
    ]);
    expect(await properties(bsid)).toEqual({
      own: [1, 'Scheduler'],
      reason: ['because', 'TEST'],
      scheduler: ['t', 'Scheduler'],
    });
  });

  test('the default reason names the scheduler', async () => {
    await start();
    await triggerable.trigger();
    expect(await cluster.rows('SELECT reason FROM buildsets')).toEqual([
      { reason: "The Triggerable scheduler named 't' triggered this build" },
    ]);
  });

  test('any master takes a call, and the same call adds one buildset', async () => {
    const owner = await start();
    const other = await start('master-b');
    expect([owner.active, other.active]).toEqual([true, false]);
    const first = await other.trigger({ callId: 'build-7' });
    const again = await owner.trigger({ callId: 'build-7' });
    expect(again).toMatchObject({ bsid: first.bsid, brids: first.brids });
    await owner.trigger({ callId: 'build-8' });
    await owner.trigger();
    await owner.trigger();
    expect(await cluster.rows('SELECT id FROM buildsets')).toHaveLength(4);
  });

  test('a call whose reply was lost is found when it is tried again', async () => {
    await start();
    let isLost = false;
    member.driver.interfere((batch) => {
      if (
        isLost ||
        !batch.some(({ sql }) => sql === 'COMMIT') ||
        !batch.some(({ sql }) => sql.includes('events'))
      )
        return;
      isLost = true;
      return 'lose-reply';
    });
    const call = triggerable.trigger();
    await cluster.pass(5);
    const { bsid, brids } = await call;
    expect(isLost).toBe(true);
    expect(await cluster.rows('SELECT id FROM buildsets')).toEqual([{ id: bsid }]);
    expect((await cluster.rows('SELECT id FROM buildrequests')).map(({ id }) => id)).toEqual([
      ...brids.values(),
    ]);
  });

  test('a disabled one refuses calls, but finds what it has added', async () => {
    await start();
    const before = await triggerable.trigger({ callId: 'a' });
    await member.master.data.schedulerEnable(1, false);
    await expect(triggerable.trigger({ callId: 'b' })).rejects.toThrow(SchedulerDisabledError);
    expect((await triggerable.trigger({ callId: 'a' })).bsid).toBe(before.bsid);
    expect(await cluster.rows('SELECT id FROM buildsets')).toHaveLength(1);
  });

  test('one that belongs to no master refuses calls', async () => {
    await expect(new Triggerable('t', []).trigger()).rejects.toMatchObject({ code: 'not-started' });
  });

  describe('who waits for the results', () => {
    async function outcome(results: Promise<number>): Promise<{ value: unknown }> {
      const seen: { value: unknown } = { value: 'waits' };
      void results.then(
        (value) => (seen.value = value),
        (error: unknown) => (seen.value = error),
      );
      await cluster.pass(0);
      return seen;
    }

    test('gets them when the buildset is complete', async () => {
      await start();
      const { bsid, results } = await triggerable.trigger();
      const seen = await outcome(results());
      expect(seen.value).toBe('waits');
      await cluster.complete(bsid, WARNINGS, member);
      expect(seen.value).toBe(WARNINGS);
    });

    test('gets them from the message itself, and messages about others ask the database nothing', async () => {
      await start();
      const { bsid, results } = await triggerable.trigger();
      const seen = await outcome(results());
      const batches = member.driver.batches.length;
      const rest = { scheduler: 't', external_idstring: null, reason: '', submitted_at: 1, complete_at: 2 };
      const body = { ...rest, complete: true, results: WARNINGS, sourcestampids: [], changeids: [] };
      const tell = async (id: number, what: JsonObject): Promise<void> => {
        member.mq.produce(['buildsets', String(id), 'complete'], { bsid: id, ...what });
        await cluster.pass(0);
      };
      await tell(bsid + 1, body);
      expect([seen.value, member.driver.batches.length]).toEqual(['waits', batches]);
      await tell(bsid, { complete: true });
      expect([seen.value, member.driver.batches.length]).toEqual(['waits', batches + 1]);
      await tell(bsid, body);
      expect([seen.value, member.driver.batches.length]).toEqual([WARNINGS, batches + 1]);
    });

    test('gets them within a claim poll when the message was lost (B19)', async () => {
      await start();
      const { bsid, results } = await triggerable.trigger();
      const seen = await outcome(results());
      await cluster.complete(bsid, FAILURE, null);
      expect(seen.value).toBe('waits');
      await cluster.pass(30);
      expect(seen.value).toBe(FAILURE);
    });

    test('gets them when the buildset was complete before he asked', async () => {
      await start();
      const { bsid, results } = await triggerable.trigger();
      await cluster.complete(bsid, SUCCESS, null);
      expect((await outcome(results())).value).toBe(SUCCESS);
    });

    test('is told when the master stops, and goes on waiting by the same call elsewhere', async () => {
      await start();
      const { bsid, results } = await triggerable.trigger({ callId: 'build-7' });
      const seen = await outcome(results());
      await member.master.stop();
      expect(seen.value).toMatchObject({ code: 'waiter-stopped', isRetryable: true });
      await start('master-b');
      const again = await triggerable.trigger({ callId: 'build-7' });
      expect(again.bsid).toBe(bsid);
      const seenAgain = await outcome(again.results());
      await cluster.complete(bsid, SUCCESS, member);
      expect(seenAgain.value).toBe(SUCCESS);
    });
  });
});

describe('NightlyTriggerable', () => {
  async function start(name = 'master-a'): Promise<NightlyTriggerable> {
    const scheduler = new NightlyTriggerable('n', ['linux'], { minute: 5 });
    member = await cluster.start([scheduler], { name });
    return scheduler;
  }

  async function branches(): Promise<readonly string[]> {
    const rows = await cluster.rows(
      `SELECT s.branch, b.submitted_at AS at FROM buildsets b JOIN buildset_sourcestamps l ON l.buildsetid = b.id
       JOIN sourcestamps s ON s.id = l.sourcestampid ORDER BY b.id`,
    );
    return rows.map(({ branch, at }) => `${branch}@${Number(at) - 1_767_571_200}`);
  }

  test('builds nothing that was not triggered', async () => {
    await start();
    await cluster.pass(2 * 3600);
    expect(await branches()).toEqual([]);
  });

  test('builds the last trigger in the next slot, once', async () => {
    const scheduler = await start();
    await scheduler.trigger({ sourcestamps: [{ branch: 'one' }] });
    await scheduler.trigger({ sourcestamps: [{ branch: 'two' }], setProperties: { p: ['test', 'TEST'] } });
    await cluster.pass(2 * 3600);
    expect(await branches()).toEqual(['two@300']);
    expect(await properties(1)).toMatchObject({ p: ['test', 'TEST'] });
    await scheduler.trigger({ sourcestamps: [{ branch: 'three' }] });
    await cluster.pass(3600);
    expect(await branches()).toEqual(['two@300', 'three@7500']);
    expect(await cluster.rows('SELECT * FROM queue_messages')).toEqual([]);
  });

  test('what was triggered survives its owner', async () => {
    await (await start()).trigger({ sourcestamps: [{ branch: 'one' }] });
    await member.master.stop();
    await start('master-b');
    await cluster.pass(400);
    expect(await branches()).toEqual(['one@300']);
  });

  test('a trigger that came to a master that does not own it is built all the same (B20)', async () => {
    await start();
    const other = await start('master-b');
    expect(other.active).toBe(false);
    await other.trigger({ sourcestamps: [{ branch: 'one' }] });
    await cluster.pass(4000);
    expect(await branches()).toEqual(['one@300']);
  });

  test('the same call triggers once, and a disabled one refuses it', async () => {
    const scheduler = await start();
    await scheduler.trigger({ callId: 'a' });
    await scheduler.trigger({ callId: 'a' });
    expect(await cluster.rows('SELECT id FROM queue_messages')).toHaveLength(1);
    await member.master.data.schedulerEnable(1, false);
    await expect(scheduler.trigger({ callId: 'b' })).rejects.toThrow(SchedulerDisabledError);
  });
});

describe('Dependent', () => {
  async function start(name = 'master-a', only?: 'upstream'): Promise<void> {
    const upstream = new SingleBranchScheduler('up', ['linux'], { branch: 'master' });
    const dependent = new Dependent('down', ['mac'], { upstream });
    member = await cluster.start(only === undefined ? [upstream, dependent] : [upstream], { name });
  }

  async function downstream(): Promise<readonly unknown[]> {
    return cluster.rows(
      `SELECT b.reason, b.trigger_key, s.revision FROM buildsets b JOIN buildset_sourcestamps l ON l.buildsetid = b.id
       JOIN sourcestamps s ON s.id = l.sourcestampid JOIN schedulers c ON c.id = b.schedulerid
       WHERE c.name = 'down' ORDER BY b.id`,
    );
  }

  test.each([
    [SUCCESS, 1],
    [WARNINGS, 1],
    [FAILURE, 0],
    [4, 0],
  ])('of an upstream buildset with results %i it makes %i', async (results, count) => {
    await start();
    await cluster.change(member, { revision: 'r1' });
    expect(await downstream()).toEqual([]);
    await cluster.complete(1, results, member);
    const expected = { reason: 'downstream', trigger_key: 'upstream:1', revision: 'r1' };
    expect(await downstream()).toEqual(count === 0 ? [] : [expected]);
  });

  test('buildsets of other schedulers, its own among them, are none of its business', async () => {
    await start();
    await cluster.change(member, { revision: 'r1' });
    await cluster.complete(1, SUCCESS, member);
    const [{ id } = {}] = await cluster.rows("SELECT id FROM buildsets WHERE reason = 'downstream'");
    await cluster.complete(Number(id), SUCCESS, member);
    await cluster.pass(120);
    expect(await downstream()).toHaveLength(1);
    expect(await cluster.rows('SELECT * FROM queue_messages')).toEqual([]);
  });

  test('a completion that no message announced, or that came while it was not active, is not missed (B18)', async () => {
    await start();
    await cluster.change(member, { revision: 'r1' });
    await cluster.change(member, { revision: 'r2' });
    await cluster.complete(1, SUCCESS, null);
    await cluster.pass(30);
    expect(await downstream()).toHaveLength(1);
    await member.master.stop();
    await cluster.complete(2, SUCCESS, null);
    await start('master-b');
    await cluster.pass(0);
    expect(await downstream()).toHaveLength(2);
  });

  test('upstream must be a scheduler', () => {
    expect(() => new Dependent('down', [], { upstream: 'up' as never })).toThrow(
      "upstream of scheduler 'down' must be a scheduler",
    );
  });
});
