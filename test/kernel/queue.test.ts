// The order of events, cancelling them, and the ends of a run.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { makeKernel } from './run-world.js';

describe('the event queue', () => {
  test('runs events by instant, then tie, then in the order of scheduling, without those cancelled', async () => {
    const planned = fc.record({ atUs: fc.nat(20), tie: fc.nat(2), isCancelled: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(planned, { maxLength: 60 }), async (plan) => {
        const kernel = makeKernel();
        const seen: number[] = [];
        const handles = plan.map(({ atUs, tie }, i) => kernel.at(atUs, () => seen.push(i), tie));
        plan.forEach(({ isCancelled }, i) => isCancelled && handles[i]?.cancel());
        await kernel.run(1_000);
        const expected = plan
          .map((event, index) => ({ ...event, index }))
          .filter(({ isCancelled }) => !isCancelled)
          .sort((a, b) => a.atUs - b.atUs || a.tie - b.tie || a.index - b.index);
        expect(seen).toEqual(expected.map(({ index }) => index));
      }),
      { seed: 1, numRuns: 200 },
    );
  });

  test('cancelling an event from another event at the same instant takes effect', async () => {
    const kernel = makeKernel();
    const seen: string[] = [];
    kernel.at(5, () => {
      later.cancel();
      later.cancel();
    });
    const later = kernel.at(5, () => seen.push('cancelled'));
    kernel.at(5, () => seen.push('kept'));
    await kernel.run(5);
    expect(seen).toEqual(['kept']);
  });

  test('refuses an event in the past and one between two microseconds', async () => {
    const kernel = makeKernel();
    await kernel.run(100);
    expect(() => kernel.at(99, () => undefined)).toThrow(/an event at 99 µs/);
    expect(() => kernel.at(100.5, () => undefined)).toThrow(/integer/);
  });
});

describe('a run', () => {
  test('ends at the horizon with the events at it done, and goes on from there', async () => {
    const kernel = makeKernel();
    const seen: number[] = [];
    for (const atUs of [10, 20, 21]) kernel.at(atUs, () => seen.push(kernel.nowUs));
    expect(await kernel.run(20)).toBe('horizon');
    expect([seen, kernel.nowUs]).toEqual([[10, 20], 20]);
    expect(await kernel.run(30)).toBe('horizon');
    expect([seen, kernel.nowUs, kernel.eventCount]).toEqual([[10, 20, 21], 30, 3]);
  });

  test('ends at the event limit, and after the event that stops it', async () => {
    const endless = (kernel: ReturnType<typeof makeKernel>): void => {
      const again = (): void => void kernel.at(kernel.nowUs, again);
      again();
    };
    const limited = makeKernel({ maxEvents: 500 });
    endless(limited);
    expect(await limited.run(10)).toBe('event-limit');
    expect(limited.eventCount).toBe(500);
    const stopped = makeKernel();
    endless(stopped);
    stopped.at(0, () => stopped.stop());
    expect(await stopped.run(10)).toBe('stopped');
    expect(stopped.eventCount).toBe(2);
  });

  test('reports progress as host code', async () => {
    const reports: number[] = [];
    const onProgress = (events: number): void => void (Date.now() > 0 && reports.push(events));
    const kernel = makeKernel({ onProgress });
    for (let i = 0; i < 3_000; i++) kernel.at(i, () => undefined);
    await kernel.run(5_000);
    expect(reports).toEqual([1_024, 2_048]);
  });

  test.each(['tick', 'immediate'] as const)(
    'rejects with what the world throws, and can go on (%s)',
    async (drain) => {
      const kernel = makeKernel({ drain });
      const seen: string[] = [];
      kernel.at(1, () => {
        throw new Error('broken world');
      });
      kernel.at(2, () => void Promise.reject(new Error('broken promise')));
      kernel.at(3, () => seen.push('after'));
      await expect(kernel.run(10)).rejects.toThrow('broken world');
      await expect(kernel.run(10)).rejects.toThrow('broken promise');
      await kernel.run(10);
      expect(seen).toEqual(['after']);
    },
  );

  test.each(['tick', 'immediate'] as const)('waits for other runs in the thread (%s)', async (drain) => {
    const order: string[] = [];
    const one = (name: string): Promise<string> => {
      const kernel = makeKernel({ drain });
      for (let i = 0; i < 600; i++) kernel.at(i, () => void Promise.resolve().then(() => order.push(name)));
      return kernel.run(1_000);
    };
    await Promise.all([one('first'), one('second'), one('third')]);
    const changes = order.filter((name, i) => name !== order[i - 1]);
    expect(changes).toEqual(['first', 'second', 'third']);
  });

  test('refuses to be started twice at a time', async () => {
    const kernel = makeKernel();
    const run = kernel.run(10);
    expect(() => kernel.run(10)).toThrow(/once at a time/);
    await run;
  });
});
