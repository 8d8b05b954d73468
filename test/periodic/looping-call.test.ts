// The rows of the reference's test_looping_call, and what keeps our loops from spinning, overlapping and dying.

import { describe, expect, test } from 'vitest';
import { BackOffLoopingCall } from '../../src/periodic/back-off-call.js';
import { DynamicLoopingCall } from '../../src/periodic/dynamic-call.js';
import {
  FixedIntervalLoopingCall,
  FixedIntervalWithTimeOutLoopingCall,
} from '../../src/periodic/fixed-interval-call.js';
import {
  LoopingCallDone,
  LoopingCallTimeOutError,
  type LoopingCall,
} from '../../src/periodic/looping-call.js';
import { retrying } from '../../src/periodic/retry.js';
import type { Runtime } from '../../src/runtime/runtime.js';
import { settled } from '../support/manual-clock.js';
import { SleepRecorder } from './sleeps.js';

class AnError extends Error {}
class AnotherError extends Error {}

/** Each kind, started so that it calls again after 500 ms at most. */
const KINDS: readonly (readonly [
  string,
  (runtime: Runtime, body: () => unknown, stopOnError?: boolean) => LoopingCall,
])[] = [
  [
    'fixed',
    (runtime, body, stopOnError = true) =>
      new FixedIntervalLoopingCall(runtime, 'loop', body).start({ intervalS: 0.5, stopOnError }),
  ],
  [
    'fixed with time-out',
    (runtime, body, stopOnError = true) =>
      new FixedIntervalWithTimeOutLoopingCall(runtime, 'loop', body).start({ intervalS: 0.5, stopOnError }),
  ],
  [
    'dynamic',
    (runtime, body, stopOnError = true) =>
      new DynamicLoopingCall(runtime, 'loop', body).start({ periodicIntervalMaxS: 0.5, stopOnError }),
  ],
];

describe.each(KINDS)('%s', (_, start) => {
  test.each([true, false])('return %s: the value of LoopingCallDone is that of wait', async (value) => {
    const done = (): never => {
      throw new LoopingCallDone(value);
    };
    expect(await start(new SleepRecorder(), done).wait()).toBe(value);
  });

  test('monotonic timer: a step of the wall clock moves no call', async () => {
    const runtime = new SleepRecorder();
    let calls = 0;
    const call = start(runtime, () => void (calls += 1));
    await settled();
    runtime.clock.stepWall(-3_600_000);
    await runtime.clock.advance(500);
    runtime.clock.stepWall(7_200_000);
    await runtime.clock.advance(499);
    expect(calls).toBe(2);
    call.stop();
    expect(await call.wait()).toBe(true);
  });

  test('terminate on exception: an error ends the loop, and is logged even when nobody waits', async () => {
    const runtime = new SleepRecorder();
    const call = start(runtime, () => Promise.reject(new AnError()));
    await settled();
    expect(runtime.complaints).toEqual(['error: loop failed: AnError']);
    await expect(call.wait()).rejects.toThrow(AnError);
  });

  test('do not stop on exception: it goes on, and never without a pause', async () => {
    const runtime = new SleepRecorder();
    let failures = 2;
    const body = (): never => {
      if (failures-- > 0) throw new AnError();
      throw new LoopingCallDone(false);
    };
    const call = start(runtime, body, false);
    await runtime.clock.advance(1_000);
    expect(await call.wait()).toBe(false);
    expect(runtime.sleepsS).toEqual([0.5, 0.5]);
  });

  test('no double stop: the second one is harmless, also after the end', async () => {
    const runtime = new SleepRecorder();
    const call = start(runtime, () => undefined);
    call.stop();
    call.stop();
    expect(await call.wait()).toBe(true);
    call.stop();
    expect(runtime.clock.pending).toBe(0);
  });

  test('repeat: three calls until it is done', async () => {
    const runtime = new SleepRecorder();
    let calls = 0;
    const call = start(runtime, () => {
      calls += 1;
      if (calls === 3) throw new LoopingCallDone(false);
    });
    await runtime.clock.advance(1_000);
    expect(await call.wait()).toBe(false);
    expect(calls).toBe(3);
  });

  test('a slow call does not overlap itself', async () => {
    const runtime = new SleepRecorder();
    let [calls, most, now] = [0, 0, 0];
    const call = start(runtime, async () => {
      calls += 1;
      now += 1;
      most = Math.max(most, now);
      await new Promise<void>((resolve) => runtime.clock.setTimer(resolve, 1_700));
      now -= 1;
    });
    await runtime.clock.advance(20_000);
    call.stop();
    expect(most).toBe(1);
    expect(calls).toBeGreaterThan(5);
  });
});

