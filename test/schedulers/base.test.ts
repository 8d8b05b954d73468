// What every scheduler does: consume changes, keep state, add buildsets. Rows of Buildbot's test_base, as far as we have
// what they test; where we differ from Buildbot, the test says so.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { StandinError } from '../../src/core/errors.js';
import type { JsonValue } from '../../src/core/json.js';
import type { Change, NewChange } from '../../src/db/changes.js';
import { ClaimLostError } from '../../src/db/claims.js';
import { ActivityOverError } from '../../src/services/clustered-service.js';
import { BaseScheduler, type ConsumeOptions, type SchedulerOptions } from '../../src/schedulers/base.js';
import type { AddBuildsetOptions, AddedBuildset } from '../../src/schedulers/buildset-builder.js';
import type { BuilderNames, BuildsetContents } from '../../src/schedulers/render.js';
import { ChangeFilter } from '../../src/schedulers/change-filter.js';
import type { SourceStamp } from '../../src/db/sourcestamps.js';
import { TestCluster, type Member } from '../support/cluster.js';

type OnChange = (scheduler: TestScheduler, change: Change, important: boolean) => Promise<void>;

class Named extends BaseScheduler {}

class TestScheduler extends BaseScheduler {
  /** `1 important` each. */
  readonly got: string[] = [];
  consumption: ConsumeOptions | null = {};
  onChange: OnChange = async () => undefined;

  constructor(options: SchedulerOptions = {}, builderNames: BuilderNames = ['linux', 'mac']) {
    super('s', builderNames, options);
  }

  protected override async startActivity(): Promise<void> {
    if (this.consumption !== null) this.startConsumingChanges(this.consumption);
  }

  override async gotChange(change: Change, important: boolean): Promise<void> {
    this.got.push(`${change.changeid} ${important ? 'important' : 'unimportant'}`);
    await this.onChange(this, change, important);
  }

  consumeAgain(): void {
    this.startConsumingChanges();
  }

  get(key: string, ...fallback: JsonValue[]): Promise<JsonValue> {
    return fallback.length === 0 ? this.getState(key) : this.getState(key, fallback[0] as JsonValue);
  }

  set(key: string, value: unknown): Promise<void> {
    return this.setState(key, value as JsonValue);
  }

  forChanges(
    options: AddBuildsetOptions & { readonly changeids: readonly number[] },
  ): Promise<AddedBuildset> {
    return this.addBuildsetForChanges(options);
  }

  forStamps(
    sourcestamps: readonly (number | Partial<SourceStamp>)[],
    options: AddBuildsetOptions = {},
  ): Promise<AddedBuildset> {
    return this.addBuildsetForSourceStamps({ ...options, sourcestamps });
  }

  withDefaults(
    sourcestamps: readonly Partial<SourceStamp>[],
    options: AddBuildsetOptions = {},
  ): Promise<AddedBuildset> {
    return this.addBuildsetForSourceStampsWithDefaults({ ...options, sourcestamps });
  }

  classify(classifications: ReadonlyMap<number, boolean>): Promise<void> {
    return this.classifyChanges(classifications);
  }

  flush(changeids: readonly number[]): Promise<void> {
    return this.flushChangeClassifications(changeids);
  }

  classifications(): Promise<ReadonlyMap<number, boolean>> {
    return this.getChangeClassifications();
  }

  section<T>(body: () => Promise<T>): Promise<T> {
    return this.act(body);
  }
}

let cluster: TestCluster;
let member: Member;
let scheduler: TestScheduler;

beforeEach(async () => {
  cluster = await TestCluster.create();
  scheduler = new TestScheduler();
});

afterEach(() => cluster.close());

async function start(): Promise<void> {
  member = await cluster.start([scheduler]);
}

