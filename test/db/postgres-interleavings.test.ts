// Interleavings on a real server that need more than statements in an order: an owner that is paused with a lock in its
// hands, a write that is tried again although it was done, and a queue that is registered while others announce.

import { beforeEach, expect, test } from 'vitest';
import { EventWriter } from '../../src/data/event-writer.js';
import { NEW_CHANGES } from '../../src/data/events.js';
import { DatabaseConnector } from '../../src/db/connector.js';
import { Database } from '../../src/db/database.js';
import type { Session, Statement } from '../../src/db/driver.js';
import type { PostgresDriver } from '../../src/db/postgres/driver.js';
import { SCHEMA } from '../../src/db/schema.js';
import { SimpleMQ } from '../../src/mq/simple-queue.js';
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

describeOnPostgres('a queue that is registered while something is being announced', SCHEMA, (fresh) => {
  /** 1. A begins to look. 2. B registers a queue, and commits. 3. A announces, and commits. */
  async function announceAround(register: (db: DatabaseConnector) => Promise<unknown>): Promise<number> {
    const db = new DatabaseConnector(await fresh(), runtime);
    const writer = new EventWriter(db, new SimpleMQ(runtime), runtime.clock);
    const eventIds = await writer.takeIds(1);
    let attempts = 0;
    await db.database.transaction(
      async (tx) => {
        await tx.one('SELECT changeid FROM changes WHERE change_key = ?', ['key']);
        attempts += 1;
        if (attempts === 1) await register(db);
        writer.announce(tx, [{ key: ['changes', '1', 'new'], body: { changeid: 1 } }], eventIds);
      },
      { isIdempotent: true },
    );
    const [queued] = await db.database.read([{ sql: 'SELECT routing_key FROM queue_messages', values: [] }]);
    db.database.stop();
    expect(queued?.rows).toEqual([{ routing_key: '["changes","1","new"]' }]);
    return attempts;
  }
  const runtime = new RealTimeRuntime();

  // In the order A, B nothing would be missed; but B was told that nothing would be missed from then on.
  test('gets it, whether it is that of a new scheduler', async () => {
    expect(await announceAround((db) => db.schedulers.findSchedulerId('s', [NEW_CHANGES]))).toBe(2);
  });

  test('or one more of a scheduler that is there', async () => {
    const registered = async (db: DatabaseConnector): Promise<unknown> => {
      await db.schedulers.findSchedulerId('s');
      return db.schedulers.findSchedulerId('s', [NEW_CHANGES]);
    };
    expect(await announceAround(registered)).toBe(2);
  });

  test('or a consumer that has nothing to do with schedulers', async () => {
    expect(await announceAround((db) => db.queues.register('audit', NEW_CHANGES))).toBe(2);
  });
});

async function idleFor(session: Session, limit: string): Promise<void> {
  await sql(session, "SELECT set_config('idle_in_transaction_session_timeout', ?, false) AS value", limit);
}