test('no double start, but a start after the end', async () => {
  const runtime = new SleepRecorder();
  const fixed = new FixedIntervalLoopingCall(runtime, 'loop', () => undefined);
  fixed.start({ intervalS: 1 });
  expect(() => fixed.start({ intervalS: 1 })).toThrow(/loop runs already/);
  fixed.stop();
  await fixed.wait();
  fixed.start({ intervalS: 1 }).stop();
});

test('a stop from within the first call is heard', async () => {
  const runtime = new SleepRecorder();
  let calls = 0;
  const call = new DynamicLoopingCall(runtime, 'loop', () => {
    calls += 1;
    call.stop();
    return 1;
  });
  expect(await call.start().wait()).toBe(true);
  expect(calls).toBe(1);
});

test('a wake during a call lets the next one follow at once, once', async () => {
  const runtime = new SleepRecorder();
  let calls = 0;
  const call = new DynamicLoopingCall(runtime, 'loop', () => {
    calls += 1;
    if (calls === 1) call.wake();
    return 10;
  }).start();
  await settled();
  expect([calls, runtime.sleepsS]).toEqual([2, [10]]);
  call.stop();
});

describe('fixed interval', () => {
  test('interval adjustment: what a call takes is taken off the pause', async () => {
    const runtime = new SleepRecorder();
    const takesMs = [990, 2_000, 1_010];
    const call = new FixedIntervalLoopingCall(runtime, 'loop', () => {
      const next = takesMs.shift();
      if (next === undefined) throw new LoopingCallDone();
      runtime.clock.pause(next);
    }).start({ intervalS: 1.01 });
    await runtime.clock.advance(10_000);
    await call.wait();
    expect(runtime.sleepsS).toEqual([0.02, 0, 0]);
  });

  test('a call that begins late is reported with by how much, and is not made up for', async () => {
    const runtime = new SleepRecorder();
    const startedMs: number[] = [];
    const call = new FixedIntervalLoopingCall(runtime, 'loop', () => {
      startedMs.push(runtime.clock.monotonicMs());
      if (startedMs.length === 1) runtime.clock.pause(13_500);
    }).start({ intervalS: 10 });
    await settled();
    await runtime.clock.advance(0);
    // The process is suspended.
    runtime.clock.pause(12_000);
    await runtime.clock.advance(10_000);
    call.stop();
    expect(startedMs).toEqual([0, 13_500, 25_500, 35_500]);
    expect(runtime.complaints).toEqual([
      'warning: loop is late by 3.500 s',
      'warning: loop is late by 2.000 s',
    ]);
    expect(runtime.probes.map(({ detail }) => detail)).toEqual([
      { loop: 'loop', lateMs: 3_500 },
      { loop: 'loop', lateMs: 2_000 },
    ]);
  });

  test('looping call timed out: interval .1, time-out .3', async () => {
    const runtime = new SleepRecorder();
    let calls = 0;
    const call = new FixedIntervalWithTimeOutLoopingCall(runtime, 'loop', () => void (calls += 1));
    call.start({ intervalS: 0.1, timeOutS: 0.3 });
    await runtime.clock.advance(1_000);
    await expect(call.wait()).rejects.toThrow(LoopingCallTimeOutError);
    await expect(call.wait()).rejects.toThrow('loop timed out after 0.40 s');
    expect(calls).toBe(5);
  });

  test('initial delay, and a wake that does not wait for it', async () => {
    const runtime = new SleepRecorder();
    let calls = 0;
    const call = new FixedIntervalLoopingCall(runtime, 'loop', () => void (calls += 1));
    call.start({ intervalS: 10, initialDelayS: 3 });
    await runtime.clock.advance(2_999);
    expect(calls).toBe(0);
    call.wake();
    await settled();
    expect(calls).toBe(1);
    call.stop();
    await call.wait();
  });

  test.each([0, -1, Number.NaN, '1' as never])('an interval of %s is refused', (intervalS) => {
    const call = new FixedIntervalLoopingCall(new SleepRecorder(), 'loop', () => undefined);
    expect(() => call.start({ intervalS })).toThrow(/loop: intervalS is .*, expected a number of seconds/);
  });
});

