// The rows of the reference's test_periodic, and what we do otherwise on purpose.

import { describe, expect, test } from 'vitest';
import { ConfigError } from '../../src/core/errors.js';
import { periodicTask } from '../../src/periodic/periodic-task.js';
import { PassUnderWayError, PeriodicTasks } from '../../src/periodic/periodic-tasks.js';
import { startPeriodicTasks, type Runner } from '../../src/periodic/run-periodic-tasks.js';
import type { PeriodicTaskOptions } from '../../src/periodic/task-definition.js';
import { sleep } from '../../src/runtime/clock.js';
import { settled } from '../support/manual-clock.js';
import { TestRuntime } from '../support/test-runtime.js';

class AnError extends Error {}

describe('as the reference has it', () => {
  test('called thrice: each task runs as often as its spacing asks for, errors or not', async () => {
    const runtime = new TestRuntime();
    const called = { doit: 0, urg: 0, ticks: 0, tocks: 0, ext1: 0, ext2: 0 };
    class AService extends PeriodicTasks<null> {
      @periodicTask doit(): void {
        called.doit += 1;
      }
      @periodicTask crashit(): void {
        called.urg += 1;
        throw new AnError('urg');
      }
      @periodicTask({ spacing: 70, runImmediately: true }) doitWithTicks(): void {
        called.ticks += 1;
      }
      @periodicTask({ spacing: 70 }) doitWithTocks(): void {
        called.tocks += 1;
      }
    }
    const service = new AService(runtime);
    service.addPeriodicTask(periodicTask({ name: 'ext1' }, () => (called.ext1 += 1)));
    service.addPeriodicTask(periodicTask({ name: 'ext2', spacing: 70 }, () => (called.ext2 += 1)));
    await service.runPeriodicTasks(null);
    expect(called).toEqual({ doit: 0, urg: 0, ticks: 1, tocks: 0, ext1: 0, ext2: 0 });
    await runtime.clock.advance(60_000);
    await service.runPeriodicTasks(null);
    expect(called).toEqual({ doit: 1, urg: 1, ticks: 1, tocks: 0, ext1: 1, ext2: 0 });
    await runtime.clock.advance(30_000);
    await service.runPeriodicTasks(null);
    expect(called).toEqual({ doit: 1, urg: 1, ticks: 2, tocks: 1, ext1: 1, ext2: 1 });
    await runtime.clock.advance(60_000);
    await service.runPeriodicTasks(null);
    expect(called).toEqual({ doit: 2, urg: 2, ticks: 3, tocks: 2, ext1: 2, ext2: 2 });
  });

  test('called correct: a spacing of 9 s in passes of 1 s', async () => {
    const runtime = new TestRuntime();
    let ticks = 0;
    class AService extends PeriodicTasks<null> {
      @periodicTask({ spacing: 9 }) tick(): void {
        ticks += 1;
      }
    }
    const service = new AService(runtime);
    for (let i = 0; i < 200; i++) {
      await service.runPeriodicTasks(null);
      expect(ticks).toBe(Math.floor(i / 9));
      runtime.clock.pause(1000);
    }
  });

  test('raises: the error of a task is thrown when asked for, and the tasks behind it wait', async () => {
    const runtime = new TestRuntime();
    const ran: string[] = [];
    class AService extends PeriodicTasks<null> {
      @periodicTask crashit(): void {
        ran.push('crashit');
        throw new AnError('urg');
      }
      @periodicTask behind(): void {
        ran.push('behind');
      }
    }
    const service = new AService(runtime);
    await runtime.clock.advance(60_000);
    await expect(service.runPeriodicTasks(null, { raiseOnError: true })).rejects.toThrow(AnError);
    expect(service.lastRuns.get('crashit')).toBe(60);
    await service.runPeriodicTasks(null, { raiseOnError: true });
    expect(ran).toEqual(['crashit', 'behind']);
  });

  test('name: given names and names of functions are those of the last runs', () => {
    class AService extends PeriodicTasks<null> {
      @periodicTask({ name: 'better-name' }) tick(): void {}
      @periodicTask tack(): void {}
    }
    const service = new AService(new TestRuntime());
    service.addPeriodicTask(periodicTask({ name: 'another-name' })(function foo() {}));
    expect([...service.lastRuns.keys()]).toEqual(['better-name', 'tack', 'another-name']);
  });

  test('meta: disabled tasks are left out, and 60 s is the default spacing', async () => {
    const runtime = new TestRuntime();
    const ran: string[] = [];
    class Manager extends PeriodicTasks<null> {
      @periodicTask foo(): void {
        ran.push('foo');
      }
      @periodicTask({ spacing: 4 }) bar(): void {
        ran.push('bar');
      }
      @periodicTask({ enabled: false }) baz(): void {
        ran.push('baz');
      }
    }
    const manager = new Manager(runtime);
    expect(manager.lastRuns.size).toBe(2);
    manager.addPeriodicTask(periodicTask(function external() {}));
    expect(manager.lastRuns.size).toBe(3);
    await runtime.clock.advance(59_999);
    await manager.runPeriodicTasks(null);
    expect(ran).toEqual(['bar']);
    await runtime.clock.advance(1);
    await manager.runPeriodicTasks(null);
    expect(ran).toEqual(['bar', 'foo', 'bar']);
  });

  test.each([
    ['with idle: 200', { spacing: 200 }],
    ['constant: 0', { spacing: 0 }],
    ['disabled: -1', { spacing: -1 }],
    ['switched off', { enabled: false }],
  ])('%s idles for 60 s', async (_, options) => {
    const manager = new PeriodicTasks<null>(new TestRuntime());
    manager.addPeriodicTask(periodicTask({ ...options, name: 'bar' }, () => unexpected()));
    expect(await manager.runPeriodicTasks(null)).toBe(60);
  });

  test('idle calculation: the time to the next due instant, and the last run moves only with a run', async () => {
    const runtime = new TestRuntime();
    const manager = new PeriodicTasks<null>(runtime);
    manager.addPeriodicTask(periodicTask({ spacing: 10, name: 'bar' }, () => undefined));
    await runtime.clock.advance(5_000);
    expect(await manager.runPeriodicTasks(null)).toBe(5);
    expect(manager.lastRuns.get('bar')).toBe(0);
    await runtime.clock.advance(5_000);
    expect(await manager.runPeriodicTasks(null)).toBe(10);
    expect(manager.lastRuns.get('bar')).toBe(10);
  });

  test('immediate runs now', async () => {
    const runtime = new TestRuntime();
    await runtime.clock.advance(3_000);
    const manager = new PeriodicTasks<null>(runtime);
    manager.addPeriodicTask(
      periodicTask({ spacing: 10, runImmediately: true, name: 'bar' }, () => undefined),
    );
    expect(manager.lastRuns.get('bar')).toBeNull();
    expect(await manager.runPeriodicTasks(null)).toBe(10);
    expect(manager.lastRuns.get('bar')).toBe(3);
    await runtime.clock.advance(5_000);
    expect(await manager.runPeriodicTasks(null)).toBe(5);
  });

  test.each([
    [true, 1],
    [false, 0],
  ])('external tasks with runExternalTasks %s run %i times', async (runExternalTasks, times) => {
    const runtime = new TestRuntime();
    let runs = 0;
    const manager = new PeriodicTasks<null>(runtime, { runExternalTasks });
    manager.addPeriodicTask(
      periodicTask({ spacing: 5, externalProcessOk: true, name: 'bar' }, () => (runs += 1)),
    );
    expect(manager.lastRuns.size).toBe(1);
    expect(await manager.runPeriodicTasks(null)).toBe(runExternalTasks ? 5 : 60);
    await runtime.clock.advance(5_000);
    await manager.runPeriodicTasks(null);
    expect(runs).toBe(times);
  });

  test('the tasks of the ancestors come first, then the own ones, in the order of the source', async () => {
    const runtime = new TestRuntime();
    const ran: string[] = [];
    class Ancestor extends PeriodicTasks<null> {
      @periodicTask z(): void {
        ran.push('z');
      }
    }
    class Heir extends Ancestor {
      @periodicTask b(): void {
        ran.push('b');
      }
      @periodicTask({ spacing: 1 }) a(): void {
        ran.push('a');
      }
    }
    const heir = new Heir(runtime);
    await runtime.clock.advance(60_000);
    await heir.runPeriodicTasks(null);
    expect(ran).toEqual(['z', 'b', 'a']);
  });

  test('a slow task makes a later one due in the same pass, and an earlier one in the next', async () => {
    const runtime = new TestRuntime();
    const ran: string[] = [];
    const manager = new PeriodicTasks<null>(runtime);
    const add = (name: string, spacing: number, takesMs = 0): void =>
      manager.addPeriodicTask(
        periodicTask({ name, spacing }, () => {
          ran.push(name);
          runtime.clock.pause(takesMs);
        }),
      );
    add('before', 12);
    add('slow', 10, 2_000);
    add('behind', 12);
    await runtime.clock.advance(10_000);
    expect(await manager.runPeriodicTasks(null)).toBe(0);
    expect(ran).toEqual(['slow', 'behind']);
    await manager.runPeriodicTasks(null);
    expect(ran).toEqual(['slow', 'behind', 'before']);
  });

  test('a task that takes longer than its spacing runs once a pass', async () => {
    const runtime = new TestRuntime();
    let runs = 0;
    const manager = new PeriodicTasks<null>(runtime);
    const busy = (): void => {
      runs += 1;
      runtime.clock.pause(5_000);
    };
    manager.addPeriodicTask(periodicTask({ name: 'busy', spacing: 1 }, busy));
    await runtime.clock.advance(1_000);
    expect(await manager.runPeriodicTasks(null)).toBe(0);
    expect(runs).toBe(1);
  });
});

