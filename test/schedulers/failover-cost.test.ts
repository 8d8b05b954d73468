// What a fail-over costs: the round trips until a scheduler is active do not depend on how much waits for it; what waits is
// read afterwards, 500 changes at a time.

import { expect, test } from 'vitest';
import type { Statement } from '../../src/db/driver.js';
import { SingleBranchScheduler } from '../../src/schedulers/single-branch.js';
import { TestCluster } from '../support/cluster.js';

/** Says when its activation is over. */
class Announced extends SingleBranchScheduler {
  isActivated = false;

  override async activate(): Promise<void> {
    await super.activate();
    this.isActivated = true;
  }
}

const make = (): Announced => new Announced('s', ['linux'], { branch: 'master', treeStableTimer: 3600 });

async function clusterWith(pending: number): Promise<TestCluster> {
  const cluster = await TestCluster.create();
  const member = await cluster.start([make()]);
  await cluster.change(member);
  await member.master.stop();
  await classifyCopies(cluster, pending);
  return cluster;
}

/** Changes 2 to `pending` are copies of change 1, and wait as it does. */
async function classifyCopies(cluster: TestCluster, pending: number): Promise<void> {
  const columns = `author, comments, branch, when_timestamp, files, properties, sourcestampid`;
  const statements: Statement[] = [];
  for (let id = 2; id <= pending; id++) {
    const copy = `INSERT INTO changes (changeid, change_key, ${columns}) SELECT ?, ?, ${columns} FROM changes WHERE changeid = 1`;
    statements.push({ sql: copy, values: [id, `copy-${id}`] });
    statements.push({ sql: 'INSERT INTO scheduler_changes VALUES (1, ?, 1)', values: [id] });
  }
  const session = await cluster.memory.open();
  await session.run([{ sql: 'BEGIN', values: [] }, ...statements, { sql: 'COMMIT', values: [] }]);
  session.close();
}

interface Cost {
  /** Round trips, of whatever kind, until the scheduler of the new owner was active. */
  readonly untilActive: number;
  /** Reads of what waits. */
  readonly readings: number;
  readonly built: number;
}

async function measure(pending: number): Promise<Cost> {
  const cluster = await clusterWith(pending);
  const scheduler = make();
  let untilActive = 0;
  let readings = 0;
  const member = await cluster.start([scheduler], { name: 'master-b' }, (batch) => {
    if (!scheduler.isActivated) untilActive += 1;
    if (batch.some(({ sql }) => sql.startsWith('SELECT s.important'))) readings += 1;
  });
  await cluster.pass(3600);
  const [row] = await cluster.rows('SELECT COUNT(*) AS built FROM buildset_changes');
  await member.master.stop();
  cluster.close();
  return { untilActive, readings, built: Number(row?.['built']) };
}

test(
  'ten thousand changes that wait hold a fail-over up no longer than ten',
  { timeout: 120_000 },
  async () => {
    const [few, many] = [await measure(10), await measure(10_000)];
    expect(many.untilActive).toBe(few.untilActive);
    expect(few.readings).toBe(1);
    expect(many.readings).toBeLessThanOrEqual(1 + Math.ceil(10_000 / 500));
    expect([few.built, many.built]).toEqual([10, 10_000]);
  },
);
