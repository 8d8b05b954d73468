// Both ways of draining give the same order, for everything that code can queue.

import { describe, expect, test } from 'vitest';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Kernel, Process } from '../../sim/kernel/kernel.js';
import { makeKernel, SECOND_US } from './run-world.js';

/** Mixes promises, ticks, microtasks, timers, immediates and signals, and traces the order in which they run. */
function workload(process_: Process, kernel: Kernel, round: number): void {
  const note = (what: string): void => {
    kernel.trace.add(
      kernel.nowUs,
      process_.node.name,
      'work',
      `${round} ${what} ${Math.floor(Math.random() * 1000)} ${Date.now()}`,
    );
  };
  const controller = new AbortController();
  controller.signal.addEventListener('abort', () => note('aborted'));
  void Promise.resolve().then(() => {
    note('promise');
    process.nextTick(() => note('tick in promise'));
    queueMicrotask(() => note('microtask in promise'));
  });
  process.nextTick(() => {
    note('tick');
    void Promise.resolve().then(() => note('promise in tick'));
    setImmediate(() => note('immediate in tick'));
  });
  queueMicrotask(() => note('microtask'));
  setImmediate(() => {
    note('immediate');
    controller.abort();
    process.nextTick(() => note('tick in immediate'));
    void Promise.resolve().then(() => note('promise in immediate'));
  });
  const interval = setInterval(() => note('beat'), 3);
  setTimeout(() => clearInterval(interval), 10);
  void (async () => {
    await sleep(5, undefined, { signal: AbortSignal.timeout(2) }).catch((error: Error) =>
      note(`sleep ${error.name}`),
    );
    await Promise.all([sleep(4), sleep(4)]);
    note('slept');
    if (round < 5) process_.setTimer(() => workload(process_, kernel, round + 1), 0);
  })();
}

async function runWorkload(drain: 'tick' | 'immediate'): Promise<Kernel> {
  const kernel = makeKernel({ drain });
  for (const [name, driftPpm] of Object.entries({ a: 0, b: 5_000, c: -5_000 })) {
    const node = kernel.addNode(name, { offsetMs: 1_000, driftPpm });
    kernel.start(node, (process_) => workload(process_, kernel, 0));
  }
  kernel.at(7_000, () => kernel.pause(kernel.node('b')));
  kernel.at(25_000, () => kernel.resume(kernel.node('b')));
  kernel.at(20_000, () => kernel.crash(kernel.node('c'), 'test'));
  await kernel.run(SECOND_US);
  return kernel;
}

describe('draining', () => {
  test('gives the same trace by ticks and by immediates', async () => {
    const byTick = await runWorkload('tick');
    const byImmediate = await runWorkload('immediate');
    expect(byTick.trace.count).toBeGreaterThan(150);
    expect(byImmediate.trace.tail(1e6)).toEqual(byTick.trace.tail(1e6));
    expect(byImmediate.trace.hash()).toBe(byTick.trace.hash());
    expect(byImmediate.eventCount).toBe(byTick.eventCount);
  });

  test('gives the same trace again, between other runs, and from within a microtask', async () => {
    const hashes = await Promise.all([runWorkload('tick'), runWorkload('immediate'), runWorkload('tick')]);
    await Promise.resolve();
    hashes.push(await runWorkload('tick'));
    expect(new Set(hashes.map((kernel) => kernel.trace.hash())).size).toBe(1);
  });

  test('is pinned: this hash is the same on every platform and version of Node', async () => {
    expect((await runWorkload('tick')).trace.hash()).toBe('47f464974759c811');
  });

  test.each(['tick', 'immediate'] as const)(
    'runs nextTicks before promises, both before the next event (%s)',
    async (drain) => {
      const kernel = makeKernel({ drain });
      const node = kernel.addNode('a', { offsetMs: 0, driftPpm: 0 });
      const seen: string[] = [];
      kernel.start(node, () => {
        void Promise.resolve().then(() => seen.push('promise'));
        process.nextTick(() => seen.push('tick'));
        kernel.at(0, () => seen.push('next event'));
      });
      await kernel.run(0);
      expect(seen).toEqual(['tick', 'promise', 'next event']);
    },
  );

  test('lets the host work between the batches of the immediate drain, with its own globals', async () => {
    const kernel = makeKernel({ drain: 'immediate' });
    const node = kernel.addNode('a', { offsetMs: 0, driftPpm: 0 });
    let isOver = false;
    kernel.start(node, (process_) => {
      const again = (left: number): void => {
        if (left > 0) process_.setTimer(() => again(left - 1), 1);
      };
      again(5_000);
    });
    const run = kernel.run(60 * SECOND_US).then(() => (isOver = true));
    let turns = 0;
    while (!isOver) {
      expect(Date.now()).toBeGreaterThan(Date.UTC(2000, 0));
      await new Promise((resolve) => setTimeout(resolve, 0));
      turns += 1;
    }
    await run;
    expect(turns).toBeGreaterThan(2);
    expect(kernel.ambientUses.size).toBe(0);
  });
});