describe('consuming changes', () => {
  const table: readonly [string, ConsumeOptions, Partial<NewChange>, string | null][] = [
    ['without conditions every change is important', {}, {}, 'important'],
    ['fileIsImportant says yes', { fileIsImportant: () => true }, {}, 'important'],
    [
      'fileIsImportant says no: it is delivered all the same',
      { fileIsImportant: () => false },
      {},
      'unimportant',
    ],
    ['the filter accepts', { changeFilter: new ChangeFilter({ accepts: () => true }) }, {}, 'important'],
    ['the filter refuses', { changeFilter: new ChangeFilter({ accepts: () => false }) }, {}, null],
    [
      'the filter wants this branch',
      { changeFilter: new ChangeFilter({ branch: 'master' }) },
      {},
      'important',
    ],
    ['the filter wants another branch', { changeFilter: new ChangeFilter({ branch: 'devel' }) }, {}, null],
    ['unimportant, and only important ones', { fileIsImportant: () => false, onlyImportant: true }, {}, null],
    [
      'important, and only important ones',
      { fileIsImportant: () => true, onlyImportant: true },
      {},
      'important',
    ],
    ['of a codebase that is not configured', {}, { codebase: 'other' }, null],
  ];

  test.each(table)('%s', async (_name, consumption, change, expected) => {
    scheduler.consumption = consumption;
    await start();
    const changeid = await cluster.change(member, change);
    expect(scheduler.got).toEqual(expected === null ? [] : [`${changeid} ${expected}`]);
    await cluster.pass(60); // what nobody wants is acknowledged at the claim poll
    expect(await cluster.rows('SELECT id FROM queue_messages')).toEqual([]);
    expect(member.runtime.complaints).toEqual([]);
  });

  test('a change whose importance cannot be told is logged and comes again, unlike in Buildbot', async () => {
    let isBroken = true;
    scheduler.consumption = {
      fileIsImportant: () => {
        if (isBroken) throw new StandinError('my-own', 'no');
        return true;
      },
    };
    await start();
    await cluster.change(member);
    expect(scheduler.got).toEqual([]);
    expect(member.runtime.complaints[0]).toContain('will be consumed again: my-own: no');
    isBroken = false;
    await cluster.pass(1);
    expect(scheduler.got).toEqual(['1 important']);
  });

  test('a change whose gotChange failed comes again, unlike in Buildbot, and those behind it wait', async () => {
    let failures = 0;
    scheduler.onChange = async (_self, change) => {
      if (change.changeid === 1 && ++failures < 3) throw new StandinError('my-own', 'no');
    };
    await start();
    await cluster.change(member);
    await cluster.change(member);
    await cluster.pass(10);
    expect(scheduler.got.at(-1)).toBe('2 important');
    expect(scheduler.got.filter((line) => line === '2 important')).toHaveLength(1);
  });

  test('changes come one at a time, in the order of their commits', async () => {
    const running: string[] = [];
    scheduler.onChange = async (self, change) => {
      running.push(`begin ${change.changeid}`);
      await self.get('k', 0);
      running.push(`end ${change.changeid}`);
    };
    await start();
    await Promise.all(['a', 'b'].map((key) => member.master.addChange({ author: 'x' }, key)));
    await cluster.pass(0);
    expect(running.map((line) => line.split(' ')[0])).toEqual(['begin', 'end', 'begin', 'end']);
  });

  test('changes that came while nobody was active are delivered first, unlike in Buildbot', async () => {
    await start();
    await member.master.stop();
    scheduler = new TestScheduler();
    const other = await cluster.start([], { name: 'master-b' });
    await cluster.change(other);
    await start();
    await cluster.pass(0);
    expect(scheduler.got).toEqual(['1 important']);
  });

  test('a change that no message announced is found within a claim poll', async () => {
    await start();
    const other = await cluster.start([], { name: 'master-b' }); // its messages do not reach us
    await cluster.change(other);
    expect(scheduler.got).toEqual([]);
    await cluster.pass(30);
    expect(scheduler.got).toEqual(['1 important']);
  });

  test('a fileIsImportant that is no function is refused, and so is consuming twice', async () => {
    scheduler.consumption = { fileIsImportant: 'maybe' as unknown as () => boolean };
    await start();
    expect(member.runtime.complaints[0]).toContain("config: fileIsImportant of 's' is no function");
    scheduler.consumption = {};
    await cluster.pass(10);
    expect(scheduler.active).toBe(true);
    expect(() => scheduler.consumeAgain()).toThrow("'s' consumes changes already");
  });

  test('a scheduler that is disabled consumes nothing; enabled, it goes on with what waits', async () => {
    await start();
    await member.master.data.schedulerEnable(1, false);
    await cluster.pass(0);
    await cluster.change(member);
    expect([scheduler.enabled, scheduler.got]).toEqual([false, []]);
    await member.master.data.schedulerEnable(1, true);
    await cluster.pass(0);
    expect([scheduler.enabled, scheduler.got]).toEqual([true, ['1 important']]);
  });

  test('a stopped scheduler consumes nothing more', async () => {
    await start();
    const other = await cluster.start([], { name: 'master-b' });
    await member.master.stop();
    await cluster.change(other);
    await cluster.pass(120);
    expect([scheduler.active, scheduler.got]).toEqual([false, []]);
  });
});

