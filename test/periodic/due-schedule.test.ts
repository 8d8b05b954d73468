// The schedule by heap: it agrees with a walk over all tasks, and costs what it should. Cost is counted in comparisons and
// readings of the clock.

import { fc, test as property } from '@fast-check/vitest';
import { expect, test } from 'vitest';
import { DueSchedule, isSooner } from '../../src/periodic/due-schedule.js';
import type { TaskDefinition } from '../../src/periodic/task-definition.js';
import { runCase } from '../../sim/cli/periodic-oracle.js';
import type { PeriodicCase } from '../../sim/cli/periodic-case.js';
import { ManualClock } from '../support/manual-clock.js';

const TASKS = 100_000;

class CountingClock extends ManualClock {
  readings = 0;

  override monotonicMs(): number {
    this.readings += 1;
    return super.monotonicMs();
  }
}

/** A schedule of 100,000 tasks that counts. */
class Counted {
  readonly clock = new CountingClock();
  comparisons = 0;
  readonly schedule = new DueSchedule(
    this.clock,
    () => 0,
    true,
    (a, b) => {
      this.comparisons += 1;
      return isSooner(a, b);
    },
  );

  /** The tasks that a pass runs, and what it costs. */
  pass(): { readonly ran: number; readonly comparisons: number; readonly readings: number } {
    this.comparisons = 0;
    this.clock.readings = 0;
    const pass = this.schedule.beginPass();
    let ran = 0;
    while (pass.next() !== null) ran += 1;
    pass.end();
    return { ran, comparisons: this.comparisons, readings: this.clock.readings };
  }
}

test('a pass over 100,000 tasks in which none is due looks at one', () => {
  const counted = new Counted();
  for (let i = 0; i < TASKS; i++) counted.schedule.add(task(`task ${i}`, 1000 + (i % 977)));
  counted.clock.pause(999_999);
  expect(counted.pass()).toEqual({ ran: 0, comparisons: 0, readings: 2 });
});

test.each([1, 10, 1000])('a pass in which %i of 100,000 are due costs k log n', (k) => {
  const counted = new Counted();
  for (let i = 0; i < TASKS; i++) {
    counted.schedule.add(task(`task ${i}`, i % (TASKS / k) === 7 ? 10 : 1000 + (i % 977)));
  }
  counted.clock.pause(10_000);
  const { ran, comparisons, readings } = counted.pass();
  expect(ran).toBe(k);
  // A pop is at most two comparisons a level, a push one.
  expect(comparisons).toBeLessThanOrEqual(k * 3 * Math.ceil(Math.log2(TASKS)));
  expect(comparisons).toBeGreaterThan(k);
  expect(readings).toBe(k + 2);
});

const caseTask = fc.record({
  spacing: fc.oneof(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 21, max: 900 }), fc.constant(0)),
  runImmediately: fc.boolean(),
  enabled: fc.constant(true),
  externalProcessOk: fc.boolean(),
  raises: fc.option(fc.constant('urg')),
  takes: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(40) }),
});

const anyCase: fc.Arbitrary<PeriodicCase> = fc.record({
  t0: fc.nat(10_000),
  runExternal: fc.boolean(),
  raiseOnError: fc.boolean(),
  // Exact in both reckonings.
  random: fc.array(
    fc.nat(1023).map((n) => n / 1024),
    { maxLength: 60 },
  ),
  tasks: fc
    .array(caseTask, { maxLength: 8 })
    .map((tasks) => tasks.map((given, i) => ({ ...given, name: `t${i}` }))),
  steps: fc.array(fc.record({ advance: fc.nat(100) }), { minLength: 1, maxLength: 40 }),
});

property.prop([anyCase])(
  'runs in each pass what a walk over all tasks runs, in its order, with its last runs',
  async (schedule) => {
    const essence = (records: Awaited<ReturnType<typeof runCase>>): unknown =>
      records.map(({ t, ran, last_run, error }) => ({ t, ran, last_run, error }));
    expect(essence(await runCase(schedule, 'own'))).toEqual(essence(await runCase(schedule, 'compat')));
  },
);

property.prop([anyCase])('idles until the next task is due, 60 s at most', async (schedule) => {
  for (const { ran, idle, last_run, t } of await runCase(schedule, 'own')) {
    if (idle === null) continue;
    const takesS = schedule.tasks.reduce((sum, { name, takes }) => sum + (ran.includes(name) ? takes : 0), 0);
    const dueInS = schedule.tasks
      .filter(({ externalProcessOk }) => schedule.runExternal || !externalProcessOk)
      .map(
        ({ name, spacing }) => (last_run[name] ?? Number.NaN) + (spacing === 0 ? 60 : spacing) - t - takesS,
      );
    expect(idle).toBe(Math.max(0, Math.min(60, ...dueInS)));
  }
});

function task(name: string, spacingS: number): TaskDefinition {
  const flags = { runImmediately: false, isEnabled: true, isExternalOk: false, isParallel: false };
  return { name, spacingS, ...flags, isJittered: true, retryS: null, body: () => undefined };
}
