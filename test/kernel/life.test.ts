// The life of processes: start, crash, exit, pause, resume, and what each does to timers, events and ports.

import { describe, expect, test } from 'vitest';
import type { LifeEvent, Process } from '../../sim/kernel/kernel.js';
import { makeKernel, SECOND_US } from './run-world.js';

const CLOCK = { offsetMs: 0, driftPpm: 0 };

describe('a process', () => {
  test('starts as an event of its own, as the next incarnation of its node', async () => {
    const kernel = makeKernel();
    const node = kernel.addNode('a', CLOCK);
    const seen: unknown[] = [];
    const main = (process: Process): void =>
      void seen.push([process.incarnation, kernel.current === process]);
    expect([node.state, node.incarnation, node.process]).toEqual(['down', 0, null]);
    const first = kernel.start(node, main);
    expect([node.state, node.incarnation, node.process]).toEqual(['up', 1, first]);
    expect(seen).toEqual([]);
    kernel.at(10, () => kernel.crash(node, 'test'));
    kernel.at(20, () => void kernel.start(node, main));
    await kernel.run(30);
    expect(seen).toEqual([[1, true], [2, true]]); // prettier-ignore
    expect([first.isAlive, node.process?.isAlive, kernel.current]).toEqual([false, true, null]);
    expect(() => kernel.start(node, main)).toThrow(/already runs/);
  });

  test('that crashes in its own event finishes that event, but sets no timers, and what it had set is gone', async () => {
    const kernel = makeKernel();
    const node = kernel.addNode('a', CLOCK);
    const seen: string[] = [];
    kernel.start(node, (process) => {
      process.setTimer(() => seen.push('timer set before'), 5);
      kernel.atProcess(100, process, () => seen.push('event scheduled before'));
      void Promise.resolve().then(() => {
        seen.push(`promise, alive: ${process.isAlive}`);
        process.setTimer(() => seen.push('timer set by a dead process'), 5).cancel();
        process.setTimer(() => seen.push('timer set by a dead process'), 5);
        setTimeout(() => seen.push('global timer set by a dead process'), 5);
        setImmediate(() => seen.push('immediate set by a dead process'));
        queueMicrotask(() => seen.push('microtask queued by a dead process'));
        kernel.atProcess(kernel.nowUs, process, () => seen.push('event of a dead process'));
        process.exit('again');
        throw new Error('thrown by a dead process');
      });
      globalThis.process.nextTick(() => seen.push('tick of a dead process'));
      kernel.crash(node, 'test');
      seen.push('rest of the event');
      process.assertCurrent('a port');
    });
    await kernel.run(SECOND_US);
    expect(seen).toEqual(['rest of the event', 'promise, alive: false']);
    expect(kernel.trace.tail(10).map(({ kind }) => kind)).toEqual(['start', 'crash']);
  });

  test('tells the world of its death once, with no process current', async () => {
    const kernel = makeKernel();
    const node = kernel.addNode('a', CLOCK);
    const seen: unknown[] = [];
    kernel.start(node, (process) => {
      process.onDeath(() => seen.push(['death', kernel.current, node.state]));
      process.exit('done');
      kernel.crash(node, 'no longer there');
    });
    await kernel.run(1);
    expect(seen).toEqual([['death', null, 'down']]);
  });

  test('has its life in listeners and trace alike', async () => {
    const kernel = makeKernel();
    const node = kernel.addNode('a', CLOCK);
    const life: LifeEvent[] = [];
    kernel.onLife((event) => life.push(event));
    kernel.start(node, () => undefined);
    kernel.at(1, () => kernel.pause(node));
    kernel.at(2, () => kernel.resume(node));
    kernel.at(3, () => kernel.stepClock(node, -5_000));
    kernel.at(4, () => kernel.setDrift(node, 100));
    kernel.at(5, () => kernel.crash(node, 'host lost'));
    kernel.at(6, () => void kernel.start(node, (process) => process.exit('had enough')));
    await kernel.run(10);
    expect(life.map(({ kind, atUs, incarnation, detail }) => [atUs, kind, incarnation, detail])).toEqual([
      [0, 'start', 1, ''],
      [1, 'pause', 1, ''],
      [2, 'resume', 1, ''],
      [3, 'clock', 1, 'step -5000 ms'],
      [4, 'clock', 1, 'drift 100 ppm'],
      [5, 'crash', 1, 'host lost'],
      [6, 'start', 2, ''],
      [6, 'exit', 2, 'had enough'],
    ]);
    expect(kernel.trace.tail(99).map(({ kind, detail }) => [kind, detail])).toEqual(
      life.map(({ kind, detail }) => [kind, detail]),
    );
  });

  test('refuses a port call in the event of another process, naming both', async () => {
    const kernel = makeKernel();
    const other = kernel.start(kernel.addNode('b', CLOCK), () => undefined);
    const errors: unknown[] = [];
    kernel.onUncaught(({ error }) => errors.push(String(error)));
    kernel.start(kernel.addNode('a', CLOCK), () => other.assertCurrent('send'));
    await kernel.run(1);
    expect(errors).toEqual([expect.stringContaining('send of b#1 called while the current process is a#1')]);
  });

  test('harmless orders to nodes that are down, paused or up change nothing', () => {
    const kernel = makeKernel();
    const node = kernel.addNode('a', CLOCK);
    kernel.crash(node, 'x');
    kernel.pause(node);
    kernel.resume(node);
    kernel.start(node, () => undefined);
    kernel.resume(node);
    kernel.pause(node);
    kernel.pause(node);
    expect(node.state).toBe('paused');
    expect(kernel.trace.tail(9).map(({ kind }) => kind)).toEqual(['start', 'pause']);
    expect(() => kernel.addNode('a', CLOCK)).toThrow(/unique/);
    expect(() => kernel.node('z')).toThrow(/no node 'z'/);
  });
});

