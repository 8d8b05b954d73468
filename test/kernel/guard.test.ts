// Every guarded global, as user code in a bundle uses it: routed under `route`, refused with file and line under
// `strict`, refused in events of the world, and untouched when no run is executing.

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AmbientRefusedError, AmbientUseError } from '../../sim/kernel/guard/ambient.js';
import type { Kernel } from '../../sim/kernel/kernel.js';
import { UserModule } from '../../sim/kernel/user-modules.js';
import { refused } from './fixtures/refused-uses.js';
import { routed } from './fixtures/ambient-uses.js';
import { makeKernel, runProcess, SECOND_US } from './run-world.js';

type Note = (value: unknown) => void;
type Routed = typeof routed;
type Refused = typeof refused;

const FIXTURES = resolve(import.meta.dirname, 'fixtures');
const rows = Object.entries(routed).flatMap(([group, uses]) => uses.map(([name], i) => ({ group, i, name })));

let ambient: UserModule;
let forbidden: UserModule;

const zone = process.env['TZ'];

beforeAll(async () => {
  // A machine in another time zone than UTC, where everything local shows.
  process.env['TZ'] = 'America/New_York';
  ambient = await UserModule.load(resolve(FIXTURES, 'ambient-uses.ts'), {});
  forbidden = await UserModule.load(resolve(FIXTURES, 'refused-uses.ts'), {});
});

afterAll(() => {
  if (zone === undefined) delete process.env['TZ'];
  else process.env['TZ'] = zone;
});

function useOf(row: { group: string; i: number }): (note: Note) => unknown {
  const use = (ambient.instantiate()['routed'] as Routed)[row.group]?.[row.i]?.[1];
  if (use === undefined) throw new Error('no such row');
  return use;
}

/** The line of the i-th use in a fixture: one use a line, in order. */
function lineOf(file: string, first: string, i: number): number {
  const lines = readFileSync(resolve(FIXTURES, file), 'utf8').split('\n');
  return lines.findIndex((line) => line.startsWith(first)) + 2 + i;
}

/** Runs one use in a process started at 1 s; returns what it noted. */
async function observe(row: { group: string; i: number }): Promise<{ notes: unknown[]; kernel: Kernel }> {
  const kernel = makeKernel();
  const node = kernel.addNode('a', { offsetMs: 0, driftPpm: 0 });
  const notes: unknown[] = [];
  kernel.at(SECOND_US, () => void kernel.start(node, () => useOf(row)((value) => notes.push(value))));
  kernel.onUncaught(({ error }) => notes.push(error));
  await kernel.run(2 * SECOND_US);
  return { notes, kernel };
}

async function errorIn(act: () => unknown, mode: 'route' | 'strict', module: UserModule): Promise<unknown> {
  let caught: unknown = null;
  await runProcess(
    (_, kernel) => {
      kernel.onUncaught(({ error }) => (caught = error));
      try {
        const value = act();
        if (value instanceof Promise) value.catch((error: unknown) => (caught = error));
      } catch (error) {
        caught = error;
      }
    },
    { guard: { mode, sourceOf: module.sourceOf } },
  );
  return caught;
}

describe('a guarded global', () => {
  test.each(rows)('$name ($group $i) is routed to the process, and counted', async (row) => {
    const { notes, kernel } = await observe(row);
    expect({ notes, uses: kernel.ambientUses.get(row.name) ?? 0 }).toMatchSnapshot();
    expect((await observe(row)).notes).toEqual(notes);
  });

  test.each(rows)(
    '$name ($group $i) is refused under strict, with the file and line of its use',
    async (row) => {
      const use = useOf(row);
      const error = await errorIn(() => use(() => undefined), 'strict', ambient);
      expect(error).toBeInstanceOf(AmbientUseError);
      expect(error).toMatchObject({ code: 'ambient-use', global: row.name });
      const line = lineOf('ambient-uses.ts', `  ${row.group}: [`, row.i);
      expect((error as AmbientUseError).message).toContain(`${row.name} is used at ambient-uses.ts:${line},`);
    },
  );

  test.each(rows)('$name ($group $i) is refused in an event of the world', async (row) => {
    const kernel = makeKernel();
    kernel.at(1, () => void useOf(row)(() => undefined));
    await expect(kernel.run(10)).rejects.toThrow(/is refused while no process is current/);
  });
});