describe('one gotChange is one effect', () => {
  test('what it writes is committed together, with the message that it consumed', async () => {
    scheduler.onChange = async (self, change) => {
      await self.set('last', change.changeid);
      await self.forChanges({ changeids: [change.changeid], reason: 'r' });
      expect(await cluster.rows('SELECT id FROM buildsets')).toEqual([]);
      expect(await self.get('last')).toBe(change.changeid);
    };
    await start();
    await cluster.change(member);
    expect(await cluster.buildsets()).toEqual(['B[1]@0']);
    expect(await scheduler.get('last')).toBe(1);
  });

  test('what fails half-way writes nothing', async () => {
    let isBroken = true;
    scheduler.onChange = async (self, change) => {
      await self.set('last', change.changeid);
      await self.forChanges({ changeids: [change.changeid] });
      if (isBroken) throw new StandinError('my-own', 'no');
    };
    await start();
    await cluster.change(member);
    expect(await cluster.buildsets()).toEqual([]);
    expect(await scheduler.get('last', null)).toBeNull();
    isBroken = false;
    await cluster.pass(1);
    expect(await cluster.buildsets()).toEqual(['B[1]@1']);
  });

  test('sections of other callers wait for it', async () => {
    const order: string[] = [];
    await start();
    await Promise.all([
      scheduler.section(async () => {
        await scheduler.set('k', 1);
        order.push('first');
      }),
      scheduler.section(async () => {
        order.push(`second sees ${JSON.stringify(await scheduler.get('k'))}`);
      }),
    ]);
    expect(order).toEqual(['first', 'second sees 1']);
  });

  test('a section within a section waits for itself, and that is said', async () => {
    await start();
    void scheduler.section(() => scheduler.section(async () => undefined));
    await cluster.pass(59);
    expect(member.runtime.complaints).toEqual([]);
    await cluster.pass(1);
    expect(member.runtime.complaints).toEqual([
      "error: nested-act: act() of 's' has waited 60000 ms for a section that does not end: within gotChange() or act() it " +
        'waits for itself; what it would do is part of that section already',
    ]);
    expect(member.runtime.probes.filter(({ event }) => event === 'mistake')).toHaveLength(1);
  });

  test('a buildset whose effect met a lost claim is refused, and the claim is looked at again', async () => {
    await start();
    await member.master.db.masters.setMasterState(member.master.masterid, false);
    await expect(scheduler.forStamps([{}])).rejects.toThrow(ClaimLostError);
    await cluster.pass(0);
    expect(scheduler.active).toBe(false);
    expect(await cluster.buildsets()).toEqual([]);
  });
});

