// Periodic and Nightly: what is built in which slot. `B[1,2]@9` is a buildset of changes 1 and 2 in second 9; the run
// begins at 2026-01-05T00:00Z, a Monday. Rows of Buildbot's test_timed; where we differ from Buildbot, the test says so.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Change, NewChange } from '../../src/db/changes.js';
import type { BaseScheduler } from '../../src/schedulers/base.js';
import { Nightly, type NightlyOptions } from '../../src/schedulers/nightly.js';
import { Periodic, type PeriodicOptions } from '../../src/schedulers/periodic.js';
import type { MissedSlots } from '../../src/schedulers/timed.js';
import { TestCluster, type Member } from '../support/cluster.js';
import { START_WALL_MS } from '../support/manual-clock.js';

const START_S = START_WALL_MS / 1000;

let cluster: TestCluster;
let member: Member;

beforeEach(async () => {
  cluster = await TestCluster.create();
});

afterEach(() => cluster.close());

async function start(scheduler: BaseScheduler, name = 'master-a'): Promise<void> {
  member = await cluster.start([scheduler], { name });
  await cluster.pass(0);
}

/** Ends the present owner, and begins with another one after so many seconds. */
async function failOver(scheduler: BaseScheduler, afterS: number): Promise<void> {
  await member.master.stop();
  await cluster.pass(afterS);
  await start(scheduler, 'master-b');
}

async function state(key: string): Promise<unknown> {
  const [row] = await cluster.rows('SELECT value_json FROM object_state WHERE name = ?', key);
  return row === undefined ? null : JSON.parse(String(row['value_json']));
}

async function slots(): Promise<readonly string[]> {
  const rows = await cluster.rows('SELECT trigger_key FROM buildsets ORDER BY id');
  return rows.map(({ trigger_key: key }) => String(Number(String(key).replace('slot:', '')) - START_S));
}

const periodic = (periodicBuildTimer: number, options: Partial<PeriodicOptions> = {}): Periodic =>
  new Periodic('p', ['linux'], { periodicBuildTimer, ...options });