describe('what no process can have', () => {
  test.each(refused.map(([name], i) => ({ name, i })))(
    '$name ($i) is refused, with file and line',
    async ({ name, i }) => {
      const use = (forbidden.instantiate()['refused'] as Refused)[i]?.[1];
      for (const mode of ['route', 'strict'] as const) {
        const error = await errorIn(() => use?.(), mode, forbidden);
        expect(error).toMatchObject({ code: 'ambient-refused' });
        expect((error as Error).message).toContain(name);
        if (error instanceof AmbientRefusedError) {
          const line = lineOf('refused-uses.ts', 'export const refused', i);
          expect(error.message).toContain(`at refused-uses.ts:${line}:`);
        }
      }
    },
  );

  test('classes keep their instances and prototypes', () => {
    expect(new WeakRef({})).toBeInstanceOf(WeakRef);
    expect(WeakRef.prototype.constructor.name).toBe('WeakRef');
    expect(readFileSync(import.meta.filename, 'utf8')).toContain('keep their instances');
  });
});

describe('Date', () => {
  test('is one type before, during and after a run, also for subclasses', async () => {
    const before = new Date();
    class Special extends Date {}
    const seen: boolean[] = [];
    await runProcess(() => {
      const during = new Date();
      seen.push(during instanceof Date, before instanceof Date, new Special(5) instanceof Special);
      seen.push(during.constructor === Date, Object.prototype.toString.call(during) === '[object Date]');
      seen.push(
        Date.length === 7,
        Date.name === 'Date',
        Date.UTC(1970, 0) === 0,
        Number.isNaN(new Date('x').getTime()),
      );
      seen.push(new Date(before).getTime() === before.getTime(), new Special(5).getTime() === 5);
      seen.push(new Date('2026-01-05').getTime() === new Date('2026-01-05T01:00+01:00').getTime());
    });
    expect(seen).toHaveLength(12);
    expect(seen.every(Boolean)).toBe(true);
    expect([new Date(0).getHours(), new Date(1970, 0).getTime()]).toEqual([19, 5 * 3_600_000]);
    expect(Math.abs(new Date().getTime() - before.getTime())).toBeLessThan(3_600_000);
  });

  test('shows the same text as an engine whose time zone is UTC', async () => {
    const texts: string[] = [];
    await runProcess(() => {
      for (const ms of [0, -1, 253_402_300_800_000, -62_198_755_200_000, NaN])
        texts.push(String(new Date(ms)));
      const date = new Date(1_767_571_200_000);
      date.setFullYear(2027, 5, 31);
      texts.push(date.toISOString(), date.toDateString(), date.toTimeString(), `${date.getFullYear()}`);
    });
    expect(texts).toEqual([
      'Thu Jan 01 1970 00:00:00 GMT+0000 (Coordinated Universal Time)',
      'Wed Dec 31 1969 23:59:59 GMT+0000 (Coordinated Universal Time)',
      'Sat Jan 01 10000 00:00:00 GMT+0000 (Coordinated Universal Time)',
      'Fri Jan 01 -000001 00:00:00 GMT+0000 (Coordinated Universal Time)',
      'Invalid Date',
      '2027-07-01T00:00:00.000Z',
      'Thu Jul 01 2027',
      '00:00:00 GMT+0000 (Coordinated Universal Time)',
      '2027',
    ]);
  });
});