describe('state', () => {
  test('a key that was never set gives the default, or is an error without one', async () => {
    await start();
    expect(await scheduler.get('k', { a: 1 })).toEqual({ a: 1 });
    expect(await scheduler.get('k', null)).toBeNull();
    await expect(scheduler.get('k')).rejects.toMatchObject({ code: 'no-such-state' });
  });

  test('a value survives the scheduler, also null and nested values', async () => {
    await start();
    await scheduler.set('k', { list: [1, null, 'x'] });
    await scheduler.set('nothing', null);
    await member.master.stop();
    scheduler = new TestScheduler();
    await start();
    expect(await scheduler.get('k')).toEqual({ list: [1, null, 'x'] });
    expect(await scheduler.get('nothing', 'default')).toBeNull();
  });

  test('what JSON cannot hold is refused with its path', async () => {
    await start();
    await expect(async () => scheduler.set('k', { when: new Date(0) })).rejects.toThrow(
      "state 'k' of 's'.when is a Date",
    );
    await expect(async () => scheduler.set('k', [undefined])).rejects.toMatchObject({ code: 'not-json' });
  });

  test('a scheduler that is not active reads and writes nothing', async () => {
    await expect(scheduler.get('k', 1)).rejects.toThrow(ClaimLostError);
    await start();
    await member.master.stop();
    await expect(scheduler.get('k', 1)).rejects.toThrow(ActivityOverError);
    await expect(scheduler.set('k', 1)).rejects.toThrow(ActivityOverError);
  });

  test('classifications are written, read and flushed with the effect', async () => {
    scheduler.consumption = null;
    await start();
    for (let i = 0; i < 3; i++) await cluster.change(member);
    await scheduler.classify(
      new Map([
        [1, true],
        [3, false],
      ]),
    );
    expect([...(await scheduler.classifications())]).toEqual([
      [1, true],
      [3, false],
    ]);
    await scheduler.flush([1]);
    expect([...(await scheduler.classifications())]).toEqual([[3, false]]);
    await expect(scheduler.flush([1])).rejects.toMatchObject({ code: 'effect-conflict' });
  });
});

describe('addBuildsetForChanges', () => {
  test('one change gives a buildset for its stamp, with the scheduler’s builders and properties', async () => {
    scheduler = new TestScheduler({ properties: { colour: 'red' } });
    await start();
    const changeid = await cluster.change(member, { revision: 'r1' });
    const { bsid, brids } = await scheduler.forChanges({ changeids: [changeid], reason: 'downstream' });
    expect(await member.master.db.buildsets.getBuildset(bsid)).toMatchObject({
      schedulerid: 1,
      reason: 'downstream',
      externalIdstring: null,
      complete: false,
    });
    expect(await member.master.db.buildsets.getRequests(bsid)).toEqual(brids);
    expect(await requests(bsid)).toEqual(['linux 0 0', 'mac 0 0']);
    expect(await stamps(bsid)).toEqual(['master r1 "" ']);
    expect(await properties(bsid)).toEqual({ colour: ['red', 'Scheduler'], scheduler: ['s', 'Scheduler'] });
  });

  test('of several changes of one codebase the newest says what to build, in whatever order they are given', async () => {
    await start();
    for (const revision of ['r1', 'r2', 'r3']) await cluster.change(member, { revision });
    const { bsid } = await scheduler.forChanges({ changeids: [3, 1, 2, 3] });
    expect(await stamps(bsid)).toEqual(['master r3 "" ']);
    expect(await cluster.buildsets()).toEqual(['B[1,2,3]@0']);
  });

  test('each configured codebase has a stamp: that of its newest change, or its default', async () => {
    scheduler = new TestScheduler({
      codebases: {
        b: { repository: 'svn://b' },
        a: { repository: 'svn://a', branch: 'stable', revision: '13579' },
        c: {},
      },
    });
    await start();
    const change = { repository: 'svn://b', codebase: 'b' };
    await cluster.change(member, { ...change, revision: 'r1' });
    await cluster.change(member, { ...change, revision: 'r2' });
    await cluster.change(member, { codebase: 'unknown' });
    const { bsid } = await scheduler.forChanges({ changeids: [1, 2, 3], waitedFor: true });
    expect((await stamps(bsid)).toSorted(byText)).toEqual([
      'master r2 "svn://b" b',
      'null null "" c',
      'stable 13579 "svn://a" a',
    ]);
    expect(await requests(bsid)).toEqual(['linux 0 1', 'mac 0 1']);
    expect(await cluster.buildsets()).toEqual(['B[1,2]@0']);
  });

  test('other builders, a priority and a reason can be given; names that no builder has vanish', async () => {
    scheduler = new TestScheduler({ priority: 2 });
    await start();
    await cluster.change(member);
    const first = await scheduler.forChanges({ changeids: [1], builderNames: ['mac', 'unknown'] });
    const second = await scheduler.forChanges({ changeids: [], builderNames: [], priority: 7 });
    expect(await requests(first.bsid)).toEqual(['mac 2 0']);
    expect(await requests(second.bsid)).toEqual([]);
  });

  test('properties of changes override those of the scheduler, which override those that are passed', async () => {
    scheduler = new TestScheduler({ properties: { a: 'own', b: 'own' } });
    await start();
    await cluster.change(member, { properties: { a: ['change', 'Change'] } });
    const { bsid } = await scheduler.forChanges({
      changeids: [1],
      properties: { a: ['passed', 'TEST'], b: ['passed', 'TEST'], c: ['passed', 'TEST'] },
    });
    expect(await properties(bsid)).toEqual({
      a: ['change', 'Change'],
      b: ['own', 'Scheduler'],
      c: ['passed', 'TEST'],
      scheduler: ['s', 'Scheduler'],
    });
  });
});

