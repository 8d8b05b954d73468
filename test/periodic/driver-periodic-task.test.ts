// Tasks of drivers: called with the manager and the context, beside the pass or within it.

import { expect, test } from 'vitest';
import { ConfigError } from '../../src/core/errors.js';
import { driverPeriodicTask } from '../../src/periodic/driver-periodic-task.js';
import { periodicTask } from '../../src/periodic/periodic-task.js';
import { PeriodicTasks } from '../../src/periodic/periodic-tasks.js';
import { settled } from '../support/manual-clock.js';
import { TestRuntime } from '../support/test-runtime.js';

type Manager = PeriodicTasks<string>;

test('a driver task is called with the manager and the context, and this is the driver', async () => {
  const seen: unknown[] = [];
  class Executor {
    @driverPeriodicTask({ spacing: 10, runImmediately: true }) poll(manager: Manager, context: string): void {
      seen.push(this, manager, context);
    }
  }
  const manager = new PeriodicTasks<string>(new TestRuntime());
  const executor = new Executor();
  manager.addDriverTasks(executor);
  await manager.runPeriodicTasks('context');
  expect(seen).toEqual([executor, manager, 'context']);
  expect([...manager.lastRuns.keys()]).toEqual(['Executor.poll']);
});

test('a hanging parallel task delays nobody, and lets its own instants go', async () => {
  const runtime = new TestRuntime();
  const gate = aGate();
  const ran: string[] = [];
  class Driver {
    @driverPeriodicTask({ spacing: 10 }) async hang(): Promise<void> {
      ran.push('hang');
      await gate.promise;
    }
  }
  const manager = new PeriodicTasks<string>(runtime, { name: 'manager' });
  manager.addDriverTasks(new Driver());
  manager.addPeriodicTask(periodicTask({ spacing: 10, name: 'tick' }, () => void ran.push('tick')));
  for (let pass = 0; pass < 3; pass++) {
    await runtime.clock.advance(10_000);
    expect(await manager.runPeriodicTasks('')).toBe(10);
  }
  expect(ran).toEqual(['hang', 'tick', 'tick', 'tick']);
  expect(runtime.complaints).toEqual([
    'warning: manager: periodic task Driver.hang is due, but its last run is under way since 10.000 s',
    'warning: manager: periodic task Driver.hang is due, but its last run is under way since 20.000 s',
  ]);
  gate.open();
  await manager.runsEnded();
  await runtime.clock.advance(10_000);
  await manager.runPeriodicTasks('');
  expect(ran.filter((name) => name === 'hang')).toHaveLength(2);
});

test('a task that is not parallel is waited for', async () => {
  const runtime = new TestRuntime();
  const gate = aGate();
  class Driver {
    @driverPeriodicTask({ parallel: false, runImmediately: true }) poll(): Promise<void> {
      return gate.promise;
    }
  }
  const manager = new PeriodicTasks<string>(runtime);
  manager.addDriverTasks(new Driver());
  let hasEnded = false;
  const pass = manager.runPeriodicTasks('').then(() => (hasEnded = true));
  await settled();
  expect(hasEnded).toBe(false);
  gate.open();
  await pass;
});

test('the error of a parallel task is logged, and never raised', async () => {
  const runtime = new TestRuntime();
  class Driver {
    @driverPeriodicTask({ runImmediately: true }) poll(): void {
      throw new ConfigError('no such machine');
    }
  }
  const manager = new PeriodicTasks<string>(runtime, { name: 'manager' });
  manager.addDriverTasks(new Driver());
  await manager.runPeriodicTasks('', { raiseOnError: true });
  await manager.runsEnded();
  expect(runtime.complaints).toEqual([
    'error: manager: periodic task Driver.poll failed: config: no such machine',
  ]);
});

test('drivers of one class need names of their own', () => {
  class Driver {
    @driverPeriodicTask poll(): void {}
    @driverPeriodicTask({ enabled: false }) never(): void {}
    notATask(): void {}
  }
  const manager = new PeriodicTasks<string>(new TestRuntime());
  manager.addDriverTasks(new Driver());
  expect(() => manager.addDriverTasks(new Driver())).toThrow(/Driver\.poll is taken/);
  manager.addDriverTasks(new Driver(), 'other');
  expect([...manager.lastRuns.keys()]).toEqual(['Driver.poll', 'other.poll']);
});

test("the tasks of a driver are its class's, not those for a manager, and wrong options are refused", () => {
  const plain = driverPeriodicTask({ spacing: 3, parallel: false, name: 'plain' }, () => undefined);
  const manager = new PeriodicTasks<string>(new TestRuntime());
  expect(() => manager.addPeriodicTask(plain)).toThrow(/is no periodic task/);
  expect(() => driverPeriodicTask({ paralel: true } as object)).toThrow(/did you mean 'parallel'\?/);
  expect(() => driverPeriodicTask({ parallel: 'yes' } as object)).toThrow(
    /parallel is 'yes', expected true or false/,
  );
});

function aGate(): { readonly promise: Promise<void>; open(): void } {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, open: () => resolve() };
}
