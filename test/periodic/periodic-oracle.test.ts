// `standin debug periodic-oracle`: what a case does, with the differences and without, and what is said of a wrong one.

import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { readCase, type PeriodicCase } from '../../sim/cli/periodic-case.js';
import { runCase } from '../../sim/cli/periodic-oracle.js';
import { aFolder, standin } from '../cli/spawn-standin.js';
import { referencePasses } from './reference.js';

const THRICE = {
  t0: 340,
  run_external: true,
  raise_on_error: false,
  random: [0.5],
  tasks: [
    { name: 'doit' },
    { name: 'crashit', raises: true },
    { name: 'ticks', spacing: 70, run_immediately: true },
    { name: 'tocks', spacing: 70 },
    { name: 'off', spacing: -1 },
  ],
  steps: [{ advance: 0 }, 400, { at: 430 }, { advance: 60 }],
};

describe('compat', () => {
  test('idle counts the whole spacing of what ran, and a stale remainder of what did not', async () => {
    const records = await run('compat', {
      tasks: [
        { name: 'quick', spacing: 10 },
        { name: 'slow', spacing: 30, takes: 7 },
      ],
      steps: [33],
    });
    expect(records).toEqual([
      { t: 33, idle: 10, ran: ['quick', 'slow'], last_run: { quick: 30, slow: 30 }, error: null },
    ]);
    expect((await run('own', { tasks: [{ name: 'quick', spacing: 10 }], steps: [33] }))[0]?.idle).toBe(7);
  });

  test('tasks of one name share last run and spacing', async () => {
    const records = await run('compat', {
      tasks: [
        { name: 'x', spacing: 50 },
        { name: 'x', spacing: 10 },
      ],
      steps: [10],
    });
    expect(records).toEqual([{ t: 10, idle: 10, ran: ['x'], last_run: { x: 10 }, error: null }]);
  });

  test('times are doubles, and the clock may go back', async () => {
    const records = await run('compat', {
      t0: 0.1,
      tasks: [{ name: 'x', spacing: 0.3 }],
      steps: [{ advance: 0.9 }, { advance: -0.5 }],
    });
    expect(records.map(({ last_run, idle }) => [last_run['x'], idle])).toEqual([
      [1 - (0.9 % 0.3), 0.3],
      [1 - (0.9 % 0.3), Math.min(0.3, 1 - (0.9 % 0.3) + 0.3 - 0.5)],
    ]);
  });

  test('an error that is raised ends the pass', async () => {
    const records = await run('compat', {
      raise_on_error: true,
      tasks: [
        { name: 'bad', spacing: 1, raises: 'urg' },
        { name: 'behind', spacing: 1 },
      ],
      steps: [1, 1],
    });
    expect(records).toEqual([
      { t: 1, idle: null, ran: ['bad'], last_run: { bad: 1, behind: 0 }, error: 'urg' },
      { t: 1, idle: 1, ran: ['behind'], last_run: { bad: 1, behind: 1 }, error: null },
    ]);
  });
});

/** Whole and broken times; a clock that goes back; names that are shared; disabled, external and failing tasks. */
const times = fc.oneof(
  fc.integer({ min: 0, max: 900 }),
  fc.nat(9_000).map((n) => n / 10),
  fc.double({ min: 0.001, max: 500, noNaN: true }),
);
const anyTask = fc.record({
  name: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'),
  spacing: fc.oneof(
    { weight: 6, arbitrary: times },
    { weight: 1, arbitrary: fc.constantFrom(0, -1, 20, 21) },
  ),
  runImmediately: fc.boolean(),
  enabled: fc.integer({ min: 0, max: 9 }).map((n) => n > 0),
  externalProcessOk: fc.boolean(),
  raises: fc.option(fc.constantFrom('urg', 'no'), { freq: 3 }),
  takes: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: times }),
});
const anyStep = fc.oneof(
  { weight: 6, arbitrary: times.map((advance) => ({ advance })) },
  { weight: 1, arbitrary: times.map((time) => ({ advance: -time })) },
  { weight: 1, arbitrary: times.map((at) => ({ at })) },
);
const anyCase: fc.Arbitrary<PeriodicCase> = fc.record({
  t0: times,
  runExternal: fc.boolean(),
  raiseOnError: fc.boolean(),
  random: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 80 }),
  tasks: fc.array(anyTask, { maxLength: 10 }),
  steps: fc.array(anyStep, { maxLength: 40 }),
});

property.prop([anyCase], { numRuns: 1_000 })(
  'compat does on any schedule what the reference does, to the last bit',
  async (schedule) => {
    expect(await runCase(schedule, 'compat')).toEqual(referencePasses(schedule));
  },
);

test('a case on standard output is a line a pass, an array of cases a line a case', () => {
  const folder = aFolder({
    'one.json': JSON.stringify(THRICE),
    'two.json': JSON.stringify([THRICE, THRICE]),
  });
  const one = standin(folder, 'debug', 'periodic-oracle', '--compat', 'one.json');
  expect([one.code, one.stderr]).toEqual([0, '']);
  const records = lines(one.stdout) as { readonly ran: readonly string[] }[];
  expect(records.map(({ ran }) => ran)).toEqual([
    ['ticks'],
    ['doit', 'crashit'],
    ['ticks', 'tocks'],
    ['doit', 'crashit', 'ticks', 'tocks'],
  ]);
  const two = standin(folder, 'debug', 'periodic-oracle', '--compat', 'two.json');
  expect(lines(two.stdout)).toEqual([records, records]);
  const wrong = standin(folder, 'debug', 'periodic-oracle', 'none.json');
  expect([wrong.code, wrong.stderr]).toEqual([
    64,
    'standin: none.json cannot be read: expected a JSON file, or - for standard input\n',
  ]);
  expect(standin(folder, 'debug', 'periodic-oracle', '--compatible').code).toBe(64);
});

test.each([
  [[], /the case is \[\], expected an object/],
  [{ task: [] }, /unknown field 'task' \(did you mean 'tasks'\?\)/],
  [{ t0: 'x' }, /the case\.t0 is "x", expected a number/],
  [{ tasks: [{ spacing: 1 }] }, /tasks\[0\]\.name is missing, expected a name/],
  [{ tasks: [{ name: 'a', raises: 1 }] }, /tasks\[0\]\.raises is 1, expected true, false or a message/],
  [{ steps: [{}] }, /steps\[0\] is \{\}, expected a time/],
  [{ random: [2] }, /random\[0\] is 2, expected a number from 0 to 1/],
  [{ run_external: 1 }, /run_external is 1, expected true or false/],
])('%j is refused', (value, message) => {
  expect(() => readCase(value as never, 'the case')).toThrow(message);
});

function run(semantics: 'own' | 'compat', given: object): ReturnType<typeof runCase> {
  return runCase(readCase(given as never, 'the case'), semantics);
}

function lines(text: string): unknown[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
}