describe('on purpose otherwise', () => {
  test('the first run counts from the start of the instance', async () => {
    const runtime = new TestRuntime();
    class Manager extends PeriodicTasks<null> {
      @periodicTask({ spacing: 10 }) tick(): void {}
    }
    await runtime.clock.advance(9_000);
    expect(await new Manager(runtime).runPeriodicTasks(null)).toBe(10);
  });

  test('a step of the wall clock changes nothing', async () => {
    const runtime = new TestRuntime();
    const manager = new PeriodicTasks<null>(runtime);
    manager.addPeriodicTask(periodicTask({ spacing: 10, name: 'tick' }, () => unexpected()));
    runtime.clock.stepWall(3_600_000);
    expect(await manager.runPeriodicTasks(null)).toBe(10);
    runtime.clock.stepWall(-7_200_000);
    expect(await manager.runPeriodicTasks(null)).toBe(10);
  });

  test('a decorated override replaces the task, in its place', async () => {
    const ran = await ranAfterAMinute(
      (log) =>
        class extends class extends PeriodicTasks<null> {
          @periodicTask x(): void {
            log('ancestor x');
          }
          @periodicTask y(): void {
            log('y');
          }
        } {
          @periodicTask({ spacing: 30 }) override x(): void {
            log('heir x');
          }
        },
    );
    expect(ran).toEqual(['heir x', 'y']);
  });

  test('an override without a decorator runs under the options of the ancestor', async () => {
    const ran = await ranAfterAMinute(
      (log) =>
        class extends class extends PeriodicTasks<null> {
          @periodicTask({ spacing: 60 }) x(): void {
            log('ancestor x');
          }
        } {
          override x(): void {
            log('heir x');
          }
        },
    );
    expect(ran).toEqual(['heir x']);
  });

  test('an override can disable the task', async () => {
    const ran = await ranAfterAMinute(
      (log) =>
        class extends class extends PeriodicTasks<null> {
          @periodicTask x(): void {
            log('ancestor x');
          }
        } {
          @periodicTask({ enabled: false }) override x(): void {
            log('heir x');
          }
        },
    );
    expect(ran).toEqual([]);
  });

  test('adding to one instance touches no other', async () => {
    const runtime = new TestRuntime();
    class Manager extends PeriodicTasks<null> {}
    const [one, other] = [new Manager(runtime), new Manager(runtime)];
    one.addPeriodicTask(periodicTask({ name: 'extra' }, () => undefined));
    expect([one.lastRuns.size, other.lastRuns.size]).toEqual([1, 0]);
    await expect(other.runPeriodicTasks(null)).resolves.toBe(60);
  });

  test('two tasks of one name are refused', () => {
    const manager = new PeriodicTasks<null>(new TestRuntime());
    manager.addPeriodicTask(periodicTask({ name: 'x' }, () => unexpected()));
    expect(() => manager.addPeriodicTask(periodicTask({ name: 'x' }, () => unexpected()))).toThrow(
      /name .* x is taken/,
    );
    class Twice extends PeriodicTasks<null> {
      @periodicTask({ name: 'same' }) a(): void {}
      @periodicTask({ name: 'same' }) b(): void {}
    }
    expect(() => new Twice(new TestRuntime())).toThrow(/Twice: two periodic tasks are called same/);
  });

  test('the idle time after a run is the time to its next due instant', async () => {
    const runtime = new TestRuntime();
    const manager = new PeriodicTasks<null>(runtime);
    manager.addPeriodicTask(periodicTask({ spacing: 10, name: 'tick' }, () => undefined));
    await runtime.clock.advance(17_000);
    expect(await manager.runPeriodicTasks(null)).toBe(3);
  });
});

