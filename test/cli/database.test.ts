// The commands that look after a database: `standin master upgrade` and `standin queue`.

import { join } from 'node:path';
import { expect, test } from 'vitest';
import { DatabaseConnector } from '../../src/db/connector.js';
import { openDatabase } from '../../src/db/open-database.js';
import { RealTimeRuntime } from '../support/real-time-runtime.js';
import { aFolder, standin } from './spawn-standin.js';

test('a database is upgraded, its queues are listed, and one is dropped', async () => {
  const folder = aFolder();
  const upgraded = standin(folder, 'master', 'upgrade', '--db', 'sqlite:ci.sqlite');
  expect(upgraded).toMatchObject({ code: 0, stderr: '' });
  expect(upgraded.stdout).toMatch(/^the database was upgraded from schema version 0 to \d+\n$/);
  expect(standin(folder, 'master', 'upgrade', '--db', 'sqlite:ci.sqlite').stdout).toMatch(/already\n$/);

  const runtime = new RealTimeRuntime();
  const driver = await openDatabase(`sqlite:${join(folder, 'ci.sqlite')}`, runtime.clock);
  const db = new DatabaseConnector(driver, runtime);
  await db.queues.register('irc', ['changes', null, 'new']);
  db.database.stop();
  driver.close();

  const listed = standin(folder, 'queue', 'list', '--db', 'sqlite:ci.sqlite');
  expect(listed).toMatchObject({ code: 0, stdout: '       0  irc  changes.*.new\n' });
  const misspelt = standin(folder, 'queue', 'drop', 'ircc', '--db', 'sqlite:ci.sqlite');
  expect(misspelt).toMatchObject({ code: 64 });
  expect(misspelt.stderr).toBe("standin: there is no queue named 'ircc' (did you mean 'irc'?)\n");
  const dropped = standin(folder, 'queue', 'drop', 'irc', '--db', 'sqlite:ci.sqlite');
  expect(dropped).toMatchObject({ code: 0, stdout: "the queue 'irc' is gone, and 0 messages with it\n" });
  expect(standin(folder, 'queue', 'list', '--db', 'sqlite:ci.sqlite').stdout).toBe('there are no queues\n');
});

test.each([
  [['master', 'upgrade'], /required option '--db <url>'/],
  [['master', 'upgrade', '--db', 'mysql://host/ci'], /cannot be used: expected sqlite:/],
  [['master', 'upgrade', '--db', 'sqlite:no/such/folder/x.sqlite'], /cannot open the database file/],
  [['queue', 'list', '--db', 'sqlite:'], /schema version 0, .* it is empty/],
])('%j is wrong usage, and says why', (args, message) => {
  const { code, stdout, stderr } = standin(aFolder(), ...args);
  expect([code, stdout]).toEqual([64, '']);
  expect(stderr).toMatch(message);
});
