// What a process throws and does not catch ends that process, is recorded, and hurts nobody else.

import { describe, expect, test } from 'vitest';
import { StandinError } from '../../src/core/errors.js';
import type { UncaughtEvent } from '../../sim/kernel/kernel.js';
import { makeKernel, SECOND_US } from './run-world.js';

const boom = (): never => {
  throw new RangeError('engine wording');
};

const WAYS: Record<string, () => void> = {
  'in the event': () => boom(),
  'in a nextTick callback': () => process.nextTick(boom),
  'in a microtask': () => queueMicrotask(boom),
  'in a nextTick callback of a microtask': () => queueMicrotask(() => process.nextTick(boom)),
  'in a promise that nobody handles': () => void Promise.resolve().then(boom),
  'in an async function': () => void (async () => boom())(),
  'in a timer': () => void setTimeout(boom, 1),
  'in an interval': () => void setInterval(boom, 1),
  'in an immediate': () => void setImmediate(boom),
  'in a listener of an AbortSignal': () => {
    const controller = new AbortController();
    controller.signal.addEventListener('abort', boom);
    controller.abort();
  },
};

describe.each(['tick', 'immediate'] as const)('a throw with drain %s', (drain) => {
  test.each(Object.entries(WAYS))('%s ends the process', async (_, act) => {
    const kernel = makeKernel({ drain });
    const uncaught: UncaughtEvent[] = [];
    kernel.onUncaught((event) => uncaught.push(event));
    const node = kernel.addNode('a', { offsetMs: 0, driftPpm: 0 });
    const bystander = kernel.addNode('b', { offsetMs: 0, driftPpm: 0 });
    const seen: string[] = [];
    kernel.start(node, (process) => {
      process.setTimer(() => seen.push('timer of the dead'), 100);
      act();
    });
    kernel.start(bystander, (process) => process.setTimer(() => seen.push('bystander'), 100));
    expect(await kernel.run(SECOND_US)).toBe('horizon');
    expect(seen).toEqual(['bystander']);
    expect([node.state, bystander.state]).toEqual(['down', 'up']);
    expect(uncaught).toMatchObject([{ node: 'a', incarnation: 1, error: { message: 'engine wording' } }]);
    const trace = kernel.trace.tail(99).filter((event) => event.node === 'a');
    expect(trace.map(({ kind, detail }) => [kind, detail])).toEqual([
      ['start', ''],
      ['uncaught', 'RangeError'],
      ['exit', 'uncaught: RangeError'],
    ]);
  });
});

describe('an uncaught error', () => {
  test('is described with code and message when it is one of ours', async () => {
    const kernel = makeKernel();
    kernel.start(kernel.addNode('a', { offsetMs: 0, driftPpm: 0 }), () => {
      throw new StandinError('some-code', 'what was wrong');
    });
    await kernel.run(1);
    expect(kernel.trace.tail(1)[0]?.detail).toBe('uncaught: some-code: what was wrong');
  });

  test('is recorded once: what a process throws after its death concerns nobody', async () => {
    const kernel = makeKernel();
    const uncaught: UncaughtEvent[] = [];
    kernel.onUncaught((event) => uncaught.push(event));
    kernel.start(kernel.addNode('a', { offsetMs: 0, driftPpm: 0 }), () => {
      void Promise.reject(new Error('later'));
      process.nextTick(boom);
      boom();
    });
    await kernel.run(1);
    expect(uncaught).toHaveLength(1);
  });

  test("leaves the host's listeners for unhandled rejections as they were", async () => {
    const before = process.rawListeners('unhandledRejection');
    const kernel = makeKernel();
    kernel.start(
      kernel.addNode('a', { offsetMs: 0, driftPpm: 0 }),
      () => void Promise.reject(new Error('x')),
    );
    await kernel.run(1);
    expect(process.rawListeners('unhandledRejection')).toEqual(before);
  });

  test('of a promise that is handled later in the same event is none', async () => {
    const kernel = makeKernel();
    const node = kernel.addNode('a', { offsetMs: 0, driftPpm: 0 });
    kernel.start(node, () => {
      const rejected = Promise.reject(new Error('x'));
      queueMicrotask(() => process.nextTick(() => void rejected.catch(() => undefined)));
    });
    await kernel.run(1);
    expect(node.state).toBe('up');
  });
});
