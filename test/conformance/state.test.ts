// The state connector: what Buildbot's own tests demand of it. Where we differ from Buildbot, the test says so;
// docs/decisions/0005 says why.

import { expect, test } from 'vitest';
import { sha1 } from '../../src/core/digest.js';
import { onEachDatabase, type DatabaseEnvironment } from './databases.js';

onEachDatabase('the state connector', (run) => {
  test('getObjectId of a new object inserts it', () =>
    run(async (environment) => {
      const id = await environment.db.state.getObjectId('someobj', 'someclass');
      expect(await environment.rows('SELECT id, name, class_name FROM objects')).toEqual([
        { id, name: 'someobj', class_name: 'someclass' },
      ]);
    }));

  test('getObjectId of an existing object gives its id, also to two who ask at once', () =>
    run(async ({ db }) => {
      const ids = await Promise.all([db.state.getObjectId('o', 'c'), db.state.getObjectId('o', 'c')]);
      expect([...ids, await db.state.getObjectId('o', 'c')]).toEqual([ids[0], ids[0], ids[0]]);
    }));

  test('objects of one name and different classes are different, and so are those of different names', () =>
    run(async ({ db }) => {
      const ids = [
        await db.state.getObjectId('o', 'c'),
        await db.state.getObjectId('o', 'd'),
        await db.state.getObjectId('p', 'c'),
      ];
      expect(new Set(ids).size).toBe(3);
    }));

  test('an object whose name is too long is found again, and not confused with one of the same beginning', () =>
    run(async (environment) => {
      const { state } = environment.db;
      const long = 'x'.repeat(129);
      const id = await state.getObjectId(long, 'c');
      expect(await state.getObjectId(long, 'c')).toBe(id);
      expect(await state.getObjectId(`${long}y`, 'c')).not.toBe(id);
      expect(await environment.rows('SELECT name FROM objects WHERE id = ?', id)).toEqual([
        { name: 'x'.repeat(88) + sha1(long) },
      ]);
    }));

  test('a name of exactly the greatest length is kept as it is', () =>
    run(async (environment) => {
      await environment.db.state.getObjectId('x'.repeat(128), 'c');
      expect(await environment.rows('SELECT name FROM objects')).toEqual([{ name: 'x'.repeat(128) }]);
    }));

  test('a value that was never set is not there', () =>
    run(async (environment) => {
      const id = await environment.db.state.getObjectId('o', 'c');
      expect(await get(environment, id, 'k')).toBeUndefined();
    }));

  test('a value that was set is read back, and replaced when it is set again', () =>
    run(async (environment) => {
      const id = await environment.db.state.getObjectId('o', 'c');
      await set(environment, id, 'k', '[1,2]');
      expect(await get(environment, id, 'k')).toBe('[1,2]');
      await set(environment, id, 'k', 'null');
      expect(await get(environment, id, 'k')).toBe('null');
    }));

  test('values of other keys and other objects are untouched', () =>
    run(async (environment) => {
      const id = await environment.db.state.getObjectId('o', 'c');
      const other = await environment.db.state.getObjectId('p', 'c');
      await set(environment, id, 'k', '1');
      await set(environment, id, 'l', '2');
      await set(environment, other, 'k', '3');
      await set(environment, id, 'k', '4');
      expect([
        await get(environment, id, 'k'),
        await get(environment, id, 'l'),
        await get(environment, other, 'k'),
      ]).toEqual(['4', '2', '3']);
    }));

  test('a key that is too long can be read as well as written, unlike in Buildbot', () =>
    run(async (environment) => {
      const id = await environment.db.state.getObjectId('o', 'c');
      const long = 'k'.repeat(256);
      await set(environment, id, long, '1');
      await set(environment, id, `${long}x`, '2');
      expect(await get(environment, id, long)).toBe('1');
      expect(await get(environment, id, `${long}x`)).toBe('2');
    }));

  test('getState of what is not there throws, or gives the default, which may be null', () =>
    run(async ({ db }) => {
      const id = await db.state.getObjectId('o', 'c');
      await expect(db.state.getState(id, 'k')).rejects.toMatchObject({ code: 'no-such-state' });
      expect(await db.state.getState(id, 'k', 10)).toBe(10);
      expect(await db.state.getState(id, 'k', null)).toBeNull();
    }));

  test('getState gives what setState set, a null and a falsy value too, and not the default', () =>
    run(async ({ db }) => {
      const id = await db.state.getObjectId('o', 'c');
      for (const value of [[1, { a: 'ü "quoted" \\' }], 0, '', false, null]) {
        await db.state.setState(id, 'k', value);
        expect(await db.state.getState(id, 'k', 'default')).toEqual(value);
      }
    }));

  test('a value that is not JSON is refused, and names the place; what was stored stays', () =>
    run(async ({ db }) => {
      const id = await db.state.getObjectId('o', 'c');
      await db.state.setState(id, 'k', 1);
      for (const value of [undefined, Number.NaN, new Date(0), { a: [1n] }, () => 1]) {
        await expect(db.state.setState(id, 'k', value)).rejects.toMatchObject({ code: 'not-json' });
        await expect(db.state.atomicCreateState(id, 'l', () => value)).rejects.toMatchObject({
          code: 'not-json',
        });
      }
      expect(await db.state.getState(id, 'k')).toBe(1);
    }));

  test('a stored text that is not JSON is an error of its own', () =>
    run(async (environment) => {
      const id = await environment.db.state.getObjectId('o', 'c');
      await set(environment, id, 'k', 'ff[1');
      await expect(environment.db.state.getState(id, 'k')).rejects.toMatchObject({ code: 'bad-json' });
    }));

  test('of two who set a value at once the later commit wins, also when both insert it, unlike in Buildbot', () =>
    run(async (environment) => {
      const id = await environment.db.state.getObjectId('o', 'c');
      await Promise.all([
        environment.db.state.setState(id, 'k', 1),
        environment.db.state.setState(id, 'k', 2),
      ]);
      expect([1, 2]).toContain(await environment.db.state.getState(id, 'k'));
      expect(await environment.rows('SELECT name FROM object_state')).toHaveLength(1);
    }));

  test('atomicCreateState creates what is not there, and gives what is', () =>
    run(async ({ db }) => {
      const id = await db.state.getObjectId('o', 'c');
      expect(await db.state.atomicCreateState(id, 'k', () => [1])).toEqual([1]);
      expect(await db.state.atomicCreateState(id, 'k', () => [2])).toEqual([1]);
      await db.state.setState(id, 'k', null);
      expect(await db.state.atomicCreateState(id, 'k', () => [3])).toBeNull();
    }));

  test('of several who create a value at once, all get the one that is stored', () =>
    run(async ({ db }) => {
      const id = await db.state.getObjectId('o', 'c');
      const values = await Promise.all([1, 2, 3].map((n) => db.state.atomicCreateState(id, 'k', () => n)));
      const stored = await db.state.getState(id, 'k');
      expect(values).toEqual([stored, stored, stored]);
    }));
});

async function get({ db }: DatabaseEnvironment, objectid: number, key: string): Promise<unknown> {
  const [result] = await db.database.read([db.state.getStatement(objectid, key)]);
  return result?.rows[0]?.['value_json'];
}

async function set({ db }: DatabaseEnvironment, objectid: number, key: string, json: string): Promise<void> {
  await db.database.batch([db.state.setStatement(objectid, key, json)]);
}