describe('addBuildsetForSourceStamps', () => {
  test('ids are passed through, and what identifies a stamp finds or inserts it', async () => {
    await start();
    await cluster.change(member, { revision: 'r1' });
    const [{ id } = {}] = await cluster.rows('SELECT id FROM sourcestamps');
    const { bsid } = await scheduler.forStamps([Number(id), { branch: 'devel' }]);
    expect((await stamps(bsid)).toSorted(byText)).toEqual(['devel null "" ', 'master r1 "" ']);
  });

  test('an external id and a trigger key are kept; a second buildset of the same trigger is refused', async () => {
    await start();
    const options = { externalIdstring: 'ext', triggerKey: 'slot-1' };
    const { bsid } = await scheduler.forStamps([{}], options);
    const [row] = await cluster.rows(
      'SELECT external_idstring, trigger_key FROM buildsets WHERE id = ?',
      bsid,
    );
    expect(row).toEqual({ external_idstring: 'ext', trigger_key: 'slot-1' });
    const again = scheduler.forStamps([{}], options).catch((error: unknown) => error);
    await cluster.pass(2);
    expect(await again).toMatchObject({ code: 'unique-violation' });
    expect(await cluster.buildsets()).toHaveLength(1);
  });
});

describe('what is rendered for each buildset', () => {
  test('a property, from the stamps that are built', async () => {
    scheduler = new TestScheduler({
      properties: { where: ({ sourcestamps }) => `myproject-${sourcestamps[0]?.branch ?? ''}` },
    });
    await start();
    await cluster.change(member, { branch: 'devel' });
    const { bsid } = await scheduler.forChanges({ changeids: [1] });
    expect(await properties(bsid)).toMatchObject({ where: ['myproject-devel', 'Scheduler'] });
  });

  test('the builder names, from the changes', async () => {
    scheduler = new TestScheduler({}, ({ changes }) =>
      changes[0]?.branch === 'devel' ? ['mac'] : ['linux'],
    );
    member = await cluster.start([scheduler], { builders: ['linux', 'mac'] });
    await cluster.change(member, { branch: 'devel' });
    const { bsid } = await scheduler.forChanges({ changeids: [1] });
    expect(await requests(bsid)).toEqual(['mac 0 0']);
    expect(scheduler.builderNames).toEqual([]);
  });

  test('one builder name of a list, from a property of a change', async () => {
    const fromProperty = ({ properties: all }: BuildsetContents): string => all['platform']?.[0] as string;
    scheduler = new TestScheduler({}, ['linux', fromProperty]);
    member = await cluster.start([scheduler], { builders: ['mac'] });
    await cluster.change(member, { properties: { platform: ['mac', 'Change'] } });
    const { bsid } = await scheduler.forChanges({ changeids: [1] });
    expect(await requests(bsid)).toEqual(['linux 0 0', 'mac 0 0']);
    expect(scheduler.builderNames).toEqual(['linux']);
  });

  test('the priority, from the builder names and the changes of each codebase', async () => {
    scheduler = new TestScheduler({
      codebases: ['', 'lib'],
      priority: (names, changes) => names.length * 10 + (changes.get('lib')?.length ?? 0),
    });
    await start();
    for (let i = 0; i < 3; i++) await cluster.change(member, { codebase: 'lib' });
    const { bsid } = await scheduler.forChanges({ changeids: [1, 2, 3] });
    expect(await requests(bsid)).toEqual(['linux 23 0', 'mac 23 0']);
  });
});