describe('dynamic', () => {
  test('a task without return and without a maximum ends the loop', async () => {
    const call = new DynamicLoopingCall(new SleepRecorder(), 'loop', () => undefined);
    await expect(call.start().wait()).rejects.toThrow(
      /loop returned undefined, expected a number of seconds/,
    );
  });

  test('a task without return pauses for the maximum', async () => {
    expect(await dynamicSleeps([undefined], { periodicIntervalMaxS: 5 })).toEqual([5]);
  });

  test('interval adjustment: at most the maximum', async () => {
    expect(await dynamicSleeps([11, 1], { periodicIntervalMaxS: 5 })).toEqual([5, 1]);
  });

  test('initial delay', async () => {
    expect(await dynamicSleeps([1], { initialDelayS: 3 })).toEqual([3, 1]);
  });

  test('nothing that it returns makes a hot loop', async () => {
    expect(await dynamicSleeps([0, -1, 0.0001], {})).toEqual([0.001, 0.001, 0.001]);
  });

  test('after an error it pauses for 60 s, or for what it was told', async () => {
    const options = { stopOnError: false };
    expect(await dynamicSleeps(['error', 1], options)).toEqual([60, 1]);
    expect(await dynamicSleeps(['error', 1], { ...options, retryS: 2 })).toEqual([2, 1]);
    expect(await dynamicSleeps(['error', 1], { ...options, retryS: 0 })).toEqual([0.001, 1]);
  });
});

describe('back-off', () => {
  const growing = [1.6, 2.4, 3.6, 5.4, 8.1, 12.15, 18.225, 27.3375, 41.00625, 61.509375, 92.2640625];

  test.each([0.8, -0.8])('exponential backoff with %d until the time is used up', async (factor) => {
    const { sleepsS, ended } = await backOff(() => false, factor);
    expect(sleepsS).toEqual(growing.map(upToMs));
    await expect(ended).rejects.toThrow(LoopingCallTimeOutError);
  });

  test('max interval', async () => {
    const { sleepsS, ended } = await backOff(() => false, 0.8, { maxIntervalS: 60 });
    expect(sleepsS).toEqual([...growing.slice(0, 9).map(upToMs), 60, 60, 60]);
    await expect(ended).rejects.toThrow(LoopingCallTimeOutError);
  });

  test('no backoff: successes', async () => {
    let calls = 0;
    const body = (): boolean => {
      calls += 1;
      if (calls === 4) throw new LoopingCallDone('return value');
      return true;
    };
    const { sleepsS, ended } = await backOff(body, 1);
    expect(sleepsS).toEqual([1, 1, 1]);
    expect(await ended).toBe('return value');
  });

  test('no sleep: done in the first call', async () => {
    const body = (): never => {
      throw new LoopingCallDone('return value');
    };
    const { sleepsS, ended } = await backOff(body, 1);
    expect(sleepsS).toEqual([]);
    expect(await ended).toBe('return value');
  });

  test('a success starts the pauses and the time anew', async () => {
    const results = [false, false, true, false];
    const body = (): boolean => {
      const result = results.shift();
      if (result === undefined) throw new LoopingCallDone();
      return result;
    };
    const { sleepsS } = await backOff(body, 1, { timeOutS: 6 });
    expect(sleepsS).toEqual([2, 3, 1, 2]);
  });

  test('without a seed the factor is the mean', async () => {
    const runtime = new SleepRecorder();
    const call = new BackOffLoopingCall(runtime, 'loop', () => true).start();
    await settled();
    expect(runtime.sleepsS).toEqual([0.75]);
    call.stop();
  });

  test('the factor spreads around the mean', async () => {
    let state = 1;
    const integer = (bound: number): number => {
      state = (state * 48_271) % 2_147_483_647;
      return state % bound;
    };
    const runtime = new SleepRecorder();
    const { clock, logger, probe } = runtime;
    const call = new BackOffLoopingCall(
      { clock, logger, probe, random: { integer } },
      'loop',
      () => true,
    ).start({ startingIntervalS: 1_000 });
    await runtime.clock.advance(1_000 * 1_000_000);
    call.stop();
    const factors = runtime.sleepsS.map((s) => s / 1_000);
    const mean = factors.reduce((a, b) => a + b, 0) / factors.length;
    const variance = factors.reduce((sum, f) => sum + (f - mean) ** 2, 0) / factors.length;
    expect(factors.length).toBeGreaterThan(1_000);
    expect(mean).toBeCloseTo(0.75, 1);
    expect(Math.sqrt(variance)).toBeCloseTo(0.1, 1);
    expect(Math.max(...factors)).toBeGreaterThan(0.95);
  });
});

