// Update methods: state and its announcement in one transaction. What addChange does is in test/conformance/changes.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { EventWriter } from '../../src/data/event-writer.js';
import { DataUpdates } from '../../src/data/updates.js';
import { MemoryDriver } from '../../src/db/sqlite/memory-driver.js';
import { Plane, type Identity } from '../support/plane.js';

let memory: MemoryDriver;
let plane: Plane;
let me: Identity;
const heard: string[] = [];

beforeEach(async () => {
  memory = await MemoryDriver.create();
  plane = new Plane(memory);
  me = await plane.join('master-a');
  heard.length = 0;
  const hear = (key: readonly string[], body: object): void =>
    void heard.push(`${key.join('/')} ${JSON.stringify(body)}`);
  for (const kind of ['masters', 'schedulers']) await plane.mq.startConsuming(hear, [kind, null, null]);
});

afterEach(() => memory.close());

const byText = (one: string, other: string): number => (one < other ? -1 : 1);

describe('masters', () => {
  test('masterStarted begins an incarnation and announces it', async () => {
    expect(await plane.updates.masterStarted({ id: me.masterid, name: 'master-a' })).toBe(2);
    expect(await hearAll()).toEqual([
      'masters/1/started {"masterid":1,"name":"master-a","active":true,"incarnation":2}',
    ]);
  });

  test('masterStopped marks an active master as stopped and announces it', async () => {
    expect(await plane.updates.masterStopped({ id: me.masterid, name: 'master-a' })).toBe(true);
    expect(await plane.db.masters.getMaster(me.masterid)).toMatchObject({ active: false });
    expect(await hearAll()).toEqual([
      'masters/1/stopped {"masterid":1,"name":"master-a","active":false,"incarnation":1}',
    ]);
  });

  test('masterRejoined announces the incarnation that it begins, and nothing when somebody else has begun one', async () => {
    await plane.db.masters.setMasterState(me.masterid, false);
    const master = { id: me.masterid, name: 'master-a' };
    expect(await plane.updates.masterRejoined(master, me.incarnation)).toBe(2);
    expect(await plane.updates.masterRejoined(master, me.incarnation)).toBeNull();
    expect(await hearAll()).toEqual([
      'masters/1/started {"masterid":1,"name":"master-a","active":true,"incarnation":2}',
    ]);
  });

  test('masterStopped announces the schedulers that lose their link by it', async () => {
    const id = await plane.db.schedulers.findSchedulerId('s');
    await plane.claim(id, me);
    heard.length = 0;
    await plane.updates.masterStopped({ id: me.masterid, name: 'master-a' });
    expect((await hearAll()).filter((line) => line.includes('/updated '))).toEqual([
      'schedulers/1/updated {"schedulerid":1,"name":"s","enabled":true,"masterid":null,"revision":2}',
    ]);
  });

  test('an owner of many schedulers is ended with an announcement of each', async () => {
    for (let i = 1; i <= 70; i++) await plane.claim(await plane.db.schedulers.findSchedulerId(`s${i}`), me);
    await plane.updates.expireMaster({ ...me, seenBeat: 0 });
    expect((await hearAll()).filter((line) => line.includes('/released '))).toHaveLength(70);
  });

  test('an owner that claims and lists more just before it is ended has each announced too', async () => {
    const ids = await Promise.all(['s', 't', 'u'].map((name) => plane.db.schedulers.findSchedulerId(name)));
    const builderid = await plane.db.builders.findBuilderId('linux');
    await plane.mq.startConsuming((key) => void heard.push(key.join('/')), ['builders', null, null]);
    /** Lets things happen after what there is to announce was counted. */
    class LateWriter extends EventWriter {
      override async takeIds(count: number): Promise<readonly number[]> {
        if (count === 1 && ids.length > 0) {
          for (const id of ids.splice(0)) await plane.claim(id, me);
          await plane.updates.builds.updateBuilderList(me, [builderid]);
        }
        return super.takeIds(count);
      }
    }
    const late = new DataUpdates(
      plane.db,
      new LateWriter(plane.db, plane.mq, plane.runtime.clock),
      plane.runtime.clock,
    );
    expect(await late.expireMaster({ ...me, seenBeat: 0 })).toBe(true);
    expect(
      (await hearAll())
        .flatMap((line) => /^\w+\/\d+\/(?:released|stopped)/.exec(line) ?? [])
        .toSorted(byText),
    ).toEqual([
      'builders/1/stopped',
      'masters/1/stopped',
      'schedulers/1/released',
      'schedulers/2/released',
      'schedulers/3/released',
    ]);
  });

  test('a claim announces whether the scheduler is enabled as the database says', async () => {
    const id = await plane.db.schedulers.findSchedulerId('s');
    await plane.updates.schedulerEnable(id, false);
    await plane.claim(id, me);
    expect((await hearAll()).at(-1)).toBe(
      'schedulers/1/claimed {"schedulerid":1,"name":"s","enabled":false,"masterid":1,"revision":2}',
    );
  });

  test('masterStopped of a master that is stopped already is silent', async () => {
    await plane.db.masters.setMasterState(me.masterid, false);
    expect(await plane.updates.masterStopped({ id: me.masterid, name: 'master-a' })).toBe(false);
    expect(await hearAll()).toEqual([]);
  });

  test('the end of an owner announces its master, once, and each scheduler that became free', async () => {
    const ids = [
      await plane.db.schedulers.findSchedulerId('s'),
      await plane.db.schedulers.findSchedulerId('t'),
    ];
    for (const id of ids) await plane.claim(id, me);
    heard.length = 0;
    expect(await plane.updates.expireMaster({ ...me, seenBeat: 0 })).toBe(true);
    expect(await plane.updates.expireMaster({ ...me, seenBeat: 0 })).toBe(true);
    expect((await hearAll()).filter((line) => !line.includes('/claimed '))).toEqual([
      'masters/1/stopped {"masterid":1,"name":"master-a","active":false,"incarnation":1}',
      'schedulers/1/released {"schedulerid":1,"name":"s","enabled":true,"masterid":null,"revision":2}',
      'schedulers/2/released {"schedulerid":2,"name":"t","enabled":true,"masterid":null,"revision":2}',
    ]);
  });

  test('an owner that has renewed since is not ended, and nothing is announced', async () => {
    expect(await plane.updates.expireMaster({ ...me, seenBeat: 5 })).toBe(false);
    expect(await plane.db.masters.getMaster(me.masterid)).toMatchObject({ active: true });
    expect(await hearAll()).toEqual([]);
  });
});