test('properties of the changes of stamps that are given by their ids count too', async () => {
  await start();
  await cluster.change(member, { properties: { color: ['pink', 'Change'] } });
  const [{ id } = {}] = await cluster.rows('SELECT id FROM sourcestamps');
  const { bsid } = await scheduler.forStamps([Number(id)], { properties: { a: [1, 'TEST'] } });
  expect(await properties(bsid)).toEqual({
    a: [1, 'TEST'],
    color: ['pink', 'Change'],
    scheduler: ['s', 'Scheduler'],
  });
  await expect(scheduler.forStamps([999])).rejects.toMatchObject({ code: 'bad-sourcestamps' });
});

test('what an older change of a codebase says besides does not count: its stamp is not built', async () => {
  await start();
  await cluster.change(member, { revision: 'r1', properties: { old: ['yes', 'Change'] } });
  await cluster.change(member, { revision: 'r2' });
  const { bsid } = await scheduler.forChanges({ changeids: [1, 2] });
  expect(await properties(bsid)).toEqual({ scheduler: ['s', 'Scheduler'] });
});

describe('the arguments', () => {
  const refused: readonly [string, () => unknown, string][] = [
    [
      'builder names that are a text',
      () => make('xxx'),
      "builderNames of scheduler 's' must be an array of strings",
    ],
    ['builder names that are a number', () => make(12), 'must be an array of strings'],
    ['builder names that are numbers', () => make([12, 13]), 'must be an array of strings'],
    ['builder names that are mixed', () => make(['linux', 13]), 'must be an array of strings'],
    ['a name that is empty', () => new Named('', ['linux']), 'a scheduler needs a name'],
    ['a priority that is a text', () => make([], { priority: 'high' }), "priority of scheduler 's' is high"],
    ['codebases that are a text', () => make([], { codebases: 'lib' }), 'codebases that are a string'],
    ['a list of codebases with a number', () => make([], { codebases: [1] }), 'a codebase that is a number'],
    [
      'an unknown key of a codebase',
      () => make([], { codebases: { lib: { revison: '1' } } }),
      "has 'revison' in the codebase 'lib', expected branch, revision, repository (did you mean 'revision'?)",
    ],
    [
      'a codebase that is a text',
      () => make([], { codebases: { lib: 'x' } }),
      "needs an object for the codebase 'lib'",
    ],
  ];

  test.each(refused)('%s: refused', (_what, create, message) => {
    expect(create).toThrow(message);
  });

  test('codebases are an object, or names alone; what is not configured is an error', () => {
    const lib = { branch: 'b', repository: 'r' };
    expect(new TestScheduler({ codebases: { lib } }).getCodebaseDict('lib')).toEqual(lib);
    expect(new TestScheduler({ codebases: ['lib'] }).getCodebaseDict('lib')).toEqual({});
    expect(() => new TestScheduler({ codebases: ['lib'] }).getCodebaseDict('bin')).toThrow(
      "scheduler 's' has no codebase 'bin'",
    );
    expect(new TestScheduler().getCodebaseDict('')).toEqual({});
  });

  function make(builderNames: unknown, options: unknown = {}): unknown {
    return new Named('s', builderNames as BuilderNames, options as SchedulerOptions);
  }
});