describe('globals of newer Nodes', () => {
  const scope = globalThis as {
    Temporal?: { Now: Record<string, () => unknown> };
    WebSocket?: new (url: string) => unknown;
  };

  test.runIf(scope.Temporal !== undefined)('Temporal.Now is routed, in UTC', async () => {
    const seen: string[] = [];
    await runProcess(() => {
      for (const key of [
        'instant',
        'timeZoneId',
        'plainDateTimeISO',
        'plainDateISO',
        'plainTimeISO',
        'zonedDateTimeISO',
      ]) {
        seen.push(String(scope.Temporal?.Now[key]?.()));
      }
    });
    expect(seen).toEqual([
      '2026-01-05T00:00:00Z',
      'UTC',
      '2026-01-05T00:00:00',
      '2026-01-05',
      '00:00:00',
      '2026-01-05T00:00:00+00:00[UTC]',
    ]);
  });

  test.runIf(scope.WebSocket !== undefined)('WebSocket is refused', async () => {
    const Socket = scope.WebSocket as new (url: string) => unknown;
    const error = await errorIn(() => new Socket('ws://localhost'), 'route', forbidden);
    expect(error).toMatchObject({ code: 'ambient-refused', global: 'WebSocket' });
  });
});

describe('the guard', () => {
  test('lets host code inside kernel.host do what it likes, also when it calls back later in the same event', async () => {
    const kernel = makeKernel();
    const seen: unknown[] = [];
    kernel.at(1, () =>
      kernel.host(() => {
        seen.push(
          Date.now() > Date.UTC(2000, 0),
          readFileSync(import.meta.filename).length > 0,
          kernel.current,
        );
        process.nextTick(() => seen.push(Math.random() < 1));
        queueMicrotask(() => seen.push(Math.random() < 1));
      }),
    );
    await kernel.run(10);
    expect(seen).toEqual([true, true, null, true, true]);
  });

  test('ends the run when host code throws in a callback', async () => {
    const kernel = makeKernel();
    kernel.at(1, () =>
      kernel.host(() =>
        process.nextTick(() => {
          throw new TypeError('x');
        }),
      ),
    );
    await expect(kernel.run(10)).rejects.toThrow(TypeError);
  });

  test('leaves node_modules alone under strict', async () => {
    const inPackage = { file: 'node_modules/x/index.js', line: 3 };
    let value = 0;
    await runProcess(() => (value = Date.now()), { guard: { mode: 'strict', sourceOf: () => inPackage } });
    expect(value).toBe(1_767_571_200_000);
  });

  test('counts the uses of each global', async () => {
    const kernel = await runProcess(() => {
      for (let i = 0; i < 3; i++) Math.random();
      Date.now();
    });
    expect(Object.fromEntries(kernel.ambientUses)).toEqual({ 'Math.random': 3, 'Date.now': 1 });
  });

  test('draws one decision for all randomness of an incarnation, and differs by node even when all decisions are 0', async () => {
    const seen: number[] = [];
    const kernel = makeKernel();
    for (const name of ['a', 'b']) {
      kernel.start(
        kernel.addNode(name, { offsetMs: 0, driftPpm: 0 }),
        () => void seen.push(Math.random(), Math.random()),
      );
    }
    await kernel.run(1);
    expect(new Set(seen).size).toBe(4);
    const log = kernel.decisions.nonDefault();
    expect(Object.keys(log['ambient'] ?? {})).toEqual(['a#1', 'b#1']);
    expect(Object.keys(log['ambient']?.['a#1'] ?? {})).toEqual(['0']);
  });

  test('lets processes write to the console', async () => {
    const kernel = await runProcess(() => console.debug('a line of a simulated process'));
    expect(kernel.node('a').state).toBe('up');
  });

  test('takes process.exit as the end of the process: nothing after it runs', async () => {
    const seen: string[] = [];
    const kernel = await runProcess(() => {
      setTimeout(() => seen.push('timer'), 5);
      process.exit(7);
      seen.push('after');
    });
    expect(seen).toEqual([]);
    expect(kernel.trace.tail(1)[0]).toMatchObject({ kind: 'exit', detail: 'process.exit(7)' });
  });
});
