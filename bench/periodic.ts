// What a manager with 100,000 periodic tasks costs: a pass in which none is due, and one in which a thousand are. The cost
// in operations is a test (test/periodic/due-schedule.test.ts); this is the cost in time.

import type { Clock } from '../src/runtime/clock.js';
import type { Runtime } from '../src/runtime/runtime.js';
import { periodicTask } from '../src/periodic/periodic-task.js';
import { PeriodicTasks } from '../src/periodic/periodic-tasks.js';
import { elapsedMs, median, type Figure } from './measure.js';

const TASKS = 100_000;
const DUE = 1_000;
const QUIET_PASSES = 10_000;
const ROUNDS = 9;

/** The figures for `npm run bench`. */
export async function measurePeriodic(): Promise<readonly Figure[]> {
  const clock = new BenchClock();
  const manager = aManager(clock);
  const quietMs: number[] = [];
  const busyMs: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    quietMs.push(await elapsedMs(() => quietPasses(manager)));
    // All tasks of the first second, and nothing else, become due in each round.
    clock.nowMs += SPACING_S * 1_000;
    busyMs.push(await elapsedMs(() => manager.runPeriodicTasks(null)));
  }
  return [
    { name: '100,000 tasks, none due', value: (median(quietMs) * 1_000) / QUIET_PASSES, unit: 'us/pass' },
    { name: '100,000 tasks, 1,000 due', value: (median(busyMs) * 1_000) / DUE, unit: 'us/task' },
  ];
}

/** Seconds between the runs of the tasks that become due; of the others: longer than the benchmark lasts. */
const SPACING_S = 20;
const NEVER_S = 1_000_000;

function aManager(clock: Clock): PeriodicTasks<null> {
  const ports: Runtime = {
    clock,
    random: { integer: () => 0 },
    logger: { log: nothing },
    probe: { emit: nothing },
  };
  const manager = new PeriodicTasks<null>(ports);
  for (let i = 0; i < TASKS; i++) {
    const spacing = i % (TASKS / DUE) === 0 ? SPACING_S : NEVER_S;
    manager.addPeriodicTask(periodicTask({ name: `task ${i}`, spacing }, () => undefined));
  }
  return manager;
}

async function quietPasses(manager: PeriodicTasks<null>): Promise<void> {
  for (let pass = 0; pass < QUIET_PASSES; pass++) await manager.runPeriodicTasks(null);
}

class BenchClock implements Clock {
  nowMs = 0;

  wallMs(): number {
    return this.nowMs;
  }

  monotonicMs(): number {
    return this.nowMs;
  }

  setTimer(): never {
    throw new Error('a pass sets no timer');
  }
}

function nothing(): void {}
