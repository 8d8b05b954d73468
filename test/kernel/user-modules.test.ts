// Users' modules: bundled once, evaluated anew, with the one host object, and clear errors.

import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { StandinError } from '../../src/core/errors.js';
import { UserModule } from '../../sim/kernel/user-modules.js';
import { runProcess } from './run-world.js';

const ROOT = resolve(import.meta.dirname, '../..');
const HOST = { Base: class Base {}, answer: 42 };

let folder: string;

beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'standin-user-')));
});
afterAll(() => rmSync(folder, { recursive: true }));

function write(path: string, text: string): string {
  const file = join(folder, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
}

async function loadError(file: string): Promise<StandinError> {
  const error: unknown = await UserModule.load(file, HOST).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(StandinError);
  return error as StandinError;
}

describe('a user module', () => {
  test('is evaluated anew for each instance, with all that it imports, npm packages too', async () => {
    write('node_modules/counter/package.json', '{ "name": "counter", "main": "index.js" }');
    write('node_modules/counter/index.js', 'let n = 0; exports.next = () => ++n;');
    write('own.ts', 'let n = 100; export const next = (): number => ++n;');
    const file = write(
      'count.ts',
      `import { next } from 'counter'; import { next as own } from './own.js'; let n: number = 0;
       export const all = () => [++n, next(), own()];`,
    );
    const module = await UserModule.load(file, HOST);
    const [first, second] = [module.instantiate(), module.instantiate()] as { all(): number[] }[];
    expect([first?.all(), first?.all(), second?.all()]).toEqual([[1, 1, 101], [2, 2, 102], [1, 1, 101]]); // prettier-ignore
  });

  test("gets the host object for 'standin', by name and as the package's own index, from any folder", async () => {
    const indexes = [
      'sim/index.ts',
      'sim/index.js',
      'sim',
      'dist/sim/index.js',
      'src/index.ts',
      'dist/src/index.js',
    ];
    const paths = [
      'standin',
      'standin/control-plane',
      ...indexes.map((path) => relative(join(folder, 'deep'), join(ROOT, path))),
    ];
    const imports = paths.map(
      (path, i) => `import { Base as Base${i}, answer as answer${i} } from '${path}';`,
    );
    const names = paths.map((_, i) => `[Base${i}, answer${i}]`);
    const file = write(
      'deep/host.ts',
      `${imports.join('\n')}\nexport const all = [${names.join()}]; export class Mine extends Base0 {}`,
    );
    const module = await UserModule.load(file, HOST);
    const { all, Mine } = module.instantiate() as { all: unknown[]; Mine: new () => object };
    expect(all).toEqual(paths.map(() => [HOST.Base, 42]));
    expect(new Mine()).toBeInstanceOf(HOST.Base);
    expect(Mine.name).toBe('Mine');
  });

  test('may be reached through a link', async () => {
    const file = write('real/linked.ts', `export { answer } from 'standin';`);
    symlinkSync(dirname(file), join(folder, 'link'));
    expect((await UserModule.load(join(folder, 'link/linked.ts'), HOST)).instantiate()).toMatchObject({
      answer: 42,
    });
  });

  test('gets modules of Node, JSON files, its own URL, and dynamic imports of the bundle', async () => {
    write('data.json', '{ "x": 1 }');
    write('late.ts', 'export const late = true;');
    const file = write(
      'kinds.ts',
      `import data from './data.json'; import { basename } from 'node:path';
       export const value = [data.x, basename('/a/b'), import.meta.url];
       export const load = async () => [(await import('./late.js')).late, (await import('node:path')).sep];`,
    );
    const { value, load } = (await UserModule.load(file, HOST)).instantiate() as {
      value: unknown[];
      load(): Promise<unknown[]>;
    };
    expect(value).toEqual([1, 'b', expect.stringMatching(/^file:.*kinds\.ts$/)]);
    let loaded: unknown[] = [];
    await runProcess(() => void load().then((values) => (loaded = values)));
    expect(loaded).toEqual([true, '/']);
  });

  test('finds the line of the user for a place in the bundle and for an error', async () => {
    write('thrower.ts', '\n\nexport function boom(): never {\n  throw new Error("x");\n}\n');
    const file = write(
      'places.ts',
      `import { boom } from './thrower.js';\ninterface Gone { a: 1 }\nexport const run = () => boom();\n`,
    );
    const module = await UserModule.load(file, HOST);
    let caught: unknown;
    try {
      (module.instantiate() as { run(): void }).run();
    } catch (error) {
      caught = error;
    }
    expect(module.placeOf(caught)).toEqual({ file: 'thrower.ts', line: 4 });
    expect(module.placeOf(new Error('from here'))).toBeNull();
    expect(module.placeOf('no error')).toBeNull();
    expect(module.locate(100_000, 1)).not.toEqual({ file: 'thrower.ts', line: 4 });
  });

  test('has a hash of its code that does not depend on the folder', async () => {
    const text = 'export const a = 1;\n';
    const [one, same, other] = [
      write('x/m.ts', text),
      write('y/m.ts', text),
      write('z/m.ts', 'export const a = 2;\n'),
    ];
    const [hash, sameHash, otherHash] = await Promise.all(
      [one, same, other].map(async (f) => (await UserModule.load(f, HOST)).sha256),
    );
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
    expect(sameHash).toBe(hash);
    expect(otherHash).not.toBe(hash);
  });

  test('takes its time and randomness from the process in whose event it is evaluated', async () => {
    const file = write(
      'top.ts',
      'export const born = Date.now(); export const id = Math.random(); setTimeout(() => {}, 5);',
    );
    const module = await UserModule.load(file, HOST);
    const seen: unknown[] = [];
    const kernel = await runProcess(() => void seen.push(module.instantiate()['born']));
    expect(seen).toEqual([1_767_571_200_000]);
    expect([...kernel.ambientUses.keys()]).toEqual(['Date.now', 'Math.random', 'setTimeout']);
  });
});

describe('loading a user module', () => {
  test('names file, line, column and the first problem of wrong syntax, in one line', async () => {
    const error = await loadError(write('broken.ts', 'export const a = 1;\nexport const b = = 2;\n'));
    expect(error.code).toBe('scenario-load');
    expect(error.message).toMatch(/broken\.ts:2:18: Unexpected "="$/);
  });

  test('names the import that cannot be resolved, in whichever file it stands', async () => {
    write('inner.ts', `\nimport './nowhere.js';\n`);
    const error = await loadError(write('outer.ts', `import './inner.js';\n`));
    expect(error.message).toMatch(/inner\.ts:2:8: Could not resolve "\.\/nowhere\.js"$/);
  });

  test('says so when there is no such file', async () => {
    expect((await loadError(join(folder, 'missing.ts'))).message).toMatch(
      /missing\.ts: there is no such file$/,
    );
  });

  test('refuses a top-level await with its place', async () => {
    expect((await loadError(write('await.ts', 'await 1;\nexport const a = 1;\n'))).message).toMatch(
      /await\.ts:1:1: Top-level await/,
    );
  });
});