describe('Periodic', () => {
  test('builds when it is first active, and every period after that', async () => {
    await start(periodic(13));
    await cluster.pass(30);
    expect(await cluster.buildsets()).toEqual(['B[]@0', 'B[]@13', 'B[]@26']);
    expect(await state('last_build')).toBe(START_S + 26);
    expect(await cluster.rows('SELECT DISTINCT reason FROM buildsets')).toEqual([
      { reason: "The Periodic scheduler named 'p' triggered this build" },
    ]);
  });

  test('a period may be a fraction of a second, or longer than a timer can be', async () => {
    await start(periodic(0.5));
    await cluster.pass(1);
    expect(await slots()).toEqual(['0', '0.5', '1']);
    await member.master.stop();
    const long = new Periodic('long', ['linux'], { periodicBuildTimer: 30 * 86_400 });
    const hourMs = 3_600_000; // a quiet master: it is the timer that matters
    await cluster.start([long], { heartbeatMs: hourMs, leaseMs: 6 * hourMs, claimPollMs: hourMs });
    const built = (): Promise<unknown> => cluster.rows("SELECT id FROM buildsets WHERE reason LIKE '%long%'");
    await cluster.pass(29 * 86_400);
    expect(await built()).toHaveLength(1);
    await cluster.pass(86_400);
    expect(await built()).toHaveLength(2);
  });

  test('a new owner goes on with the grid', async () => {
    await start(periodic(13));
    await failOver(periodic(13), 7);
    await cluster.pass(20);
    expect(await cluster.buildsets()).toEqual(['B[]@0', 'B[]@13', 'B[]@26']);
  });

  const missed: readonly [MissedSlots, readonly string[]][] = [
    ['once', ['0', '60', '70']],
    [{ atMost: 3 }, ['0', '40', '50', '60', '70']],
    [{ atMost: 99 }, ['0', '10', '20', '30', '40', '50', '60', '70']],
    ['skip', ['0', '70']],
  ];
  test.each(missed)('slots that nobody could build: %j', async (missedSlots, expected) => {
    await start(periodic(10));
    await failOver(periodic(10, { missedSlots }), 65);
    await cluster.pass(9);
    expect(await slots()).toEqual(expected);
  });

  test('a slot whose effect fails is built as soon as it can be, unlike in Buildbot, which loses it', async () => {
    await start(periodic(10));
    member.driver.cut();
    await cluster.pass(14);
    member.driver.mend();
    await cluster.pass(10);
    expect(await slots()).toEqual(['0', '10', '20']);
  });

  test('after a pause one slot is built, not two at once (B28)', async () => {
    await start(periodic(10));
    cluster.clock.pause(34);
    await cluster.clock.advance(0);
    cluster.clock.pause(34_000);
    await cluster.pass(4);
    const built = await slots();
    expect(new Set(built).size).toBe(built.length);
    expect(built).toEqual(['0', '30']);
  });

  test('a wall clock that was set back by hours does not stop it', async () => {
    await start(periodic(10));
    cluster.clock.stepWall(-4 * 3_600_000);
    await cluster.pass(20);
    expect(await slots()).toEqual(['0', '10', '20']);
    await failOver(periodic(10), 1);
    await cluster.pass(20);
    expect(await slots()).toEqual(['0', '10', '20', '30', '40']);
  });

  test('a disabled one builds nothing, and its slots are skipped', async () => {
    await start(periodic(10));
    await member.master.data.schedulerEnable(1, false);
    await cluster.pass(35);
    await member.master.data.schedulerEnable(1, true);
    await cluster.pass(15);
    expect(await slots()).toEqual(['0', '40', '50']);
  });

  test('also when its owner changed meanwhile', async () => {
    await start(periodic(10));
    await member.master.data.schedulerEnable(1, false);
    await cluster.pass(35);
    await member.master.data.schedulerEnable(1, true);
    await failOver(periodic(10), 0);
    await cluster.pass(4);
    expect(await slots()).toEqual(['0']);
    await cluster.pass(1);
    expect(await slots()).toEqual(['0', '40']);
  });

  test('a stopped one builds nothing', async () => {
    await start(periodic(10));
    await member.master.stop();
    await cluster.pass(100);
    expect(await slots()).toEqual(['0']);
  });

  test.each([0, -2, Number.NaN, '10'])('a period of %j is refused', (seconds) => {
    expect(() => periodic(seconds as number)).toThrow("periodicBuildTimer of scheduler 'p'");
  });

  test.each(['twice', { atMost: 0 }, {}])('missedSlots of %j is refused', (missedSlots) => {
    expect(() => periodic(1, { missedSlots: missedSlots as 'once' })).toThrow("missedSlots of scheduler 'p'");
  });
});

