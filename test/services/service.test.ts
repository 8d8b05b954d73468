// A group of services: in order up, in reverse down, whatever one of them does.

import { beforeEach, expect, test } from 'vitest';
import { StandinError } from '../../src/core/errors.js';
import { ServiceGroup, type Service } from '../../src/services/service.js';
import { settled } from '../support/manual-clock.js';
import { TestRuntime } from '../support/test-runtime.js';

let calls: string[];
let runtime: TestRuntime;

beforeEach(() => {
  calls = [];
  runtime = new TestRuntime();
});

/** A service that tells what is done to it. */
function child(name: string, hooks: Partial<Pick<Service, 'start' | 'stop'>> = {}): Service {
  return {
    name,
    start: async () => {
      calls.push(`start ${name}`);
      await hooks.start?.();
    },
    stop: async () => {
      calls.push(`stop ${name}`);
      await hooks.stop?.();
    },
  };
}

const failing = async (): Promise<void> => {
  throw new StandinError('my-own', 'no');
};

test('children are started in order and stopped in reverse, groups among them too', async () => {
  const inner = new ServiceGroup('inner', runtime.logger, [child('b'), child('c')]);
  const group = new ServiceGroup('all', runtime.logger, [child('a'), inner, child('d')]);
  await group.start();
  expect(calls).toEqual(['start a', 'start b', 'start c', 'start d']);
  calls = [];
  await group.stop();
  expect(calls).toEqual(['stop d', 'stop c', 'stop b', 'stop a']);
});

test('the next child waits until the one before it has started, or stopped', async () => {
  let go: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => (go = resolve));
  const group = new ServiceGroup('all', runtime.logger, [
    child('a', { start: () => gate }),
    child('b', { stop: () => new Promise(() => undefined) }),
  ]);
  void group.start();
  await settled();
  expect(calls).toEqual(['start a']);
  go();
  await settled();
  void group.stop();
  await settled();
  expect(calls).toEqual(['start a', 'start b', 'stop b']);
});

test('one that fails to stop is logged and keeps no other from stopping', async () => {
  const group = new ServiceGroup('all', runtime.logger, [
    child('a'),
    child('b', { stop: failing }),
    child('c'),
  ]);
  await group.start();
  await group.stop();
  expect(calls.slice(3)).toEqual(['stop c', 'stop b', 'stop a']);
  expect(runtime.complaints).toEqual(["warning: 'b' of 'all' did not stop cleanly: my-own: no"]);
});

test('one that fails to start ends the start: what had been started is stopped, and the error thrown', async () => {
  const group = new ServiceGroup('all', runtime.logger, [
    child('a'),
    child('b', { start: failing }),
    child('c'),
  ]);
  await expect(group.start()).rejects.toThrow('no');
  expect(calls).toEqual(['start a', 'start b', 'stop b', 'stop a']);
});

test('a stop during the start stops what has begun and starts nothing more', async () => {
  let go: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => (go = resolve));
  const group = new ServiceGroup('all', runtime.logger, [child('a', { start: () => gate }), child('b')]);
  const started = group.start();
  await group.stop();
  go();
  await started;
  expect(calls).toEqual(['start a', 'stop a']);
});

test('stopping twice is stopping once, and what never started is never stopped', async () => {
  const group = new ServiceGroup('all', runtime.logger, [child('a')]);
  await Promise.all([group.stop(), group.stop()]);
  await group.start();
  expect(calls).toEqual([]);
});
