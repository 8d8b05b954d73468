// Whole masters, on one database and one clock: how they start, stop, take over and come back. Everything that faults do
// to them is the simulator's to test.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DatabaseError } from '../../src/db/driver.js';
import { SingleBranchScheduler } from '../../src/schedulers/single-branch.js';
import { TestCluster, type Member } from '../support/cluster.js';

let cluster: TestCluster;

beforeEach(async () => {
  cluster = await TestCluster.create();
});

afterEach(() => cluster.close());

class Node {
  readonly scheduler = new SingleBranchScheduler('s', ['linux'], { branch: 'master' });
  readonly name: string;
  #member: Member | null = null;

  constructor(name: string) {
    this.name = name;
  }

  async start(): Promise<this> {
    this.#member = await cluster.start([this.scheduler], { name: this.name });
    return this;
  }

  get member(): Member {
    if (this.#member === null) throw new Error(`${this.name} has not been started`);
    return this.#member;
  }

  stop(): Promise<void> {
    return this.member.master.stop();
  }

  get active(): boolean {
    return this.scheduler.active;
  }
}

describe('starting and stopping', () => {
  test('a master that runs is marked active and has announced it; one that stopped is marked inactive', async () => {
    const a = await new Node('master-a').start();
    expect(await masters()).toEqual(['master-a active']);
    expect(a.member.heard).toEqual(['masters/1/started']);
    await a.stop();
    expect(a.member.heard).toEqual(['masters/1/started', 'masters/1/stopped']);
    expect(await masters()).toEqual(['master-a inactive']);
    expect(cluster.clock.pending).toBe(0);
  });

  test('the builders that schedulers name exist once it runs', async () => {
    await new Node('master-a').start();
    expect(await cluster.rows('SELECT name FROM builders')).toEqual([{ name: 'linux' }]);
  });

  test('the builders that it is configured with are listed under it as long as it runs', async () => {
    const a = await new Node('master-a').start();
    const b = await cluster.start([], { name: 'master-b', builders: ['linux', 'macos'] });
    expect(await builderLists()).toEqual(['linux on 1', 'linux on 2', 'macos on 2']);
    await b.master.stop();
    expect(await builderLists()).toEqual(['linux on 1']);
    await a.stop();
    expect(await builderLists()).toEqual([]);
  });

  test('a renewal comes once a heartbeat', async () => {
    await new Node('master-a').start();
    const beat = async (): Promise<unknown> => (await cluster.rows('SELECT beat FROM masters'))[0]?.['beat'];
    const first = Number(await beat());
    await cluster.pass(100);
    expect(await beat()).toBe(first + 10);
  });

  test('a database of another version is refused', async () => {
    const session = await cluster.memory.open();
    await session.run([{ sql: 'UPDATE schema_version SET version = 99', values: [] }]);
    await expect(new Node('master-a').start()).rejects.toThrow('schema version 99, this program needs');
  });

  test('a clean stop releases at once: another master has the scheduler within a heartbeat', async () => {
    const [a, b] = [await new Node('master-a').start(), await new Node('master-b').start()];
    expect([a.active, b.active]).toEqual([true, false]);
    await a.stop();
    await cluster.pass(10);
    expect([a.active, b.active]).toEqual([false, true]);
  });

  test('stopping twice is stopping once', async () => {
    const a = await new Node('master-a').start();
    await Promise.all([a.stop(), a.stop()]);
    await a.stop();
    expect(a.member.exits).toEqual([]);
    expect(a.member.runtime.complaints).toEqual([]);
  });
});

describe('taking over', () => {
  test('a master that cannot renew stops believing before another takes over, and within the bound it does', async () => {
    const [a, b] = [await new Node('master-a').start(), await new Node('master-b').start()];
    a.member.driver.cut();
    let seconds = 0;
    let bothInactive = 0;
    for (; !b.active && seconds < 200; seconds++) {
      expect(a.active && b.active).toBe(false);
      if (!a.active) bothInactive += 1;
      await cluster.pass(1);
    }
    expect(a.active).toBe(false);
    expect(bothInactive).toBeGreaterThan(3);
    expect(seconds).toBeLessThanOrEqual(80);
    expect(await masters()).toEqual(['master-a inactive', 'master-b active']);
  });

  test('changes that came while nobody was active are built by the new owner, once', async () => {
    const [a, b] = [await new Node('master-a').start(), await new Node('master-b').start()];
    a.member.driver.cut();
    await cluster.pass(30);
    await cluster.change(b.member);
    await cluster.pass(60);
    expect(b.active).toBe(true);
    expect(await cluster.rows('SELECT id FROM buildsets')).toHaveLength(1);
  });

  test('a master that comes back takes nothing back, and joins with a new incarnation', async () => {
    const [a, b] = [await new Node('master-a').start(), await new Node('master-b').start()];
    a.member.driver.cut();
    await cluster.pass(90);
    a.member.driver.mend();
    await cluster.pass(300);
    expect([a.active, b.active]).toEqual([false, true]);
    expect(await cluster.rows('SELECT name, active, incarnation FROM masters ORDER BY id')).toEqual([
      { name: 'master-a', active: 1, incarnation: 2 },
      { name: 'master-b', active: 1, incarnation: 1 },
    ]);
    await b.stop();
    await cluster.pass(10);
    expect(a.active).toBe(true);
  });

  test('a master that was cut off alone goes on with what is its own when it comes back', async () => {
    const a = await new Node('master-a').start();
    a.member.driver.cut();
    await cluster.pass(300);
    expect(a.active).toBe(false);
    a.member.driver.mend();
    await cluster.pass(30);
    expect(a.active).toBe(true);
    await cluster.change(a.member);
    await cluster.pass(30);
    expect(await cluster.rows('SELECT id FROM buildsets')).toHaveLength(1);
  });

  test('a short interruption moves nothing', async () => {
    const [a, b] = [await new Node('master-a').start(), await new Node('master-b').start()];
    a.member.driver.cut();
    await cluster.pass(40);
    a.member.driver.mend();
    await cluster.pass(300);
    expect([a.active, b.active]).toEqual([true, false]);
    expect(await cluster.rows('SELECT epoch FROM schedulers')).toEqual([{ epoch: 1 }]);
  });

  test('a master that others marked inactive quiesces, joins anew and may have its schedulers again', async () => {
    const a = await new Node('master-a').start();
    await a.member.master.db.masters.setMasterState(1, false);
    await cluster.pass(15);
    expect(a.member.exits).toEqual([]);
    await cluster.pass(15);
    expect(a.active).toBe(true);
    expect(await cluster.rows('SELECT active, incarnation FROM masters')).toEqual([
      { active: 1, incarnation: 2 },
    ]);
  });

  test('a master that joins anew lists its builders again, later if that cannot be written at once', async () => {
    let failures = 0;
    const member = await cluster.start([new Node('master-a').scheduler], {}, (batch) => {
      if (failures === 0 || !batch.some(({ sql }) => sql.includes('INSERT INTO builder_masters'))) return;
      failures -= 1;
      throw new DatabaseError('constraint-violation', 'for once');
    });
    failures = 1;
    await member.master.data.masterStopped({ id: 1, name: 'master-a' });
    expect(await builderLists()).toEqual([]);
    await cluster.pass(20);
    expect([failures, await builderLists()]).toEqual([0, []]);
    await cluster.pass(30);
    expect(await builderLists()).toEqual(['linux on 1']);
    expect(member.runtime.complaints.some((line) => line.includes('the list of builders is put off'))).toBe(
      true,
    );
  });

  test('a second process of the same name makes the first one end, and waits for its lease', async () => {
    const first = await new Node('master-a').start();
    const second = await new Node('master-a').start();
    await cluster.pass(10);
    expect(first.member.exits[0]).toBe("a younger process named 'master-a' runs");
    expect(second.active).toBe(false);
    first.member.driver.cut(); // the process has ended
    await cluster.pass(60);
    expect(second.active).toBe(true);
    expect(first.active).toBe(false);
  });
});

describe('a database that does not answer', () => {
  test('at the start is tried again until it does', async () => {
    let isDown = true;
    const a = new Node('master-a');
    const open = cluster.memory.open.bind(cluster.memory);
    cluster.memory.open = async () => {
      if (isDown) throw new DatabaseError('connection-lost', 'not up yet');
      return open();
    };
    const started = a.start();
    await cluster.pass(100);
    isDown = false;
    await cluster.pass(5);
    await started;
    expect(a.active).toBe(true);
  });

  test('at the stop is given up: the process ends unreleased', async () => {
    const a = await new Node('master-a').start();
    a.member.driver.cut();
    const stopped = a.stop();
    await cluster.pass(30);
    expect(a.member.exits).toEqual(['stopping took too long']);
    await cluster.pass(120);
    await stopped;
    expect(await cluster.rows('SELECT is_free FROM schedulers')).toEqual([{ is_free: 0 }]);
  });
});

/** Which builders are configured on which master, by id. */
async function builderLists(): Promise<readonly string[]> {
  const rows = await cluster.rows(
    'SELECT b.name, o.masterid FROM builder_masters o JOIN builders b ON b.id = o.builderid ORDER BY b.id, o.masterid',
  );
  return rows.map(({ name, masterid }) => `${name} on ${masterid}`);
}

async function masters(): Promise<readonly string[]> {
  const rows = await cluster.rows('SELECT name, active FROM masters ORDER BY id');
  return rows.map(({ name, active }) => `${name} ${active === 1 ? 'active' : 'inactive'}`);
}