describe('a paused process', () => {
  test('runs nothing, then its overdue timers in order, then what arrived, each still cancellable', async () => {
    const kernel = makeKernel();
    const node = kernel.addNode('a', CLOCK);
    const seen: string[] = [];
    kernel.start(node, (process) => {
      const note = (what: string): void => void seen.push(`${process.monotonicMs() - 60_000} ${what}`);
      process.setTimer(() => {
        note('first timer');
        cancelled.cancel();
        arrival.cancel();
        process.setTimer(() => note('timer set on resuming'), 1);
        void Promise.resolve().then(() => note('promise of the first timer'));
      }, 10);
      process.setTimer(() => note('second timer'), 30);
      const cancelled = process.setTimer(() => note('cancelled timer'), 40);
      const beat = setInterval(() => note('beat'), 20);
      setTimeout(() => clearInterval(beat), 135);
      kernel.atProcess(50_000, process, () => note('arrival at 50 ms'), 7);
      const arrival = kernel.atProcess(60_000, process, () => note('cancelled arrival'));
      kernel.atProcess(70_000, process, () => note('arrival at 70 ms'));
    });
    kernel.at(5_000, () => kernel.pause(node));
    kernel.at(99_000, () => seen.push(node.state));
    kernel.at(100_000, () => kernel.resume(node));
    await kernel.run(SECOND_US);
    expect(seen).toEqual([
      'paused',
      '100 first timer',
      '100 promise of the first timer',
      '100 beat',
      '100 second timer',
      '100 arrival at 50 ms',
      '100 arrival at 70 ms',
      '101 timer set on resuming',
      '120 beat',
    ]);
  });

  test('that pauses in its own event finishes that event, and is killed by a crash with all it held', async () => {
    const kernel = makeKernel();
    const node = kernel.addNode('a', CLOCK);
    const seen: string[] = [];
    kernel.start(node, (process) => {
      kernel.pause(node);
      void Promise.resolve().then(() => seen.push('drained'));
      process.setTimer(() => seen.push('timer'), 1);
      kernel.atProcess(10, process, () => seen.push('held'));
    });
    kernel.at(20, () => kernel.crash(node, 'test'));
    kernel.at(30, () => kernel.resume(node));
    await kernel.run(SECOND_US);
    expect(seen).toEqual(['drained']);
  });

  test('that is paused again half-way through its backlog keeps the rest for later', async () => {
    const kernel = makeKernel();
    const node = kernel.addNode('a', CLOCK);
    const seen: string[] = [];
    kernel.start(node, (process) => {
      process.setTimer(() => {
        seen.push(`first at ${kernel.nowUs}`);
        kernel.pause(node);
      }, 1);
      process.setTimer(() => seen.push(`second at ${kernel.nowUs}`), 2);
      kernel.atProcess(2_500, process, () => seen.push(`arrival at ${kernel.nowUs}`));
    });
    kernel.at(500, () => kernel.pause(node));
    kernel.at(5_000, () => kernel.resume(node));
    kernel.at(9_000, () => kernel.resume(node));
    await kernel.run(SECOND_US);
    expect(seen).toEqual(['first at 5000', 'second at 9000', 'arrival at 9000']);
  });
});