describe('the slots of Nightly', () => {
  /** Options; then after which instant which slots follow. */
  const rows: readonly [NightlyOptions, string, readonly string[]][] = [
    [{}, '2026-01-05T03:00:00', ['01-05T04:00', '01-05T05:00']],
    [{}, '2026-01-05T03:15:01', ['01-05T04:00']],
    [{}, '2026-01-05T23:59:00', ['01-06T00:00']],
    [{ minute: 4 }, '2026-01-05T03:04:00', ['01-05T04:04']],
    [{ minute: [4, 34] }, '2026-01-05T03:04:00', ['01-05T03:34', '01-05T04:04']],
    [{ minute: '*' }, '2026-01-05T03:04:59', ['01-05T03:05', '01-05T03:06']],
    [{ hour: 4 }, '2026-01-05T04:00:00', ['01-06T04:00']],
    [{ hour: [7, 19] }, '2026-01-05T07:00:00', ['01-05T19:00', '01-06T07:00']],
    [{ hour: 13, minute: 19 }, '2026-01-05T13:19:00', ['01-06T13:19']],
    [{ month: 3 }, '2026-01-05T03:00:00', ['03-01T00:00', '03-01T01:00']],
    [{ month: [4, 6], hour: 3, dayOfMonth: 15 }, '2026-01-05T03:00:00', ['04-15T03:00', '06-15T03:00']],
    [{ dayOfMonth: 10, hour: 3, minute: 15 }, '2026-12-30T00:00:00', ['01-10T03:15']],
    [{ dayOfMonth: [10, 20, 30], hour: 3, minute: 15 }, '2026-02-20T04:00:00', ['03-10T03:15']],
    [{ dayOfMonth: 15, hour: 20, minute: 30 }, '2026-01-05T00:00:00', ['01-15T20:30', '02-15T20:30']],
    [{ dayOfWeek: 1 }, '2026-01-05T03:15:00', ['01-06T00:00', '01-06T01:00']],
    [{ dayOfWeek: '1', hour: 1 }, '2026-01-05T03:15:00', ['01-06T01:00', '01-13T01:00']],
    [{ dayOfWeek: 'tue,3', hour: 1 }, '2026-01-05T03:15:00', ['01-06T01:00', '01-08T01:00']],
    [{ dayOfWeek: [1, 3], hour: 1 }, '2026-01-05T03:15:00', ['01-06T01:00', '01-08T01:00']],
    [{ dayOfWeek: '5-6', hour: 1 }, '2026-01-05T03:15:00', ['01-10T01:00', '01-11T01:00']],
    [{ dayOfWeek: '*/3', hour: 1 }, '2026-01-05T03:15:00', ['01-08T01:00', '01-11T01:00', '01-12T01:00']],
    [
      { dayOfWeek: [1, 4], dayOfMonth: 7, hour: 1 },
      '2026-01-05T03:15:00',
      ['01-06T01:00', '01-07T01:00', '01-09T01:00'],
    ],
    [{ hour: 3, timeZone: 'Asia/Kolkata' }, '2026-01-05T00:00:00', ['01-05T21:30']],
  ];

  class Slots extends Nightly {
    after(instant: number): number {
      return this.slotAfter(instant) ?? 0;
    }
  }

  test.each(rows)('%j after %s', (options, after, expected) => {
    const scheduler = new Slots('n', ['linux'], options);
    let at = Date.parse(`${after}Z`);
    const found = expected.map(() => {
      at = scheduler.after(at);
      return new Date(at).toISOString().slice(5, 16);
    });
    expect(found).toEqual(expected);
  });

  const refused: readonly [NightlyOptions, string][] = [
    [{ minute: 60 }, "scheduler 'n': '60' is no minute, expected 0 to 59"],
    [{ hour: '7,24' }, "'7,24' is no hour"],
    [{ dayOfMonth: 'last friday' }, "'last friday' is no dayOfMonth"],
    [{ month: 13 }, "'13' is no month"],
    [{ dayOfWeek: 7 }, 'is no dayOfWeek, expected 0 to 6'],
    [{ minute: '' }, "'' is no minute"],
    [{ minute: '*/0' }, "'*/0' is no minute"],
    [{ forceAtHour: 25 }, "'25' is no hour"],
    [{ timeZone: 'Europe/Atlantis' }, "there is no time zone 'Europe/Atlantis'"],
    [{ missingHour: 'before' as 'after' }, "missingHour is 'before', expected 'after' or 'skip'"],
    [{ repeatedHour: 'never' as 'both' }, "repeatedHour is 'never'"],
  ];
  test.each(refused)('%j is refused', (options, message) => {
    expect(() => new Nightly('n', ['linux'], options)).toThrow(message);
  });
});