describe('beyond the reference', () => {
  test('a task gets its manager as this, and the context', async () => {
    const runtime = new TestRuntime();
    const seen: unknown[] = [];
    class Manager extends PeriodicTasks<string> {
      @periodicTask({ runImmediately: true }) tick(context: string): void {
        seen.push(this, context);
      }
    }
    const manager = new Manager(runtime);
    manager.addPeriodicTask(
      periodicTask({ name: 'plain', runImmediately: true }, function (this: unknown, context: string) {
        seen.push(this, context);
      }),
    );
    await manager.runPeriodicTasks('context');
    expect(seen).toEqual([manager, 'context', manager, 'context']);
  });

  test('errors and late runs are logged, with by how much', async () => {
    const runtime = new TestRuntime();
    class Manager extends PeriodicTasks<null> {
      @periodicTask({ spacing: 10 }) sync(): Promise<void> {
        return Promise.reject(new AnError('not shown: the engine may have worded it'));
      }
    }
    const manager = new Manager(runtime);
    await runtime.clock.advance(11_500);
    await manager.runPeriodicTasks(null);
    expect(runtime.complaints).toEqual([
      'warning: Manager: periodic task sync is late by 1.500 s',
      'error: Manager: periodic task sync failed: AnError',
    ]);
    expect(runtime.probes.map(({ event, detail }) => ({ event, ...detail }))).toEqual([
      {
        ...{ event: 'task-added', manager: 'Manager', task: 'sync' },
        ...{ spacingMs: 10_000, retryMs: 10_000, immediate: false, jitter: true, parallel: false },
      },
      { event: 'task-started', manager: 'Manager', task: 'sync', lateMs: 1500, woken: false },
      { event: 'task-ended', manager: 'Manager', task: 'sync', tookMs: 0, failed: true },
    ]);
  });

  test('a pass during a pass is refused, and the first one goes on', async () => {
    const runtime = new TestRuntime();
    const manager = new PeriodicTasks<null>(runtime);
    const refused: unknown[] = [];
    const nested = (): Promise<unknown> =>
      manager.runPeriodicTasks(null).catch((error) => refused.push(error));
    manager.addPeriodicTask(periodicTask({ name: 'nested', runImmediately: true }, nested));
    expect(await manager.runPeriodicTasks(null)).toBe(60);
    expect(refused).toEqual([expect.any(PassUnderWayError)]);
  });

  test('a runner outlives errors, wakes for an added task, and stops after the task under way', async () => {
    const runtime = new TestRuntime();
    const ran: string[] = [];
    const manager = new PeriodicTasks<number>(runtime, { name: 'manager' });
    let passes = 0;
    const context = (): number => {
      passes += 1;
      if (passes === 2) throw new AnError();
      return passes;
    };
    const failing = (pass: number): void => {
      ran.push(`failing ${pass}`);
      throw new AnError();
    };
    manager.addPeriodicTask(periodicTask({ name: 'failing', spacing: 20 }, failing));
    const runner = startPeriodicTasks(runtime, manager, { name: 'runner', context });
    await runtime.clock.advance(41_000);
    expect(ran).toEqual(['failing 3', 'failing 4']);
    expect(runtime.complaints).toContain('error: runner failed, and goes on: AnError');
    manager.addPeriodicTask(
      periodicTask({ name: 'added', runImmediately: true }, () => void ran.push('added')),
    );
    await settled();
    expect(ran).toEqual(['failing 3', 'failing 4', 'added']);
    await runner.stop();
    await runtime.clock.advance(600_000);
    expect(ran).toHaveLength(3);
    expect(runtime.clock.pending).toBe(0);
  });

  test('a task without jitter is due at exact multiples, also above 20 s', async () => {
    const { clock, logger, probe } = new TestRuntime();
    const runtime = { clock, logger, probe, random: { integer: (bound: number) => bound - 1 } };
    const manager = new PeriodicTasks<null>(runtime);
    for (const [name, jitter] of [
      ['plain', true],
      ['exact', false],
    ] as const) {
      manager.addPeriodicTask(periodicTask({ name, jitter, spacing: 60 }, () => undefined));
    }
    await clock.advance(60_000);
    await manager.runPeriodicTasks(null);
    expect([...manager.lastRuns]).toEqual([
      ['plain', 62],
      ['exact', 60],
    ]);
  });

  test('a task that is woken runs at once, and its boundaries stay where they are', async () => {
    const { manager, runtime, ran, runner } = running({ spacing: 10 });
    await runtime.clock.advance(13_000);
    manager.wake('task');
    manager.wake('nothing');
    await runtime.clock.advance(8_000);
    expect(ran).toEqual([10_000, 13_000, 20_000]);
    const woken = runtime.probes.filter(({ event }) => event === 'task-started');
    expect(woken.map(({ detail }) => detail['woken'])).toEqual([false, true, false]);
    await runner.stop();
  });

  test.each([false, true])(
    'a task that is woken while it runs (parallel: %s) runs again after',
    async (parallel) => {
      const { manager, runtime, ran, runner } = running({ spacing: 10, parallel }, 3_000);
      await runtime.clock.advance(12_000);
      manager.wake('task');
      manager.wake('task');
      await runtime.clock.advance(9_000);
      expect(ran).toEqual([10_000, 13_000, 20_000]);
      await runtime.clock.advance(3_000);
      await runner.stop();
    },
  );

  test('after an error a task with retry comes so long after its start, the others when they are due', async () => {
    const { runtime, ran, runner } = running({ spacing: 10, retry: 2 }, 0, true);
    await runtime.clock.advance(15_000);
    expect(ran).toEqual([10_000, 12_000, 14_000]);
    await runner.stop();
    const plain = running({ spacing: 10 }, 0, true);
    await plain.runtime.clock.advance(25_000);
    expect(plain.ran).toEqual([10_000, 20_000]);
    await plain.runner.stop();
  });

  test('parallel tasks that are due together begin together, and a hung one keeps nobody', async () => {
    const runtime = new TestRuntime();
    const manager = new PeriodicTasks<null>(runtime);
    const ran: string[] = [];
    let turns = 0;
    const hung = open();
    const add = (name: string, body: () => unknown): void =>
      manager.addPeriodicTask(periodicTask({ name, spacing: 10, parallel: true }, body));
    add('first', () => {
      ran.push(`first ${turns}`);
      void Promise.resolve().then(() => turns++);
      return hung.promise;
    });
    add('second', () => void ran.push(`second ${turns}`));
    const runner = startPeriodicTasks(runtime, manager, { name: 'runner', context: () => null });
    await runtime.clock.advance(20_000);
    expect(ran).toEqual(['first 0', 'second 0', 'second 1']);
    expect(runtime.complaints).toEqual([
      'warning: PeriodicTasks: periodic task first is due, but its last run is under way since 10.000 s',
    ]);
    hung.resolve();
    await runtime.clock.advance(10_000);
    expect(ran).toContain('first 1');
    await runner.stop();
  });

  test('a runner that stops says that its tasks are retired', async () => {
    const { runtime, runner } = running({ spacing: 10 });
    await runner.stop();
    expect(runtime.probes.at(-1)).toEqual({
      event: 'task-retired',
      detail: { manager: 'PeriodicTasks', task: 'task' },
    });
  });

  /** A runner of one task, whose runs take so long, and fail or not. */
  function running(
    options: PeriodicTaskOptions,
    takesMs = 0,
    fails = false,
  ): { runtime: TestRuntime; manager: PeriodicTasks<null>; ran: readonly number[]; runner: Runner } {
    const runtime = new TestRuntime();
    const ran: number[] = [];
    const manager = new PeriodicTasks<null>(runtime);
    const body = async (): Promise<void> => {
      ran.push(runtime.clock.monotonicMs());
      if (takesMs > 0) await sleep(runtime.clock, takesMs);
      if (fails) throw new AnError();
    };
    manager.addPeriodicTask(periodicTask({ ...options, name: 'task' }, body));
    const runner = startPeriodicTasks(runtime, manager, { name: 'runner', context: () => null });
    return { runtime, manager, ran, runner };
  }

  test('a stopped runner begins no further task of the pass under way', async () => {
    const runtime = new TestRuntime();
    const ran: string[] = [];
    const manager = new PeriodicTasks<null>(runtime);
    const gate = open();
    manager.addPeriodicTask(
      periodicTask({ name: 'first', runImmediately: true }, async () => {
        await gate.promise;
        ran.push('first');
      }),
    );
    manager.addPeriodicTask(
      periodicTask({ name: 'second', runImmediately: true }, () => void ran.push('second')),
    );
    const runner = startPeriodicTasks(runtime, manager, { name: 'runner', context: () => null });
    await settled();
    const stopped = runner.stop();
    gate.resolve();
    await stopped;
    expect(ran).toEqual(['first']);
  });
});