describe('addBuildsetForSourceStampsWithDefaults', () => {
  const codebases = {
    cbA: { repository: 'svn://A', branch: 'stable', revision: '13579' },
    cbB: { repository: 'svn://B', branch: 'stable', revision: '24680' },
  };

  test('given stamps are laid over the defaults of their codebases', async () => {
    scheduler = new TestScheduler({ codebases });
    await start();
    const { bsid } = await scheduler.withDefaults([
      { codebase: 'cbA', branch: 'AA' },
      { codebase: 'cbB', revision: 'BB' },
    ]);
    expect((await stamps(bsid)).toSorted(byText)).toEqual([
      'AA 13579 "svn://A" cbA',
      'stable BB "svn://B" cbB',
    ]);
  });

  test('a codebase for which nothing is given has its default', async () => {
    scheduler = new TestScheduler({ codebases });
    await start();
    const { bsid } = await scheduler.withDefaults([{ codebase: 'cbA', branch: 'AA' }]);
    expect((await stamps(bsid)).toSorted(byText)).toEqual([
      'AA 13579 "svn://A" cbA',
      'stable 24680 "svn://B" cbB',
    ]);
  });

  test('without any repository there is one empty stamp', async () => {
    await start();
    const { bsid } = await scheduler.withDefaults([]);
    expect(await stamps(bsid)).toEqual(['null null "" ']);
  });

  test('stamps of codebases that are not configured are added as they are', async () => {
    scheduler = new TestScheduler({ codebases: { cbA: codebases.cbA } });
    await start();
    const { bsid } = await scheduler.withDefaults([{ codebase: 'cbC', branch: 'CC' }]);
    expect((await stamps(bsid)).toSorted(byText)).toEqual(['CC null "" cbC', 'stable 13579 "svn://A" cbA']);
  });

  test('two stamps of one codebase are refused', async () => {
    await start();
    await expect(scheduler.withDefaults([{}, { branch: 'b' }])).rejects.toMatchObject({
      code: 'bad-sourcestamps',
    });
  });
});

async function stamps(bsid: number): Promise<readonly string[]> {
  const rows = await cluster.rows(
    `SELECT branch, revision, repository, codebase FROM sourcestamps s
     JOIN buildset_sourcestamps b ON b.sourcestampid = s.id WHERE b.buildsetid = ? ORDER BY s.id`,
    bsid,
  );
  return rows.map((row) => `${row['branch']} ${row['revision']} "${row['repository']}" ${row['codebase']}`);
}

async function requests(bsid: number): Promise<readonly string[]> {
  const rows = await cluster.rows(
    `SELECT b.name, r.priority, r.waited_for FROM buildrequests r JOIN builders b ON b.id = r.builderid
     WHERE r.buildsetid = ? ORDER BY r.id`,
    bsid,
  );
  return rows.map((row) => `${row['name']} ${row['priority']} ${row['waited_for']}`);
}

async function properties(bsid: number): Promise<unknown> {
  const rows = await cluster.rows(
    'SELECT property_name, property_value FROM buildset_properties WHERE buildsetid = ? ORDER BY property_name',
    bsid,
  );
  return Object.fromEntries(
    rows.map((row) => [row['property_name'], JSON.parse(String(row['property_value']))]),
  );
}

function byText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
