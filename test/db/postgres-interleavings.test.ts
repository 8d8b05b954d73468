// Interleavings on a real server that need more than statements in an order: an owner that is paused with a lock in its
// hands, and a write that is tried again although it was done.

import { beforeEach, expect, test } from 'vitest';
import { Database } from '../../src/db/database.js';
import type { Session, Statement } from '../../src/db/driver.js';
import type { PostgresDriver } from '../../src/db/postgres/driver.js';
import { SCHEMA } from '../../src/db/schema.js';
import { GatedDriver } from '../support/gated-driver.js';
import { describeOnPostgres } from '../support/postgres.js';
import { RealTimeRuntime } from '../support/real-time-runtime.js';
import { BEGIN, COMMIT, outcome, sql } from '../world/database-world.js';

const FENCE: Statement = {
  sql: 'SELECT epoch FROM schedulers WHERE id = 1',
  values: [],
  lock: 'row:schedulers:1',
};
const CLAIM: Statement = { sql: 'UPDATE schedulers SET epoch = epoch + 1 WHERE id = 1', values: [] };
const EFFECT: Statement = { sql: "INSERT INTO operations VALUES ('effect', 'null', 1)", values: [] };

describeOnPostgres('interleavings on a real server', SCHEMA, (fresh) => {
  let driver: PostgresDriver;

  beforeEach(async () => {
    driver = await fresh();
    const session = await driver.open();
    await sql(session, "INSERT INTO schedulers (id, name, name_hash) VALUES (1, 's', 'h')");
    session.close();
  });

  test('an owner that is paused with the lock of its scheduler loses it, and its effect, to whoever claims', async () => {
    const [owner, other] = [await driver.open(), await driver.open()];
    await idleFor(owner, '200ms');
    await owner.run([BEGIN, FENCE]);
    await owner.run([EFFECT]);
    // It is paused here. Who claims waits, no longer than until the server ends the idle transaction.
    expect(await outcome(other.run([BEGIN, FENCE, CLAIM, COMMIT]))).toBe('ok');
    expect(await outcome(owner.run([COMMIT]))).toBe('idle-timeout');
    expect(owner.isOpen).toBe(false);
    expect((await sql(other, 'SELECT id FROM operations')).rows).toEqual([]);
    expect((await sql(other, 'SELECT epoch FROM schedulers')).rows).toEqual([{ epoch: 1 }]);
    other.close();
  });

  test('a write whose COMMIT was not answered is looked up, not done again', async () => {
    const gated = new GatedDriver(driver);
    const database = new Database(gated, new RealTimeRuntime());
    let isLost = false;
    gated.interfere((batch) => {
      if (isLost || !batch.some(({ sql: text }) => text === 'COMMIT')) return;
      isLost = true;
      return 'lose-reply';
    });
    let attempts = 0;
    const raise = (): Promise<string> =>
      database.transaction(
        async (tx) => {
          attempts += 1;
          await tx.run([CLAIM]);
          return `attempt ${attempts}`;
        },
        { operation: 'raise' },
      );
    expect(await raise()).toBe('attempt 1');
    expect([isLost, attempts]).toEqual([true, 1]);
    const [rows] = await database.read([{ sql: 'SELECT epoch FROM schedulers', values: [] }]);
    expect(rows?.rows).toEqual([{ epoch: 1 }]);
    database.stop();
  });
});

async function idleFor(session: Session, limit: string): Promise<void> {
  await sql(session, "SELECT set_config('idle_in_transaction_session_timeout', ?, false) AS value", limit);
}