describe('wrong arguments', () => {
  const wrong: readonly (readonly [string, unknown, RegExp])[] = [
    ['a misspelt option', { spaceing: 3 }, /unknown option 'spaceing' \(did you mean 'spacing'\?\)/],
    ['the old one', { ticks_between_runs: 3 }, /'ticks_between_runs' \(did you mean 'spacing'\?\)/],
    ['the name of the reference', { run_immediately: true }, /did you mean 'runImmediately'\?/],
    ['an option of nobody', { colour: 1 }, /'colour', expected one of spacing, runImmediately/],
    ['a spacing that is text', { spacing: '5' }, /spacing is '5', expected a number of seconds/],
    ['a spacing that is no number', { spacing: Number.NaN }, /spacing is NaN, expected a number/],
    ['a flag that is a number', { enabled: 1 }, /enabled is 1, expected true or false/],
    ['an empty name', { name: '' }, /name is '', expected a name/],
    ['a pause after errors below 0', { retry: -1 }, /retry is -1, expected a number of seconds, 0 or more/],
    ['no options', 5, /expected an object of options, got 5/],
  ];

  test.each(wrong)('%s is refused where it stands', (_, options, message) => {
    expect(() => periodicTask(options as object)).toThrow(ConfigError);
    expect(() => periodicTask(options as object)).toThrow(message);
  });

  test('empty parentheses are fine, a function without a name is not', () => {
    class Manager extends PeriodicTasks<null> {
      @periodicTask({}) tick(): void {}
    }
    expect(new Manager(new TestRuntime()).lastRuns.size).toBe(1);
    expect(() => periodicTask({}, () => undefined)).toThrow(/without a name/);
  });

  test('what is no plain method is refused', () => {
    const decorate = (context: object) => () =>
      periodicTask({})(function method() {}, context as ClassMethodDecoratorContext);
    expect(decorate({ kind: 'field' })).toThrow(/expected a method to decorate, got a field/);
    expect(decorate({ kind: 'method', static: true, private: false })).toThrow(/static method/);
    expect(decorate({ kind: 'method', static: false, private: true })).toThrow(/method with #/);
  });

  test('a function is marked once', () => {
    const body = periodicTask({ spacing: 1 }, function tick() {});
    expect(() => periodicTask({ spacing: 2 }, body)).toThrow(/the function tick is a periodic task already/);
  });

  test('adding what is not marked is refused', () => {
    const manager = new PeriodicTasks<null>(new TestRuntime());
    expect(() => manager.addPeriodicTask(function tick() {})).toThrow(
      /PeriodicTasks: the function tick is no periodic task \(did you mean periodicTask\?\)/,
    );
  });
});

/** A promise and its resolver. */
function open(): { readonly promise: Promise<void>; resolve(): void } {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve: () => resolve() };
}

async function ranAfterAMinute(
  define: (log: (name: string) => void) => new (runtime: TestRuntime) => PeriodicTasks<null>,
): Promise<readonly string[]> {
  const ran: string[] = [];
  const runtime = new TestRuntime();
  const manager = new (define((name) => void ran.push(name)))(runtime);
  await runtime.clock.advance(60_000);
  await manager.runPeriodicTasks(null);
  return ran;
}

function unexpected(): never {
  throw new Error('this task is not due');
}
