// The end of a scheduler's activity: nothing of it runs any more when `deactivate` has resolved, whatever its author forgot,
// and nobody waits for himself.

import { afterEach, beforeEach, expect, test } from 'vitest';
import { BaseScheduler } from '../../src/schedulers/base.js';
import { sleep } from '../../src/runtime/clock.js';
import { TestCluster, type Member } from '../support/cluster.js';

let cluster: TestCluster;
let member: Member;

class Watched extends BaseScheduler {
  readonly events: string[] = [];
  onChange: () => Promise<void> = async () => undefined;

  protected override async startActivity(): Promise<void> {
    this.startConsumingChanges();
  }

  override async gotChange(): Promise<void> {
    this.events.push('got');
    await this.onChange();
  }

  section(body: () => Promise<void>): Promise<void> {
    return this.act(body);
  }

  write(): Promise<void> {
    return this.setState('k', 1);
  }

  patientSleep(ms: number): Promise<void> {
    return sleep(this.clock, ms, this.signal);
  }
}

beforeEach(async () => {
  cluster = await TestCluster.create();
});

afterEach(() => cluster.close());

test('changes are consumed no more after a deactivate that forgets super.deactivate()', async () => {
  class Forgetful extends Watched {
    override async deactivate(): Promise<void> {
      // forgets super.deactivate()
    }
  }
  const scheduler = new Forgetful('s', ['linux']);
  member = await cluster.start([scheduler]);
  await member.master.data.schedulerEnable(1, false);
  await cluster.pass(1);
  await cluster.change(member);
  await cluster.pass(60);
  expect(scheduler.events).toEqual([]);
});

test('changes are consumed no more after a deactivate that throws first', async () => {
  class Throwing extends Watched {
    override async deactivate(): Promise<void> {
      throw new Error('oh');
    }
  }
  const scheduler = new Throwing('s', ['linux']);
  member = await cluster.start([scheduler]);
  await member.master.data.schedulerEnable(1, false);
  await cluster.pass(1);
  await cluster.change(member);
  await cluster.pass(60);
  expect(scheduler.events).toEqual([]);
});

test('a change that is being handled when the scheduler is left ends before deactivate resolves', async () => {
  const scheduler = new Watched('s', ['linux']);
  scheduler.onChange = async () => {
    await sleep(scheduler['runtime'].clock, 5_000);
    scheduler.events.push('done');
  };
  member = await cluster.start([scheduler]);
  await cluster.change(member);
  const left = scheduler.leave('test', { isReleasing: true }).then(() => scheduler.events.push('left'));
  await cluster.pass(8); // before the next pass of the keeper, which claims it again
  await left;
  expect(scheduler.events).toEqual(['got', 'done', 'left']);
});

test('waits of the activity end with its signal', async () => {
  const scheduler = new Watched('s', ['linux']);
  scheduler.onChange = () => scheduler.patientSleep(3_600_000);
  member = await cluster.start([scheduler]);
  await cluster.change(member);
  let isLeft = false;
  void scheduler.leave('test', { isReleasing: true }).then(() => (isLeft = true));
  await cluster.pass(0);
  expect(isLeft).toBe(true);
});

test('a refused effect that waits for the deactivation it caused does not wait for ever', async () => {
  const scheduler = new Watched('s', ['linux']);
  member = await cluster.start([scheduler]);
  await member.master.db.masters.setMasterState(member.master.masterid, false);
  let outcome = 'pending';
  // 1. The section's effect is refused. 2. That leaves the claim, which deactivates. 3. The deactivation waits for the
  // section, which ends since its refusal waits for nobody. 4. Whoever awaits the end of it all sees it.
  const ended = scheduler
    .section(() => scheduler.write())
    .catch(() => scheduler.leave('asked again', { isReleasing: false }))
    .then(() => (outcome = 'ended'));
  await cluster.pass(1);
  await ended;
  expect([outcome, scheduler.active]).toEqual(['ended', false]);
});

test('a refused gotChange ends too, and the change is there for the next owner', async () => {
  const scheduler = new Watched('s', ['linux']);
  scheduler.onChange = () => scheduler.write();
  member = await cluster.start([scheduler]);
  await member.master.db.masters.setMasterState(member.master.masterid, false);
  await cluster.change(member);
  await cluster.pass(1);
  expect(scheduler.active).toBe(false);
  await cluster.pass(60);
  expect([scheduler.active, scheduler.events]).toEqual([true, ['got', 'got']]);
  expect(await cluster.rows('SELECT id FROM queue_messages')).toEqual([]);
});
