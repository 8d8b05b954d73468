// Who gets a claim, keeps it, loses it and gives it back. Rows of Buildbot's tests of ClusteredBuildbotService that are
// about claiming are here; those about one service's life are in test/services/clustered-service.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DatabaseError } from '../../src/db/driver.js';
import { MemoryDriver } from '../../src/db/sqlite/memory-driver.js';
import { ClaimKeeper } from '../../src/master/claim-keeper.js';
import { Lease } from '../../src/master/lease.js';
import { OwnerWatch } from '../../src/master/owner-watch.js';
import { PeriodicTasks } from '../../src/periodic/periodic-tasks.js';
import { ClusteredService } from '../../src/services/clustered-service.js';
import { sleep } from '../../src/runtime/clock.js';
import { Plane, type Identity } from '../support/plane.js';

const HEARTBEAT_MS = 10_000;

class TestService extends ClusteredService {
  readonly calls: string[] = [];
  activationMs = 0;

  protected override async startActivity(): Promise<void> {
    this.calls.push('activate');
    if (this.activationMs > 0) await sleep(this.runtime.clock, this.activationMs);
  }

  protected override async stopActivity(): Promise<void> {
    this.calls.push('deactivate');
  }
}

let memory: MemoryDriver;
let plane: Plane;
let me: Identity;
let lease: Lease;
let service: TestService;
let keeper: ClaimKeeper;
let other: Plane;
let them: Identity;
/** How often the keeper said that it has ended an owner. */
let ended: number;

beforeEach(async () => {
  ended = 0;
  memory = await MemoryDriver.create();
  plane = new Plane(memory);
  other = new Plane(memory, plane.runtime);
  them = await other.join('master-b');
  me = await plane.join('master-a');
  lease = new Lease(plane.runtime.clock, 60_000);
  lease.begin(me.incarnation, lease.now());
  service = new TestService('s');
  keeper = new ClaimKeeper(
    {
      runtime: plane.runtime,
      db: plane.db,
      updates: plane.updates,
      lease,
      watch: new OwnerWatch(plane.runtime.clock, 60_000),
      masterid: me.masterid,
      heartbeatMs: HEARTBEAT_MS,
      PeriodicTasks,
      onEnded: () => void ended++,
    },
    [service],
  );
  service.bind(keeper, plane.runtime, await plane.db.schedulers.findSchedulerId('s'));
});

afterEach(() => memory.close());

describe('claiming', () => {
  test('a free scheduler is claimed in the first pass, and start resolves when it is active', async () => {
    await keeper.start();
    expect([service.active, service.calls]).toEqual([true, ['activate']]);
    expect(await owner()).toEqual(`${me.masterid}/${me.incarnation} epoch 1`);
  });

  test('a scheduler that somebody else owns is not claimed, and start resolves all the same', async () => {
    await other.claim(1, them);
    await keeper.start();
    expect([service.active, service.calls]).toEqual([false, []]);
  });

  test('while it waits, a pass comes once a heartbeat, and costs one round trip', async () => {
    await other.claim(1, them);
    await keeper.start();
    plane.driver.batches.length = 0;
    await advance(HEARTBEAT_MS - 1);
    expect(plane.driver.batches).toEqual([]);
    await advance(1);
    expect(plane.driver.batches).toEqual(['SELECT']);
  });

  test('a scheduler that becomes free is claimed in the next pass, or at once when somebody says so', async () => {
    const claim = await other.claim(1, them);
    await keeper.start();
    await other.updates.releaseService('scheduler', claim);
    await advance(HEARTBEAT_MS - 1);
    expect(service.active).toBe(false);
    keeper.lookAgain();
    await advance(0);
    expect(service.active).toBe(true);
  });

  test('what is held is claimed no more: later passes change nothing', async () => {
    await keeper.start();
    for (let i = 0; i < 3; i++) {
      await advance(HEARTBEAT_MS);
      lease.renewed(lease.now());
    }
    expect(await owner()).toEqual(`${me.masterid}/${me.incarnation} epoch 1`);
    expect(service.calls).toEqual(['activate']);
  });

  test('a claim that fails is logged once and tried for again', async () => {
    failWhere('UPDATE schedulers');
    await keeper.start();
    expect(service.active).toBe(false);
    expect(plane.runtime.complaints).toEqual([
      expect.stringMatching(/^warning: could not attend to 's': constraint-violation/),
    ]);
    plane.driver.interfere(() => undefined);
    await advance(HEARTBEAT_MS);
    expect(service.active).toBe(true);
  });

  test('what this very incarnation still owns is taken up again, with a greater epoch', async () => {
    await plane.claim(1, me);
    await keeper.start();
    expect(service.active).toBe(true);
    expect(await owner()).toEqual(`${me.masterid}/${me.incarnation} epoch 2`);
  });

  test('what an older incarnation of this master owns is not ours: it is waited for', async () => {
    await plane.claim(1, me);
    me = await plane.join('master-a');
    lease.begin(me.incarnation, lease.now());
    await keeper.start();
    expect(service.active).toBe(false);
    for (let i = 0; i < 6; i++) {
      await advance(HEARTBEAT_MS);
      lease.renewed(lease.now());
    }
    expect(service.active).toBe(true);
  });

  test('nothing is claimed while the lease cannot be trusted', async () => {
    plane.runtime.clock.pause(55_000);
    await keeper.start();
    expect(await owner()).toBe('free');
  });

  test('a claim whose reply came in another incarnation is given back', async () => {
    const started = keeper.start();
    plane.driver.interfere((batch) => {
      if (batch.some(({ sql }) => sql.startsWith('UPDATE schedulers SET owner'))) lease.end();
    });
    await started;
    expect([service.active, await owner()]).toEqual([false, 'free']);
  });

  test('a service whose activation failed is tried again after its pause, not in every pass', async () => {
    const failing = service as unknown as { startActivity: () => Promise<void> };
    failing.startActivity = async () => {
      service.calls.push('fail');
      throw new DatabaseError('bad-statement', 'no');
    };
    await keeper.start();
    await advance(900);
    keeper.lookAgain();
    await advance(0);
    expect(service.calls).toEqual(['fail', 'deactivate']);
    await advance(200);
    keeper.lookAgain();
    await advance(0);
    expect(service.calls).toEqual(['fail', 'deactivate', 'fail', 'deactivate']);
    expect(await owner()).toBe('free');
  });
});

