// A process that writes to a database file: `hold` stays in the middle of a transaction, `add` commits so many rows.

import { FileDriver } from '../../src/db/sqlite/file-driver.js';
import { NodeRuntime } from '../../src/runtime/node/runtime.js';
import { Database } from '../../src/db/database.js';

const [path = '', what = '', count = '0'] = process.argv.slice(2);
const runtime = new NodeRuntime();
const driver = await FileDriver.create(path, runtime.clock);
const say = (line: string): void => void process.stdout.write(`${line}\n`);

if (what === 'hold') {
  const session = await driver.open();
  // More than the cache holds, so that a part is in the file already.
  await session.run([
    { sql: 'BEGIN', values: [] },
    { sql: 'UPDATE notes SET note = ?', values: ['uncommitted'.repeat(1000)] },
  ]);
  say('holding');
  setInterval(() => say('beat'), 100);
} else {
  const database = new Database(driver, runtime);
  for (let i = 0; i < Number(count); i++) {
    // Read, then write what was read: two at once would lose one.
    await database.transaction(async (tx) => {
      const row = await tx.one('SELECT amount FROM counters WHERE id = 1');
      await tx.change('UPDATE counters SET amount = ? WHERE id = 1', [Number(row?.['amount']) + 1]);
    });
  }
  say('done');
  database.stop();
  driver.close();
}
