// The clocks of a machine: offset, steps, drift, and when timers fire under each.

import { describe, expect, test } from 'vitest';
import { WORLD_EPOCH_MS, type Process } from '../../sim/kernel/kernel.js';
import { MachineClock } from '../../sim/kernel/machine-clock.js';
import { makeKernel, SECOND_US } from './run-world.js';

describe('a clock', () => {
  test('starts at 2026-01-05T00:00:00Z, apart from its offset', () => {
    expect(new Date(WORLD_EPOCH_MS).toISOString()).toBe('2026-01-05T00:00:00.000Z');
    const clock = new MachineClock(-3_600_000, 0, 60_000_000);
    expect(new Date(clock.wallMs(0)).toISOString()).toBe('2026-01-04T23:00:00.000Z');
    expect(clock.monotonicMs(0)).toBe(60_000);
    expect(clock.wallMs(1_999) - clock.wallMs(0)).toBe(1);
  });

  test('gains or loses by its drift, in integers, and never runs backwards', () => {
    for (const ppm of [-100_000, -9_999, -1, 1, 250, 100_000]) {
      const clock = new MachineClock(0, ppm, 0);
      expect(clock.localUs(10 ** 13)).toBe(10 ** 13 + 10 ** 7 * ppm);
      let last = 0;
      for (let us = 1; us < 3_000; us++) {
        const local = clock.localUs(us * 997);
        expect(Number.isSafeInteger(local) && local > last).toBe(true);
        last = local;
      }
    }
  });

  test('finds the first microsecond at which it shows a millisecond, at any rate', () => {
    for (const ppm of [-100_000, -777, 0, 1, 10_000, 99_999]) {
      const clock = new MachineClock(5, 0, 60_000_000);
      clock.setDrift(123_457, ppm);
      for (const target of [60_300, 61_000, 3_600_001, 10 ** 9 + 7]) {
        const at = clock.trueUsOf(target, 200_000);
        expect([clock.monotonicMs(at) >= target, clock.monotonicMs(at - 1) < target]).toEqual([true, true]);
      }
      expect(clock.trueUsOf(10, 200_000)).toBe(200_000);
    }
  });

  test('refuses fractions and a drift beyond 10 %', () => {
    expect(() => new MachineClock(0.5, 0, 0)).toThrow(/offset/);
    expect(() => new MachineClock(0, 100_001, 0)).toThrow(/drift/);
    expect(() => new MachineClock(0, 0, 0).step(0.1)).toThrow(/step/);
  });
});

describe('the clocks of a process', () => {
  async function observe(
    act: (process: Process, note: (what: string) => void) => void,
    steps: [number, string, number][],
  ) {
    const kernel = makeKernel();
    const node = kernel.addNode('a', { offsetMs: 0, driftPpm: 0 });
    const seen: string[] = [];
    kernel.start(node, (process) => act(process, (what) => void seen.push(`${kernel.nowUs} ${what}`)));
    for (const [atUs, what, value] of steps) {
      kernel.at(atUs, () => (what === 'step' ? kernel.stepClock(node, value) : kernel.setDrift(node, value)));
    }
    await kernel.run(100 * SECOND_US);
    return seen;
  }

  test('a step moves the wall clock only: timers and the monotonic clock do not notice', async () => {
    const seen = await observe(
      (process, note) => {
        const wall = process.wallMs();
        const monotonic = process.monotonicMs();
        process.setTimer(
          () => note(`${process.wallMs() - wall} ${process.monotonicMs() - monotonic}`),
          10_000,
        );
      },
      [[SECOND_US, 'step', -7_200_000]],
    );
    expect(seen).toEqual(['10000000 -7190000 10000']);
  });

  test('a change of rate moves timers that are already set', async () => {
    const seen = await observe(
      (process, note) => {
        process.setTimer(() => note('fast'), 10_000);
        process.setTimer(() => note('then slow'), 20_000);
      },
      [
        [0, 'drift', 100_000],
        [10 * SECOND_US, 'drift', -100_000],
      ],
    );
    expect(seen).toEqual(['9090910 fast', '20000000 then slow']);
  });

  test('the machine keeps time while its process is down or paused, and steps survive a restart', async () => {
    const kernel = makeKernel();
    const node = kernel.addNode('a', { offsetMs: 500, driftPpm: 0 });
    const seen: number[][] = [];
    const main = (process: Process): void =>
      void seen.push([process.wallMs() - WORLD_EPOCH_MS, process.monotonicMs()]);
    kernel.start(node, main);
    kernel.at(SECOND_US, () => kernel.stepClock(node, 60_000));
    kernel.at(2 * SECOND_US, () => kernel.crash(node, 'test'));
    kernel.at(9 * SECOND_US, () => void kernel.start(node, main));
    await kernel.run(20 * SECOND_US);
    expect(seen).toEqual([
      [500, 60_000],
      [69_500, 69_000],
    ]);
  });

  test('delays are cut to whole milliseconds, at least 1 and at most 2^31 - 1', async () => {
    const seen = await observe((process, note) => {
      for (const delay of [-5, 0, 0.9, 1.9, NaN, 2]) process.setTimer(() => note(String(delay)), delay);
      process.setTimer(() => note('never'), 2 ** 40);
    }, []);
    expect(seen).toEqual(['1000 -5', '1000 0', '1000 0.9', '1000 1.9', '1000 NaN', '2000 2']);
  });
});