describe('ending an owner', () => {
  test('an owner whose beat stands still for a lease is ended, and its scheduler claimed in the same pass', async () => {
    await other.claim(1, them);
    await keeper.start();
    for (let i = 0; i < 5; i++) await heartbeat();
    expect(service.active).toBe(false);
    await heartbeat();
    expect(service.active).toBe(true);
    expect(await plane.db.masters.getMaster(them.masterid)).toMatchObject({ active: false });
  });

  test('an owner that renews keeps its claim for ever, whatever its wall clock says', async () => {
    await other.claim(1, them);
    await keeper.start();
    const session = await other.db.database.openReserved();
    for (let i = 0; i < 20; i++) {
      await heartbeat();
      if (i % 4 === 0) await other.db.masters.renew(session, them.masterid, them.incarnation);
    }
    expect(service.active).toBe(false);
  });

  test('an owner that renews between the last look and the end is not ended', async () => {
    await other.claim(1, them);
    await keeper.start();
    for (let i = 0; i < 5; i++) await heartbeat();
    const session = await memory.open();
    let isDone = false;
    plane.driver.interfere((batch) => {
      if (isDone || !batch.some(({ sql }) => sql.includes('SELECT m.name'))) return;
      isDone = true;
      void other.db.masters.renew(session, them.masterid, them.incarnation);
    });
    await heartbeat();
    expect(isDone).toBe(true);
    expect(await plane.db.masters.getMaster(them.masterid)).toMatchObject({ active: true });
    expect(service.active).toBe(false);
  });

  test('an owner that others marked inactive still owns until a lease has passed', async () => {
    await other.claim(1, them);
    await keeper.start();
    await plane.db.masters.setMasterState(them.masterid, false);
    for (let i = 0; i < 5; i++) await heartbeat();
    expect(service.active).toBe(false);
    await heartbeat();
    expect(service.active).toBe(true);
  });
});

describe('losing a claim', () => {
  test('a service whose claim is gone is left in the next pass', async () => {
    await keeper.start();
    await plane.db.masters.setMasterState(me.masterid, false);
    await heartbeat();
    expect([service.active, service.calls]).toEqual([false, ['activate', 'deactivate']]);
  });

  test('what is not trusted is left at once when somebody looks, and not released', async () => {
    await keeper.start();
    plane.runtime.clock.pause(55_000);
    keeper.letGoOfUntrusted();
    await advance(0);
    expect([service.active, service.calls.at(-1)]).toEqual([false, 'deactivate']);
    expect(await owner()).toEqual(`${me.masterid}/${me.incarnation} epoch 1`);
  });

  test('a keeper that has quiesced gives back also what it had let go of, and claims nothing until it resumes', async () => {
    await keeper.start();
    plane.runtime.clock.pause(55_000);
    keeper.letGoOfUntrusted();
    await keeper.quiesce('test');
    expect(await owner()).not.toBe('free');
    await keeper.releaseOwned();
    lease.renewed(lease.now());
    expect(await owner()).toBe('free');
    await heartbeat();
    expect(await owner()).toBe('free');
    keeper.resume();
    await advance(0);
    expect(service.active).toBe(true);
  });
});

