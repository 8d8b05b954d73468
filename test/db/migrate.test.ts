// Migrations: an empty database, an older one, a newer one, one of which half failed, and many masters at once.

import { expect, test } from 'vitest';
import { DatabaseConnector } from '../../src/db/connector.js';
import { migrate } from '../../src/db/migrate.js';
import { openDatabase, type RealDriver } from '../../src/db/open-database.js';
import { MIGRATIONS, SCHEMA, SCHEMA_VERSION } from '../../src/db/schema.js';
import { upgradeMaster } from '../../src/db/upgrade-master.js';
import { RealTimeRuntime } from '../support/real-time-runtime.js';
import { onEachRealDatabase } from '../support/scratch.js';
import { outcome, sql } from '../world/database-world.js';

const NOTES = {
  version: 1,
  statements: ['CREATE TABLE notes (id {{commit_ordered_id}}, note TEXT NOT NULL)'],
};
const AUTHORS = {
  version: 2,
  statements: ["ALTER TABLE notes ADD COLUMN author TEXT NOT NULL DEFAULT 'nobody'"],
};
const WRONG = {
  version: 2,
  statements: ['CREATE TABLE more (id INTEGER)', 'CREATE TABLE notes (id INTEGER)'],
};
const VERSION = 'SELECT version FROM schema_version';

onEachRealDatabase('migrations', (run) => {
  const runtime = new RealTimeRuntime();

  const withDriver = (body: (driver: RealDriver, url: string) => Promise<void>): Promise<void> =>
    run(async (url) => {
      const driver = await openDatabase(url, runtime.clock);
      try {
        await body(driver, url);
      } finally {
        driver.close();
      }
    });

  async function query(driver: RealDriver, text: string): Promise<unknown> {
    const session = await driver.open();
    try {
      return (await sql(session, text)).rows;
    } finally {
      session.close();
    }
  }

  test('an empty database gets everything, once', () =>
    withDriver(async (driver) => {
      expect(await migrate(driver, runtime, 'empty')).toBe(0);
      expect(await migrate(driver, runtime, 'empty')).toBe(SCHEMA_VERSION);
      const db = new DatabaseConnector(driver, runtime);
      await db.checkSchema();
      expect(await db.masters.findMasterId('a')).toBe(1);
      db.database.stop();
    }));

  test('of many masters that begin at once one migrates, and the others wait', () =>
    run(async (url) => {
      const drivers = await Promise.all(Array.from({ length: 6 }, () => openDatabase(url, runtime.clock)));
      const before = await Promise.all(drivers.map((driver) => migrate(driver, runtime, 'empty')));
      expect(before.toSorted((x, y) => x - y)).toEqual([
        0,
        ...Array.from({ length: 5 }, () => SCHEMA_VERSION),
      ]);
      for (const driver of drivers) driver.close();
    }));

  test('an older database asks for an upgrade, and keeps its rows in it', () =>
    withDriver(async (driver) => {
      await migrate(driver, runtime, 'empty', [NOTES]);
      await query(driver, "INSERT INTO notes (note) VALUES ('kept')");
      await expect(migrate(driver, runtime, 'empty', [NOTES, AUTHORS])).rejects.toMatchObject({
        code: 'schema-version',
        message: expect.stringMatching(/version 1, .* needs 2; .*standin master upgrade/),
      });
      expect(await migrate(driver, runtime, 'any', [NOTES, AUTHORS])).toBe(1);
      expect(await query(driver, 'SELECT id, note, author FROM notes')).toEqual([
        { id: 1, note: 'kept', author: 'nobody' },
      ]);
    }));

  test('a newer database is refused, and stays as it is', () =>
    withDriver(async (driver, url) => {
      await migrate(driver, runtime, 'empty', [NOTES, AUTHORS]);
      for (const from of ['empty', 'any'] as const) {
        await expect(migrate(driver, runtime, from, [NOTES])).rejects.toThrow(
          'the database has schema version 2, this program needs 1; a newer program has upgraded it',
        );
      }
      expect(await query(driver, VERSION)).toEqual([{ version: 2 }]);
      await query(driver, 'UPDATE schema_version SET version = 99');
      await expect(upgradeMaster(url, runtime)).rejects.toMatchObject({ code: 'schema-version' });
      const db = new DatabaseConnector(driver, runtime);
      await expect(db.checkSchema()).rejects.toMatchObject({ code: 'schema-version', isRetryable: false });
      db.database.stop();
    }));

  test('of a migration that fails nothing remains', () =>
    withDriver(async (driver) => {
      await migrate(driver, runtime, 'empty', [NOTES]);
      expect(await outcome(migrate(driver, runtime, 'any', [NOTES, WRONG]))).toBe('bad-statement');
      expect(await query(driver, VERSION)).toEqual([{ version: 1 }]);
      expect(await outcome(query(driver, 'SELECT id FROM more'))).toBe('bad-statement');
    }));

  test('an upgrade forces housekeeping of all masters at the next start', () =>
    run(async (url) => {
      expect(await upgradeMaster(url, runtime)).toEqual({ from: 0, to: SCHEMA_VERSION });
      const driver = await openDatabase(url, runtime.clock);
      const db = new DatabaseConnector(driver, runtime);
      const masterid = await db.masters.findMasterId('a');
      const incarnation = await db.masters.newIncarnation(masterid);
      await db.masters.setMasterState(masterid, false);
      expect(await upgradeMaster(url, runtime)).toEqual({ from: SCHEMA_VERSION, to: SCHEMA_VERSION });
      expect(await db.masters.getMaster(masterid)).toMatchObject({ active: true, lastActive: 0 });
      const session = await driver.open();
      expect(await db.masters.renew(session, masterid, incarnation)).toBe('superseded');
      session.close();
      db.database.stop();
      driver.close();
    }));
});

test('the versions count from 1, and the image of the schema is what the migrations come to', () => {
  expect(MIGRATIONS.map(({ version }) => version)).toEqual(MIGRATIONS.map((_, i) => i + 1));
  expect(SCHEMA.slice(2)).toEqual(MIGRATIONS.flatMap(({ statements }) => statements));
});