describe('Nightly', () => {
  const nightly = (options: NightlyOptions = {}): Nightly =>
    new Nightly('n', ['linux'], {
      minute: [5, 25, 45],
      fileIsImportant: ({ category }: Change) => category !== 'unimportant',
      ...options,
    });
  const UNIMPORTANT: Partial<NewChange> = { category: 'unimportant' };

  test('a new one waits for its next slot, and builds each', async () => {
    await start(nightly({ minute: [10, 20, 21, 40, 50, 51] }));
    await cluster.pass(30 * 60);
    expect(await cluster.buildsets()).toEqual(['B[]@600', 'B[]@1200', 'B[]@1260']);
    expect(await state('last_build')).toBe(START_S + 1260);
  });

  test('of the slots that passed without an owner, one is built', async () => {
    await start(nightly());
    await cluster.pass(300);
    await failOver(nightly(), 3600);
    await cluster.pass(60);
    expect(await slots()).toEqual(['300', '3900']);
  });

  test('a wall clock that is set ahead brings its slots forward, one set back builds none twice', async () => {
    await start(nightly());
    await cluster.pass(290);
    cluster.clock.stepWall(1200_000); // 24:50: the slot at 5 minutes is overdue, that at 25 not yet
    await cluster.pass(30); // such a step ends the lease as a suspended machine does; it is claimed again
    expect(await slots()).toEqual(['1500']);
    cluster.clock.stepWall(-1200_000);
    await cluster.pass(1300);
    expect(await slots()).toEqual(['1500']);
  });

  test('a slot that comes while there is no owner is built, also if it would have been the first of all', async () => {
    await start(nightly());
    await cluster.pass(200);
    await failOver(nightly(), 150);
    expect(await slots()).toEqual(['300']);
  });

  describe('onlyIfChanged', () => {
    const changed = (options: NightlyOptions = {}): Nightly => nightly({ onlyIfChanged: true, ...options });

    test('without changes a new scheduler builds once', async () => {
      await start(changed());
      await cluster.pass(1800);
      expect(await cluster.buildsets()).toEqual(['B[]@300']);
      expect(await state('last_build')).toBe(START_S + 1500);
    });

    test('unimportant changes are built by a new scheduler, and wait for an important one after that', async () => {
      await start(changed());
      await cluster.pass(60);
      await cluster.change(member, UNIMPORTANT);
      await cluster.pass(540);
      await cluster.change(member, UNIMPORTANT);
      await cluster.pass(1000);
      expect(await cluster.buildsets()).toEqual(['B[1]@300']);
      await cluster.change(member);
      await cluster.pass(1200);
      expect(await cluster.buildsets()).toEqual(['B[1]@300', 'B[2,3]@2700']);
    });

    test('a change of the setting builds once', async () => {
      await start(nightly());
      await cluster.pass(300);
      await failOver(changed(), 0);
      await cluster.pass(2500);
      expect(await slots()).toEqual(['300', '1500']);
    });

    test('slots that are forced build all the same, unimportant changes too', async () => {
      await start(changed({ forceAtMinute: [23, 25, 27] }));
      await cluster.pass(400);
      await cluster.change(member, UNIMPORTANT);
      await cluster.pass(2500);
      expect(await cluster.buildsets()).toEqual(['B[]@300', 'B[1]@1500']);
    });

    test('changes of another branch do not count', async () => {
      await start(changed({ branch: 'master' }));
      await cluster.pass(400);
      await cluster.change(member, { branch: 'devel' });
      await cluster.pass(1200);
      expect(await cluster.buildsets()).toEqual(['B[]@300']);
      await cluster.change(member, UNIMPORTANT);
      await cluster.change(member, { branch: 'devel' });
      await cluster.change(member);
      await cluster.pass(1200);
      expect(await cluster.buildsets()).toEqual(['B[]@300', 'B[2,4]@2700']);
    });

    test('a change that came while nobody was active is built in the next slot, unlike in Buildbot (B12)', async () => {
      await start(changed());
      await cluster.pass(400);
      await member.master.stop();
      const other = await cluster.start([], { name: 'master-c' });
      await cluster.change(other);
      await start(changed(), 'master-b');
      await cluster.pass(1200);
      expect(await cluster.buildsets()).toEqual(['B[]@300', 'B[1]@1500']);
    });

    test('what waits survives its owner', async () => {
      await start(changed());
      await cluster.pass(400);
      await cluster.change(member);
      await failOver(changed(), 10);
      await cluster.pass(1200);
      expect(await cluster.buildsets()).toEqual(['B[]@300', 'B[1]@1500']);
      expect(await cluster.rows('SELECT changeid FROM scheduler_changes')).toEqual([]);
    });
  });

  test('createAbsoluteSourceStamps builds what was last seen of a codebase', async () => {
    const codebases = { a: { repository: 'svn://a' }, b: { repository: 'svn://b', branch: 'stable' } };
    await start(nightly({ codebases, createAbsoluteSourceStamps: true }));
    await cluster.change(member, { codebase: 'a', repository: 'svn://a', revision: 'a1' });
    await cluster.pass(300);
    await cluster.pass(1200);
    const stamps = await cluster.rows(
      `SELECT b.buildsetid AS bsid, s.codebase, s.branch, s.revision FROM buildset_sourcestamps b
       JOIN sourcestamps s ON s.id = b.sourcestampid ORDER BY b.buildsetid, s.codebase`,
    );
    expect(stamps.map(({ codebase, branch, revision }) => `${codebase} ${branch} ${revision}`)).toEqual([
      ...['a master a1', 'b stable null'],
      ...['a master a1', 'b stable null'],
    ]);
    expect(await state('lastCodebases')).toMatchObject({ a: { revision: 'a1', lastChange: 1 } });
  });
});