describe('retry', () => {
  const isExpected = (error: unknown): boolean => error instanceof AnError;

  test('retry: no error, no retry', async () => {
    const { sleepsS, result, calls } = await retry(['RESULT'], {});
    expect(await result).toBe('RESULT');
    expect([sleepsS, calls]).toEqual([[], 1]);
  });

  test('expected exceptions: two retries, with pauses that grow', async () => {
    const options = { maxRetryCount: 10, incSleepS: 0.01, maxSleepS: 10, isExpected };
    const { sleepsS, result } = await retry([new AnError(), new AnError(), 'RESULT'], options);
    expect(await result).toBe('RESULT');
    expect(sleepsS).toEqual([0.01, 0.02]);
  });

  test('max retries: the last error is thrown', async () => {
    const options = { maxRetryCount: 2, incSleepS: 0, maxSleepS: 0, isExpected };
    const { result, calls } = await retry([new AnError(), new AnError(), new AnError()], options);
    await expect(result).rejects.toThrow(AnError);
    expect(calls).toBe(3);
  });

  test('an unexpected exception is thrown at once', async () => {
    const { result, calls } = await retry([new AnotherError()], { isExpected });
    await expect(result).rejects.toThrow(AnotherError);
    expect(calls).toBe(1);
  });

  test('pauses grow to the longest one', async () => {
    const errors = Array.from({ length: 8 }, () => new AnError());
    const { sleepsS } = await retry([...errors, 'RESULT'], { isExpected });
    expect(sleepsS).toEqual([10, 20, 30, 40, 50, 60, 60, 60]);
  });
});

/** The pauses of a dynamic call whose function returns `results` in turn ('error': throws) and is then done. */
async function dynamicSleeps(
  results: readonly unknown[],
  options: Parameters<DynamicLoopingCall['start']>[0],
): Promise<readonly number[]> {
  const runtime = new SleepRecorder();
  const left = [...results];
  const call = new DynamicLoopingCall(runtime, 'loop', () => {
    if (left.length === 0) throw new LoopingCallDone();
    const result = left.shift();
    if (result === 'error') throw new AnError();
    return result;
  }).start(options);
  await runtime.clock.advance(600_000);
  await call.wait();
  return runtime.sleepsS;
}

/** The pauses of a back-off call whose spread draws `factor`, and how it ended. */
async function backOff(
  body: () => unknown,
  factor: number,
  options: Parameters<BackOffLoopingCall['start']>[0] = {},
): Promise<{ readonly sleepsS: readonly number[]; readonly ended: Promise<unknown> }> {
  const runtime = new SleepRecorder();
  const call = new BackOffLoopingCall(runtime, 'loop', body, () => factor).start(options);
  await runtime.clock.advance(3_600_000);
  return { sleepsS: runtime.sleepsS, ended: call.wait() };
}

async function retry(
  outcomes: readonly unknown[],
  options: Omit<Parameters<typeof retrying>[1], 'name'>,
): Promise<{
  readonly sleepsS: readonly number[];
  readonly result: Promise<unknown>;
  readonly calls: number;
}> {
  const runtime = new SleepRecorder();
  let calls = 0;
  const call = retrying(runtime, { name: 'loop', ...options }, () => {
    const outcome = outcomes[calls++];
    if (outcome instanceof Error) throw outcome;
    return outcome;
  });
  const result = call();
  result.catch(() => undefined); // looked at by the test
  await runtime.clock.advance(3_600_000);
  return { sleepsS: runtime.sleepsS, result, calls };
}

/** Pauses are whole milliseconds, rounded up. */
function upToMs(seconds: number): number {
  return Math.ceil(Math.round(seconds * 1e9) / 1e6) / 1000;
}