describe('stopping', () => {
  test('a service that is active is deactivated once and released once', async () => {
    await keeper.start();
    await keeper.stop();
    expect([service.active, service.calls, await owner()]).toEqual([
      false,
      ['activate', 'deactivate'],
      'free',
    ]);
  });

  test('a service that was never active is released by nobody, and no pass comes any more', async () => {
    await other.claim(1, them);
    await keeper.start();
    await keeper.stop();
    plane.driver.batches.length = 0;
    await advance(5 * HEARTBEAT_MS);
    expect([service.calls, plane.driver.batches]).toEqual([[], []]);
    expect(await owner()).toEqual(`${them.masterid}/${them.incarnation} epoch 1`);
  });

  test('stopping while the activation is pending waits for it; then the service is deactivated and released', async () => {
    service.activationMs = 5_000;
    void keeper.start();
    await advance(0);
    let isStopped = false;
    const stopped = keeper.stop().then(() => (isStopped = true));
    await advance(4_999);
    expect([isStopped, service.calls]).toEqual([false, ['activate']]);
    await advance(1);
    await stopped;
    expect([service.calls, await owner()]).toEqual([['activate', 'deactivate'], 'free']);
  });

  test('stopping while the claim is on its way gives it back', async () => {
    const holder = await memory.open();
    const started = keeper.start();
    plane.driver.interfere((batch) => {
      if (batch.some(({ sql }) => sql.includes('SELECT id FROM masters')))
        void holder.run([{ sql: 'BEGIN', values: [] }]);
    });
    await advance(0);
    const stopped = keeper.stop();
    await advance(100);
    holder.close();
    await Promise.all([started, stopped]);
    expect([service.active, await owner()]).toEqual([false, 'free']);
  });
});

describe('enabling', () => {
  test('a disabled scheduler is claimed and kept, but its activity waits until it is enabled', async () => {
    await plane.updates.schedulerEnable(1, false);
    await keeper.start();
    expect([service.active, service.enabled, service.calls]).toEqual([true, false, []]);
    await plane.updates.schedulerEnable(1, true);
    await heartbeat();
    expect(service.calls).toEqual(['activate']);
    await plane.updates.schedulerEnable(1, false);
    await heartbeat();
    expect([service.active, service.calls]).toEqual([true, ['activate', 'deactivate']]);
  });
});

function advance(deltaMs: number): Promise<void> {
  return plane.runtime.clock.advance(deltaMs);
}

/** A heartbeat of this master, with a renewal that succeeds. */
async function heartbeat(): Promise<void> {
  lease.renewed(lease.now());
  await advance(HEARTBEAT_MS);
}

describe('services that come and go', () => {
  async function second(): Promise<TestService> {
    const added = new TestService('t');
    added.bind(keeper, plane.runtime, await plane.db.schedulers.findSchedulerId('t'));
    return added;
  }

  test('one that is added is claimed in a pass of its own, and add resolves when it is active', async () => {
    await keeper.start();
    const added = await second();
    await keeper.add(added);
    expect([added.active, added.calls]).toEqual([true, ['activate']]);
    expect(service.calls).toEqual(['activate']);
  });

  test('one that somebody else owns is added without being claimed', async () => {
    await keeper.start();
    const added = await second();
    await other.claim(2, them);
    await keeper.add(added);
    expect(added.active).toBe(false);
  });

  test('one that is removed is deactivated and released, and claimed no more', async () => {
    await keeper.start();
    await keeper.remove(service);
    expect([service.active, service.calls]).toEqual([false, ['activate', 'deactivate']]);
    expect((await plane.db.schedulers.getScheduler(1))?.masterid).toBeNull();
    await plane.runtime.clock.advance(3 * HEARTBEAT_MS);
    expect(service.calls).toEqual(['activate', 'deactivate']);
  });

  test('one that is removed while its claim is on its way gives it back', async () => {
    const removals: Promise<void>[] = [];
    plane.driver.interfere((batch) => {
      if (batch.some(({ sql }) => sql.startsWith('INSERT INTO scheduler_masters')) && removals.length === 0)
        removals.push(keeper.remove(service));
    });
    await keeper.start();
    await Promise.all(removals);
    expect(removals.length).toBe(1);
    expect([service.active, service.calls]).toEqual([false, []]);
    expect((await plane.db.schedulers.getScheduler(1))?.masterid).toBeNull();
  });

  test('an add after the stop waits for nothing', async () => {
    await keeper.start();
    await keeper.stop();
    const added = await second();
    await keeper.add(added);
    expect(added.active).toBe(false);
  });

  test('a first look that fails keeps nobody from starting, unlike in Buildbot; the next one claims', async () => {
    let isDown = true;
    plane.driver.interfere(() => {
      if (isDown) throw new DatabaseError('bad-statement', 'no');
    });
    await keeper.start();
    expect(service.active).toBe(false);
    isDown = false;
    await plane.runtime.clock.advance(1_000);
    expect(service.active).toBe(true);
  });
});

/** Who owns the scheduler. */
async function owner(): Promise<string> {
  const [row] = await other.rows('SELECT is_free, owner_masterid, owner_incarnation, epoch FROM schedulers');
  if (row?.['is_free'] === 1) return 'free';
  return `${row?.['owner_masterid']}/${row?.['owner_incarnation']} epoch ${row?.['epoch']}`;
}

function failWhere(text: string): void {
  plane.driver.interfere((batch) => {
    if (batch.some(({ sql }) => sql.includes(text))) throw new DatabaseError('constraint-violation', 'no');
  });
}
