// A lone task: the promises of periodic tasks for what nothing else may delay.

import { beforeEach, describe, expect, test } from 'vitest';
import { StandinError } from '../../src/core/errors.js';
import { LoneTask } from '../../src/periodic/lone-task.js';
import { sleep } from '../../src/runtime/clock.js';
import { TestRuntime } from '../support/test-runtime.js';

let runtime: TestRuntime;
let starts: number[];

beforeEach(() => {
  runtime = new TestRuntime();
  starts = [];
});

describe('a lone task', () => {
  test('runs at once and then from start to start, whatever a run takes', async () => {
    const lone = new LoneTask(runtime, { name: 'test', spacingMs: 100 }, async () => {
      starts.push(runtime.clock.monotonicMs());
      await sleep(runtime.clock, 30);
    });
    lone.start();
    lone.start();
    await runtime.clock.advance(250);
    expect(starts).toEqual([0, 100, 200]);
  });

  test('never overlaps itself: a run that is longer than the spacing is followed by the next, a millisecond later', async () => {
    const lone = new LoneTask(runtime, { name: 'test', spacingMs: 100 }, async () => {
      starts.push(runtime.clock.monotonicMs());
      await sleep(runtime.clock, 150);
    });
    lone.start();
    await runtime.clock.advance(400);
    expect(starts).toEqual([0, 151, 302]);
  });

  test('outlives its errors: they are logged, and the next run comes after the pause for errors', async () => {
    const lone = new LoneTask(runtime, { name: 'test', spacingMs: 100, retryMs: 10 }, async () => {
      starts.push(runtime.clock.monotonicMs());
      if (starts.length === 1) throw new StandinError('my-own', 'no');
    });
    lone.start();
    await runtime.clock.advance(105);
    expect(starts).toEqual([0, 10, 100]);
    expect(runtime.complaints).toEqual(['error: test failed: my-own: no']);
  });

  test('runs at once when it is woken, and right again when it is woken while it runs', async () => {
    const lone = new LoneTask(runtime, { name: 'test', spacingMs: 100 }, async () => {
      starts.push(runtime.clock.monotonicMs());
      await sleep(runtime.clock, 10);
    });
    lone.start();
    await runtime.clock.advance(50);
    lone.wake();
    await runtime.clock.advance(5);
    lone.wake();
    lone.wake();
    await runtime.clock.advance(100);
    expect(starts).toEqual([0, 50, 60, 100]);
  });

  test('that is late does not shift what comes after, and says by how much it was', async () => {
    const lone = new LoneTask(runtime, { name: 'test', spacingMs: 10_000 }, async () => {
      starts.push(runtime.clock.monotonicMs());
    });
    lone.start();
    await runtime.clock.advance(5_000);
    runtime.clock.pause(28_500);
    runtime.clock.stepWall(-3_600_000);
    await runtime.clock.advance(30_000);
    expect(starts).toEqual([0, 33_500, 40_000, 50_000, 60_000]);
    expect(runtime.complaints).toEqual(['warning: test is late by 23.500 s']);
    expect(
      runtime.probes.filter(({ event }) => event === 'task-started').map(({ detail }) => detail['lateMs']),
    ).toEqual([0, 23_500, 0, 0, 0]);
  });

  test('stops when its run has ended, and leaves no timer behind', async () => {
    const lone = new LoneTask(runtime, { name: 'test', spacingMs: 100 }, async () => {
      starts.push(runtime.clock.monotonicMs());
      await sleep(runtime.clock, 30);
    });
    lone.start();
    await runtime.clock.advance(10);
    let isStopped = false;
    const stopped = lone.stop().then(() => (isStopped = true));
    await runtime.clock.advance(10);
    expect(isStopped).toBe(false);
    await runtime.clock.advance(10);
    await stopped;
    await runtime.clock.advance(500);
    expect([starts, runtime.clock.pending]).toEqual([[0], 0]);
  });

  test('that was never started stops at once, and never runs', async () => {
    const lone = new LoneTask(runtime, { name: 'test', spacingMs: 100 }, async () => void starts.push(0));
    await lone.stop();
    lone.start();
    await runtime.clock.advance(500);
    expect(starts).toEqual([]);
  });
});
