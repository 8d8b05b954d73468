// The databases on which the suites of the connectors run, each with an environment of its own for each test.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe } from 'vitest';
import { DataUpdates } from '../../src/data/updates.js';
import { EventWriter } from '../../src/data/event-writer.js';
import { DatabaseConnector } from '../../src/db/connector.js';
import type { Driver, Row, SqlValue } from '../../src/db/driver.js';
import { migrate } from '../../src/db/migrate.js';
import { SCHEMA } from '../../src/db/schema.js';
import { FileDriver } from '../../src/db/sqlite/file-driver.js';
import { MemoryDriver } from '../../src/db/sqlite/memory-driver.js';
import { SimpleMQ } from '../../src/mq/simple-queue.js';
import { wallSeconds } from '../../src/runtime/clock.js';
import type { Runtime } from '../../src/runtime/runtime.js';
import { SqlEngine } from '../../sim/world/sql-engine.js';
import { describeOnPostgres } from '../support/postgres.js';
import { RealTimeRuntime } from '../support/real-time-runtime.js';
import { TestRuntime } from '../support/test-runtime.js';
import { DatabaseWorld } from '../world/database-world.js';

/** A fresh database, and what a suite does with it. */
export class DatabaseEnvironment {
  readonly db: DatabaseConnector;
  readonly updates: DataUpdates;
  readonly #runtime: Runtime;

  constructor(driver: Driver, runtime: Runtime) {
    this.#runtime = runtime;
    this.db = new DatabaseConnector(driver, runtime);
    const writer = new EventWriter(this.db, new SimpleMQ(runtime), runtime.clock);
    this.updates = new DataUpdates(this.db, writer, runtime.clock);
  }

  /** The time, in seconds since the epoch. A test takes less than one. */
  get now(): number {
    return wallSeconds(this.#runtime.clock);
  }

  /** The rows that a query gives. */
  async rows(sql: string, ...values: SqlValue[]): Promise<readonly Row[]> {
    return (await this.db.database.read([{ sql, values }]))[0]?.rows ?? [];
  }

  /** Changes rows behind the connectors' backs, in one transaction. */
  async write(...statements: readonly (readonly [sql: string, ...values: SqlValue[]])[]): Promise<void> {
    await this.db.database.batch(statements.map(([sql, ...values]) => ({ sql, values })));
  }
}

/** Runs a body in a fresh environment; settles as the body does. */
export type RunWithDatabase = (body: (environment: DatabaseEnvironment) => Promise<void>) => Promise<void>;

/** Defines `suite` once for each database. */
export function onEachDatabase(what: string, suite: (run: RunWithDatabase) => void): void {
  describe(`${what}, on SQLite in memory`, () => suite(inMemory));
  describe(`${what}, on SQLite in a file`, () => suite(inFile));
  describe(`${what}, on the simulated server`, () => {
    let engine: Promise<SqlEngine> | null = null;
    afterAll(async () => (await engine)?.close());
    suite(async (body) => {
      engine ??= SqlEngine.open();
      await inSimulation(await engine, body);
    });
  });
  describeOnPostgres(`${what}, on PostgreSQL`, SCHEMA, (fresh) => {
    suite(async (body) => {
      const environment = new DatabaseEnvironment(await fresh(), new RealTimeRuntime());
      try {
        await body(environment);
      } finally {
        environment.db.database.stop();
      }
    });
  });
}

const inMemory: RunWithDatabase = async (body) => {
  const driver = await MemoryDriver.create();
  try {
    await body(new DatabaseEnvironment(driver, new TestRuntime()));
  } finally {
    driver.close();
  }
};

const inFile: RunWithDatabase = async (body) => {
  const runtime = new RealTimeRuntime();
  const folder = mkdtempSync(join(tmpdir(), 'standin-sqlite-'));
  const driver = await FileDriver.create(join(folder, 'standin.sqlite'), runtime.clock);
  try {
    await migrate(driver, runtime, 'empty');
    await body(new DatabaseEnvironment(driver, runtime));
  } finally {
    driver.close();
    rmSync(folder, { recursive: true });
  }
};

async function inSimulation(engine: SqlEngine, body: Parameters<RunWithDatabase>[0]): Promise<void> {
  const world = new DatabaseWorld(engine);
  let outcome: { readonly error: unknown } | 'well' | 'unfinished' = 'unfinished';
  world.client('master-a', async ({ driver, process }) => {
    const runtime: Runtime = {
      clock: process,
      random: { integer: () => 0 },
      logger: { log: () => undefined },
      probe: { emit: () => undefined },
    };
    try {
      await body(new DatabaseEnvironment(driver, runtime));
      outcome = 'well';
    } catch (error) {
      outcome = { error };
    }
  });
  await world.run(60);
  const ended = outcome as { readonly error: unknown } | 'well' | 'unfinished';
  if (typeof ended === 'object') throw ended.error;
  if (ended === 'unfinished') throw new Error('the test has not ended after a minute of virtual time');
}
