// Lists of 100,000 masters and changes: how the databases go about a filter, an order and a page.

import Libsql from 'libsql';
import pg from 'pg';
import { expect, test } from 'vitest';
import { DataQueries, type DataSpec } from '../../src/data/queries.js';
import { Database } from '../../src/db/database.js';
import type { Statement } from '../../src/db/driver.js';
import { migrate } from '../../src/db/migrate.js';
import { openDatabase } from '../../src/db/open-database.js';
import { numberParameters } from '../../src/db/postgres/dialect.js';
import { GatedDriver } from '../support/gated-driver.js';
import { RealTimeRuntime } from '../support/real-time-runtime.js';
import { onEachRealDatabase } from '../support/scratch.js';

const ROWS = 100_000;
/** No more than these are read for a page of ten, and for its total. */
const MOST_ROWS_READ = 100;
const MOST_ROWS_COUNTED = 10_001;

const NUMBERS = `WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${ROWS})`;
const FILL: readonly string[] = [
  `${NUMBERS} INSERT INTO masters (id, name, name_hash, active, last_active)
   SELECT n, 'master-' || ((n * 7919) % ${ROWS}), 'hash-' || n, n % 2, n FROM numbers`,
  `INSERT INTO sourcestamps (id, ss_hash, created_at) VALUES (1, 'hash', 1)`,
  `${NUMBERS} INSERT INTO changes (changeid, author, comments, branch, when_timestamp, files, properties, sourcestampid, change_key)
   SELECT n, 'me', '', 'branch-' || (n % 10), (n * 7919) % ${ROWS}, '[]', '{}', 1, 'key-' || n FROM numbers`,
];

const LISTS: readonly (readonly [list: string, spec: DataSpec])[] = [
  ['masters', { order: ['name'], limit: 10, offset: 20 }],
  ['masters', { order: ['-name'], limit: 10 }],
  ['masters', { filters: [{ field: 'active', op: 'eq', values: [true] }], order: ['name'], limit: 10 }],
  ['masters', { filters: [{ field: 'active', op: 'eq', values: [true] }], order: ['masterid'], limit: 10 }],
  ['changes', { order: ['-changeid'], limit: 10 }],
  ['changes', { order: ['-when_timestamp'], limit: 10 }],
  [
    'changes',
    { filters: [{ field: 'branch', op: 'eq', values: ['branch-3'] }], order: ['-changeid'], limit: 10 },
  ],
];

onEachRealDatabase('a page of a long list', (run) => {
  test('is found without reading the list', () =>
    run(async (url) => {
      const runtime = new RealTimeRuntime();
      const driver = await openDatabase(url, runtime.clock);
      await migrate(driver, runtime, 'empty');
      const sent: Statement[] = [];
      const gated = new GatedDriver(driver);
      const database = new Database(gated, runtime);
      for (const sql of FILL) await database.batch([{ sql, values: [] }]);
      gated.interfere((batch) => void sent.push(...batch.filter(({ sql }) => sql.includes('LIMIT'))));
      const planner = url.startsWith('sqlite:')
        ? new FilePlanner(url.slice(7))
        : await ServerPlanner.connect(url);
      try {
        for (const [list, spec] of LISTS) {
          sent.length = 0;
          const { data, total, isTotalExact } = await new DataQueries(database).getList([list], spec);
          expect(data).toHaveLength(10);
          expect([total, isTotalExact]).toEqual([ROWS / 10, spec.filters?.[0]?.field === 'branch']);
          expect(sent).toHaveLength(2);
          for (const statement of sent) await planner.check(statement, JSON.stringify([list, spec]));
        }
      } finally {
        await planner.close();
        database.stop();
        driver.close();
      }
    }));
});

interface Planner {
  check(statement: Statement, what: string): Promise<void>;
  close(): Promise<void>;
}

/** SQLite says which index it uses, and what it sorts. */
class FilePlanner implements Planner {
  readonly #database: InstanceType<typeof Libsql>;

  constructor(path: string) {
    this.#database = new Libsql(path);
  }

  async check({ sql, values }: Statement, what: string): Promise<void> {
    const rows = this.#database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all([...values]) as { detail: string }[];
    const plan = rows.map(({ detail }) => detail).join('; ');
    // A scan without an index ends with the page, or with what is counted.
    expect(plan, what).toMatch(/USING (COVERING )?INDEX|PRIMARY KEY|SCAN t$/);
    expect(plan, what).not.toMatch(/TEMP B-TREE FOR ORDER BY/);
  }

  async close(): Promise<void> {
    this.#database.close();
  }
}

/** PostgreSQL says how many rows it read. */
class ServerPlanner implements Planner {
  readonly #client: pg.Client;

  private constructor(client: pg.Client) {
    this.#client = client;
  }

  static async connect(url: string): Promise<ServerPlanner> {
    const namespace = new URL(url).searchParams.get('namespace');
    const client = new pg.Client({ connectionString: url.replace(/[?&]namespace=\w+/, '') });
    await client.connect();
    await client.query(`SET search_path TO ${namespace}`);
    await client.query('VACUUM (ANALYZE) masters, changes'); // what a first attempt at filling them left is no row
    await client.query('SET enable_seqscan = off'); // as in every session of ours
    return new ServerPlanner(client);
  }

  async check({ sql, values }: Statement, what: string): Promise<void> {
    const text = `EXPLAIN (ANALYZE, FORMAT JSON) ${numberParameters(sql)}`;
    const { rows } = await this.#client.query<{ 'QUERY PLAN': readonly { Plan: Plan }[] }>(text, [...values]);
    const most = sql.includes('COUNT(') ? MOST_ROWS_COUNTED : MOST_ROWS_READ;
    expect(rowsRead(rows[0]?.['QUERY PLAN'][0]?.Plan), `${what}: ${sql}`).toBeLessThanOrEqual(most);
  }

  async close(): Promise<void> {
    await this.#client.end();
  }
}

interface Plan {
  readonly 'Actual Rows': number;
  readonly 'Rows Removed by Filter'?: number;
  readonly Plans?: readonly Plan[];
}

/** The most that any step of the plan took in. */
function rowsRead(plan: Plan | undefined): number {
  if (plan === undefined) throw new Error('there is no plan');
  const own = plan['Actual Rows'] + (plan['Rows Removed by Filter'] ?? 0);
  return Math.max(own, ...(plan.Plans ?? []).map(rowsRead));
}
