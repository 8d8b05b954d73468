// A database on a real PostgreSQL for one test file: a namespace of its own, emptied for each test, dropped afterwards.

import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, describe, expect, inject, test } from 'vitest';
import { PostgresDriver } from '../../src/db/postgres/driver.js';
import './postgres-server.js';

/**
 * Defines `suite` on PostgreSQL. `fresh` gives a driver on a database that holds `schema` and nothing else; what drivers
 * opened before is gone. Without a server the suite is skipped, and in CI that fails.
 */
export function describeOnPostgres(
  name: string,
  schema: readonly string[],
  suite: (fresh: () => Promise<PostgresDriver>, url: string) => void,
): void {
  const url = inject('postgresUrl');
  if (url === null) {
    describe(`${name} (skipped: no PostgreSQL here, see STANDIN_POSTGRES_URL)`, () => {
      test.skipIf(process.env['CI'] === undefined)('a PostgreSQL server is there', () => {
        expect(url).not.toBeNull();
      });
    });
    return;
  }
  describe(name, () => {
    const namespace = new Namespace(url, schema);
    afterAll(() => namespace.drop());
    suite(() => namespace.fresh(), url);
  });
}

class Namespace {
  readonly #name = `standin_test_${randomUUID().slice(0, 8)}`;
  readonly #driver: PostgresDriver;
  readonly #schema: readonly string[];
  /** Past the driver: what is done here is not portable. */
  readonly #client: pg.Client;
  #isCreated = false;

  constructor(url: string, schema: readonly string[]) {
    this.#driver = new PostgresDriver({ url, namespace: this.#name });
    this.#schema = schema;
    this.#client = new pg.Client({ connectionString: url });
  }

  async fresh(): Promise<PostgresDriver> {
    if (this.#isCreated) {
      await this.#empty();
    } else {
      await this.#client.connect();
      await this.#driver.createSchema(this.#schema);
      await this.#client.query(`SET search_path TO ${this.#name}`);
      this.#isCreated = true;
    }
    return this.#driver;
  }

  async drop(): Promise<void> {
    if (this.#isCreated) await this.#client.query(`DROP SCHEMA ${this.#name} CASCADE`);
    await this.#client.end();
  }

  async #empty(): Promise<void> {
    const tables = this.#schema.flatMap((sql) => /^\s*CREATE TABLE (\w+)/.exec(sql)?.[1] ?? []);
    const rows = this.#schema.filter((sql) => /^\s*INSERT/.test(sql));
    await this.#client.query([`TRUNCATE ${tables.join(', ')} RESTART IDENTITY`, ...rows].join(';'));
  }
}
