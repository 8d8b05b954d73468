// Real databases for one test each, empty and by URL: a file in a folder of its own, a namespace of PostgreSQL. What a test
// leaves open in them does not matter; they are removed behind it.

import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { describe } from 'vitest';
import { describeOnPostgres } from './postgres.js';

/** Runs a body with the URL of a database that is empty; settles as the body does. */
export type WithEmptyDatabase = (body: (url: string) => Promise<void>) => Promise<void>;

/** Defines `suite` once for each database that outlives a process. */
export function onEachRealDatabase(what: string, suite: (run: WithEmptyDatabase) => void): void {
  describe(`${what}, on SQLite in a file`, () => suite(withFile));
  describeOnPostgres(`${what}, on PostgreSQL`, [], (_, url) => {
    suite((body) => withNamespace(url, body));
  });
}

async function withFile(body: (url: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'standin-sqlite-'));
  try {
    await body(`sqlite:${join(folder, 'standin.sqlite')}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Runs a body with the URL of an empty namespace on a PostgreSQL server. */
export async function withNamespace(server: string, body: (url: string) => Promise<void>): Promise<void> {
  const name = `standin_test_${randomUUID().slice(0, 8)}`;
  const client = new pg.Client({ connectionString: server });
  await client.connect();
  await client.query(`CREATE SCHEMA ${name}`);
  try {
    const url = new URL(server);
    url.searchParams.set('namespace', name);
    await body(url.href);
  } finally {
    await client.query(`DROP SCHEMA ${name} CASCADE`);
    await client.end();
  }
}