describe('schedulers', () => {
  test('schedulerEnable announces the whole scheduler when that changed anything', async () => {
    const id = await plane.db.schedulers.findSchedulerId('s');
    expect(await plane.updates.schedulerEnable(id, false)).toBe(true);
    expect(await plane.updates.schedulerEnable(id, false)).toBe(false);
    expect(await plane.updates.schedulerEnable(id, true)).toBe(true);
    expect(await plane.updates.schedulerEnable(99, true)).toBe(false);
    expect(await hearAll()).toEqual([
      'schedulers/1/updated {"schedulerid":1,"name":"s","enabled":false,"masterid":null,"revision":1}',
      'schedulers/1/updated {"schedulerid":1,"name":"s","enabled":true,"masterid":null,"revision":2}',
    ]);
  });

  test('a claim and a release are announced; a refused one is not', async () => {
    const id = await plane.db.schedulers.findSchedulerId('s');
    const scheduler = { serviceid: id, name: 's', enabled: true };
    const claim = await plane.claim(id, me);
    const other = await new Plane(memory).join('master-b');
    expect(await plane.updates.claimService('scheduler', scheduler, other)).toBeNull();
    expect(await plane.updates.releaseService('scheduler', claim)).toBe(true);
    expect(await plane.updates.releaseService('scheduler', { ...claim, epoch: 9, masterid: 2 })).toBe(false);
    expect((await hearAll()).map((line) => line.split(' ')[0])).toEqual([
      'schedulers/1/claimed',
      'schedulers/1/released',
    ]);
  });

  test('releaseOwned frees all of this incarnation, and is harmless when there is nothing', async () => {
    const id = await plane.db.schedulers.findSchedulerId('s');
    await plane.claim(id, me);
    await plane.updates.releaseOwned(me.masterid, me.incarnation);
    await plane.updates.releaseOwned(me.masterid, me.incarnation);
    expect(await plane.db.schedulers.getScheduler(id)).toMatchObject({ masterid: null });
    expect((await hearAll()).filter((line) => line.includes('/released '))).toHaveLength(1);
  });
});

async function hearAll(): Promise<readonly string[]> {
  await plane.runtime.clock.advance(0);
  return heard;
}
