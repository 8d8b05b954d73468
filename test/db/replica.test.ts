// Lists may be answered by a replica, and nothing else is: two databases with different rows show which of them was asked.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { EffectCommitter } from '../../src/data/effects.js';
import { DataQueries } from '../../src/data/queries.js';
import { DatabaseConnector } from '../../src/db/connector.js';
import { Database } from '../../src/db/database.js';
import { IdAllocator } from '../../src/db/ids.js';
import { openReplica } from '../../src/db/open-database.js';
import type { PostgresDriver } from '../../src/db/postgres/driver.js';
import { QueuesConnector } from '../../src/db/queues.js';
import { Replica } from '../../src/db/replica.js';
import { SCHEMA } from '../../src/db/schema.js';
import { checkSchema } from '../../src/db/schema-check.js';
import { readSnapshot } from '../../src/db/snapshot.js';
import { MemoryDriver } from '../../src/db/sqlite/memory-driver.js';
import { BuildMaster } from '../../src/master/build-master.js';
import { describeOnPostgres } from '../support/postgres.js';
import { RealTimeRuntime } from '../support/real-time-runtime.js';
import { TestRuntime } from '../support/test-runtime.js';
import { BEGIN, COMMIT, sql } from '../world/database-world.js';

describe('a master with a replica', () => {
  let primary: MemoryDriver;
  let copy: MemoryDriver;
  beforeEach(async () => {
    [primary, copy] = [await MemoryDriver.create(), await MemoryDriver.create()];
  });
  afterEach(() => {
    primary.close();
    copy.close();
  });

  test('reads lists there, and joins, writes and looks up what it needs in the database', async () => {
    const runtime = new TestRuntime();
    const exit = (reason: string): never => expect.fail(reason);
    const master = new BuildMaster(
      { name: 'a', schedulers: [] },
      { runtime, driver: primary, replica: copy, exit },
    );
    await master.start();
    expect(await master.db.masters.getMaster(master.masterid)).toMatchObject({ name: 'a', active: true });
    expect(await master.queries.getList(['masters'])).toMatchObject({ data: [], total: 0 });

    const old = new DatabaseConnector(copy, runtime);
    await old.masters.findMasterId('old');
    expect((await master.queries.getList(['masters'])).data).toMatchObject([{ name: 'old', active: false }]);
    await master.stop();
    await expect(master.queries.getList(['masters'])).rejects.toMatchObject({ code: 'connection-lost' });
  });

  test('without one reads its lists in the database', async () => {
    const exit = (reason: string): never => expect.fail(reason);
    const ports = { runtime: new TestRuntime(), driver: primary, exit };
    const master = new BuildMaster({ name: 'a', schedulers: [] }, ports);
    await master.start();
    expect((await master.queries.getList(['masters'])).data).toMatchObject([{ name: 'a', active: true }]);
    await master.stop();
  });

  test('what decides cannot be given a replica: this would not compile', () => {
    const runtime = new TestRuntime();
    const replica = new Replica(copy, runtime);
    // @ts-expect-error a replica hands out no ids
    expect(new IdAllocator(replica)).toBeDefined();
    // @ts-expect-error a replica holds no queues
    expect(new QueuesConnector(replica, new IdAllocator(new Database(primary, runtime)))).toBeDefined();
    // @ts-expect-error a replica is no connector, and commits no effect
    expect(new EffectCommitter(replica, null, runtime.clock)).toBeDefined();
    // @ts-expect-error a replica begins no transaction
    expect(replica.transaction).toBeUndefined();
    expect(new DataQueries(replica)).toBeDefined();
  });

  test('a snapshot and the version of the schema can be read through it', async () => {
    const runtime = new TestRuntime();
    await new DatabaseConnector(copy, runtime).masters.findMasterId('old');
    const replica = new Replica(copy, runtime);
    await checkSchema(replica);
    expect((await readSnapshot(replica, 10)).masters).toMatchObject([{ name: 'old' }]);
    const empty = await MemoryDriver.create([]);
    await expect(checkSchema(new Replica(empty, runtime))).rejects.toMatchObject({ code: 'schema-version' });
    empty.close();
  });
});

describeOnPostgres('a replica on PostgreSQL', SCHEMA, (fresh, url) => {
  async function namespaceUrl(): Promise<{ readonly driver: PostgresDriver; readonly url: string }> {
    const driver = await fresh();
    const session = await driver.open();
    const [row] = (await sql(session, 'SELECT current_schema() AS name')).rows;
    session.close();
    const named = new URL(url);
    named.searchParams.set('namespace', String(row?.['name']));
    return { driver, url: named.href };
  }

  test('is read in transactions that a standby allows, and that write nothing', async () => {
    const { url: replicaUrl } = await namespaceUrl();
    const driver = await openReplica(replicaUrl, new RealTimeRuntime().clock);
    const session = await driver.open();
    const setting = async (name: string): Promise<unknown> =>
      (await sql(session, 'SELECT current_setting(?) AS value', name)).rows[0]?.['value'];
    expect(await setting('default_transaction_isolation')).toBe('repeatable read');
    expect(await setting('default_transaction_read_only')).toBe('on');
    expect(await setting('statement_timeout')).toBe('5s');
    const write = sql(session, "INSERT INTO sequences (name, next_id) VALUES ('x', 1)");
    await expect(write).rejects.toThrow('read-only transaction');
    session.close();
  });

  test('answers from one instant, also when others commit between two of its statements', async () => {
    const { driver: primary, url: replicaUrl } = await namespaceUrl();
    const session = await (await openReplica(replicaUrl, new RealTimeRuntime().clock)).open();
    const writer = await primary.open();
    const count = { sql: 'SELECT COUNT(*) AS count FROM sequences', values: [] };
    const [, before] = await session.run([BEGIN, count]);
    await sql(writer, "INSERT INTO sequences (name, next_id) VALUES ('x', 1)");
    const [after] = await session.run([count, COMMIT]);
    expect(after).toEqual(before);
    const [later] = await session.run([count]);
    expect(later).not.toEqual(before);
    session.close();
    writer.close();
  });

  test('gives lists and totals as a list read in the database has them', async () => {
    const { driver: primary, url: replicaUrl } = await namespaceUrl();
    const runtime = new RealTimeRuntime();
    const connector = new DatabaseConnector(primary, runtime);
    for (const name of ['a', 'b', 'c']) await connector.masters.findMasterId(name);
    const replica = new Replica(await openReplica(replicaUrl, runtime.clock), runtime);
    const spec = { limit: 2, order: ['name'] };
    const { data, total } = await new DataQueries(replica).getList(['masters'], spec);
    expect([data.map(({ name }) => name), total]).toEqual([['a', 'b'], 3]);
    connector.database.stop();
    replica.stop();
  });
});
