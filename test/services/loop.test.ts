// Loops and subscriptions: what runs again and again, and what stays subscribed.

import { beforeEach, describe, expect, test } from 'vitest';
import { StandinError } from '../../src/core/errors.js';
import { QueueTimeoutError, type MessageQueue } from '../../src/mq/message-queue.js';
import { SimpleMQ } from '../../src/mq/simple-queue.js';
import { sleep } from '../../src/runtime/clock.js';
import { Loop } from '../../src/services/loop.js';
import { Poll } from '../../src/services/poll.js';
import { Subscription } from '../../src/services/subscription.js';
import { TestRuntime } from '../support/test-runtime.js';

let runtime: TestRuntime;
let starts: number[];

beforeEach(() => {
  runtime = new TestRuntime();
  starts = [];
});

describe('a loop', () => {
  test('runs when it starts and when it is woken, and right again when it is woken while it runs', async () => {
    const loop = new Loop(runtime, { name: 'test' }, async () => {
      starts.push(runtime.clock.monotonicMs());
      await sleep(runtime.clock, 10);
    });
    loop.start();
    loop.start();
    await runtime.clock.advance(50);
    loop.wake();
    await runtime.clock.advance(5);
    loop.wake();
    loop.wake();
    await runtime.clock.advance(100);
    expect(starts).toEqual([0, 50, 60]);
    expect(runtime.probes).toEqual([]);
  });

  test('outlives its errors: they are logged, and the next run comes after the pause for errors', async () => {
    const loop = new Loop(runtime, { name: 'test', retryMs: 10 }, async () => {
      starts.push(runtime.clock.monotonicMs());
      if (starts.length === 1) throw new StandinError('my-own', 'no');
    });
    loop.start();
    await runtime.clock.advance(100);
    loop.wake();
    await runtime.clock.advance(100);
    expect(starts).toEqual([0, 10, 100]);
    expect(runtime.complaints).toEqual(['warning: test: my-own: no']);
  });

  test('stops when its run has ended, and leaves no timer behind', async () => {
    const loop = new Loop(runtime, { name: 'test', retryMs: 100 }, async () => {
      starts.push(runtime.clock.monotonicMs());
      await sleep(runtime.clock, 30);
    });
    loop.start();
    await runtime.clock.advance(10);
    let isStopped = false;
    const stopped = loop.stop().then(() => (isStopped = true));
    await runtime.clock.advance(10);
    expect(isStopped).toBe(false);
    await runtime.clock.advance(10);
    await stopped;
    loop.wake();
    await runtime.clock.advance(500);
    expect([starts, runtime.clock.pending]).toEqual([[0], 0]);
  });

  test('that was never started stops at once, and never runs', async () => {
    const loop = new Loop(runtime, { name: 'test' }, async () => void starts.push(0));
    await loop.stop();
    loop.start();
    await runtime.clock.advance(500);
    expect(starts).toEqual([]);
  });
});

test('a poll calls all who look, also after one of them threw, until they want no more', () => {
  const poll = new Poll(runtime.logger);
  poll.add(() => {
    throw new StandinError('my-own', 'no');
  });
  const end = poll.add(() => void starts.push(1));
  poll.tell();
  poll.tell();
  end();
  poll.tell();
  expect(starts).toEqual([1, 1]);
  expect(runtime.complaints[0]).toBe('error: a look at the claim poll failed: my-own: no');
});

describe('a subscription', () => {
  test('calls its listener once it is in force, and for each message that matches', async () => {
    const mq = new SimpleMQ(runtime);
    const subscription = new Subscription(runtime, mq, ['a', null], () => void starts.push(1));
    subscription.start();
    await runtime.clock.advance(0);
    expect(starts).toHaveLength(1);
    mq.produce(['a', 'b'], {});
    mq.produce(['b', 'b'], {});
    await runtime.clock.advance(0);
    expect(starts).toHaveLength(2);
  });

  test('calls its listener no more once it is stopped', async () => {
    const mq = new SimpleMQ(runtime);
    const subscription = new Subscription(runtime, mq, ['a'], () => void starts.push(1));
    subscription.start();
    await runtime.clock.advance(0);
    mq.produce(['a'], {});
    await subscription.stop();
    mq.produce(['a'], {});
    await runtime.clock.advance(0);
    expect(starts).toHaveLength(1);
  });

  test('is tried for again until the queue can be reached', async () => {
    const simple = new SimpleMQ(runtime);
    let attempts = 0;
    const late: Pick<MessageQueue, 'startConsuming' | 'onReconnected'> = {
      onReconnected: () => () => undefined,
      startConsuming: (callback, filter) => {
        attempts += 1;
        if (attempts < 3) return Promise.reject(new QueueTimeoutError('not yet'));
        return simple.startConsuming(callback, filter);
      },
    };
    const subscription = new Subscription(runtime, late as MessageQueue, ['a'], () => void starts.push(1));
    subscription.start();
    await runtime.clock.advance(9_999);
    expect([attempts, starts.length]).toEqual([2, 0]);
    await runtime.clock.advance(1);
    expect([attempts, starts.length]).toEqual([3, 1]);
    await subscription.stop();
  });

  test('that is stopped before it could be made undoes itself', async () => {
    const mq = new SimpleMQ(runtime);
    const subscription = new Subscription(runtime, mq, ['a'], () => void starts.push(1));
    subscription.start();
    await subscription.stop();
    mq.produce(['a'], {});
    await runtime.clock.advance(10_000);
    expect(starts).toEqual([]);
  });
});
