// The live cluster over a real queue: it subscribes before it reads, reads again when something is missing, and is right
// in the end whatever the router does.

import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../src/core/json.js';
import type { ClusterSnapshot } from '../../src/db/snapshot.js';
import { deferred } from '../../src/mq/deferred.js';
import { SimpleMQ } from '../../src/mq/simple-queue.js';
import { LiveCluster, type LiveClusterOptions } from '../../src/services/live-cluster.js';
import { QueueWorld } from '../mq/queue-world.js';
import { TestRuntime } from '../support/test-runtime.js';

const EMPTY: ClusterSnapshot = { masters: [], schedulers: [], buildsets: [], buildrequests: [] };
const KEY = ['schedulers', '1', 'updated'];

/** Scheduler 1 in this revision; its owner is told by it. */
function revision(n: number): JsonObject {
  return { schedulerid: 1, name: 'fast', enabled: true, masterid: n, revision: n };
}

interface Followed {
  readonly runtime: TestRuntime;
  readonly mq: SimpleMQ;
  readonly live: LiveCluster;
  readonly heard: string[];
  /** Lets everything happen that is due. */
  settle(): Promise<void>;
}

async function following(options: Partial<LiveClusterOptions>): Promise<Followed> {
  const runtime = new TestRuntime();
  const mq = new SimpleMQ(runtime);
  const heard: string[] = [];
  const onState = (word: string, state: JsonObject): void =>
    void heard.push(`${word} ${Number(state['revision'])}`);
  const live = new LiveCluster(runtime, mq, { load: null, pollMs: 30_000, keep: 10, onState, ...options });
  live.start();
  await runtime.clock.advance(0);
  return { runtime, mq, live, heard, settle: () => runtime.clock.advance(0) };
}

describe('LiveCluster', () => {
  test('keeps what messages say, and tells each new state once', async () => {
    const { mq, live, heard, settle } = await following({});
    for (const n of [1, 2, 2, 1, 4, 3]) mq.produce(KEY, revision(n));
    mq.produce(['masters', '7', 'started'], { masterid: 7, name: 'm', active: true, incarnation: 1 });
    mq.produce(['elsewhere', '7', 'started'], {});
    await settle();
    expect(live.schedulers.all).toEqual([revision(4)]);
    expect(live.masters.all).toHaveLength(1);
    expect(heard).toEqual(['schedulers 1', 'schedulers 2', 'schedulers 4', 'masters NaN']);
    expect(live.statistics).toEqual({ loads: 0, gaps: 1, stale: 3 });
    await live.stop();
    mq.produce(KEY, revision(5));
    await settle();
    expect(live.schedulers.all).toEqual([revision(4)]);
  });

  test('subscribes before it reads: what happens during the first read is not missed, and wins', async () => {
    const reading = deferred<ClusterSnapshot>();
    const { mq, live, heard, settle } = await following({ load: () => reading.promise });
    mq.produce(KEY, revision(3));
    await settle();
    reading.resolve({ ...EMPTY, schedulers: [revision(2), { ...revision(8), schedulerid: 2 }] });
    await settle();
    expect(live.schedulers.get(1)).toEqual(revision(3));
    expect(heard).toEqual(['schedulers 3', 'schedulers 8']);
    await live.stop();
  });

  test('reads again at a gap, and once a poll', async () => {
    let rows = EMPTY;
    let loads = 0;
    const load = (): Promise<ClusterSnapshot> => {
      loads++;
      return Promise.resolve(rows);
    };
    const { runtime, mq, live, settle } = await following({ load });
    const before = loads;
    mq.produce(KEY, revision(1));
    await settle();
    expect(loads).toBe(before);
    rows = { ...EMPTY, schedulers: [revision(4)] };
    mq.produce(KEY, revision(3));
    await settle();
    expect([loads, live.schedulers.get(1)]).toEqual([before + 1, revision(4)]);
    rows = { ...EMPTY, schedulers: [revision(5)] };
    await runtime.clock.advance(30_000);
    expect([loads, live.schedulers.get(1)]).toEqual([before + 2, revision(5)]);
    await live.stop();
  });

  test('goes on after a read that failed', async () => {
    let loads = 0;
    const load = (): Promise<ClusterSnapshot> => {
      loads++;
      return loads === 1
        ? Promise.reject(new Error('away'))
        : Promise.resolve({ ...EMPTY, schedulers: [revision(2)] });
    };
    const { runtime, live } = await following({ load });
    await runtime.clock.advance(10_000);
    expect(live.schedulers.get(1)).toEqual(revision(2));
    await live.stop();
  });

  test('reads again when the router is back, and ends in the state of the database', async () => {
    const world = new QueueWorld();
    world.router.start();
    world.router.setDrop(300_000);
    world.router.setDelay(300_000, 3_000);
    world.router.setDuplicate(300_000);
    world.restartRouterAtMs(20_000, 25_000);
    let last = 0;
    world.master('producer', async (host) => {
      const queue = host.wamp();
      await queue.start();
      while (last < 100) {
        queue.produce(KEY, revision(++last));
        await host.waitMs(400);
      }
    });
    let state: unknown = null;
    let loads = 0;
    world.master('follower', async (host) => {
      const queue = host.wamp();
      await queue.start();
      const load = (): Promise<ClusterSnapshot> => {
        loads++;
        return Promise.resolve({ ...EMPTY, schedulers: [revision(last)] });
      };
      const live = new LiveCluster(host.runtime, queue, {
        load,
        pollMs: 30_000,
        keep: 10,
        onState: () => undefined,
      });
      live.start();
      await host.waitMs(100_000);
      state = live.schedulers.get(1);
      expect(live.statistics.gaps).toBeGreaterThan(5);
      await live.stop();
    });
    await world.run(110_000);
    expect(state).toEqual(revision(100));
    expect(loads).toBeGreaterThan(5);
  });
});
