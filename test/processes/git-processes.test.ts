// Masters as real processes that poll a git repository and build what they find, while somebody pushes to it and whichever
// master is active is killed, again and again: every commit is one change, and is built to its end once.

import { execFile, fork, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PACKAGE_ROOT } from '../../sim/explore/package-root.js';
import { PostgresDriver } from '../../src/db/postgres/driver.js';
import { SCHEMA } from '../../src/db/schema.js';
import { describeOnPostgres } from '../support/postgres.js';
import { soakOr } from '../support/soak.js';
import type { GitMasterOptions } from './git-master.js';

const KILLS = soakOr(50, 2);
/** A generous bound: what takes longer hangs. */
const HANG_MS = 180_000;
const NAMES = ['master-a', 'master-b'];
const PUSH_PAUSE_MS = 300;

let folder: string;
const children = new Map<string, ChildProcess>();

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'standin-processes-'));
  await build({
    entryPoints: [join(PACKAGE_ROOT, 'test/processes/git-master.ts')],
    outfile: join(folder, 'git-master.cjs'),
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    external: ['pg-native'],
    logLevel: 'error',
  });
});

afterAll(() => {
  for (const child of children.values()) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

/** A repository to which commits are pushed, one after the other, until told to stop. */
class PushedRepository {
  readonly path: string;
  readonly revisions: string[] = [];
  #pushing: Promise<void> = Promise.resolve();
  #isOver = false;

  constructor(path: string) {
    this.path = path;
  }

  async make(): Promise<void> {
    mkdirSync(this.path);
    await this.#git('init', '--quiet', '--initial-branch=main');
    await this.#git('commit', '--quiet', '--allow-empty', '--message', 'before');
  }

  begin(): void {
    this.#pushing = this.#push();
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await this.#pushing;
  }

  async #push(): Promise<void> {
    for (let i = 1; !this.#isOver; i++) {
      await this.#git('commit', '--quiet', '--allow-empty', '--message', `commit ${i}`);
      this.revisions.push(await this.#git('rev-parse', 'HEAD'));
      await new Promise((resolve) => setTimeout(resolve, PUSH_PAUSE_MS));
    }
  }

  async #git(...args: readonly string[]): Promise<string> {
    const identity = [
      '-c',
      'user.name=Ann',
      '-c',
      'user.email=ann@example.org',
      '-c',
      'commit.gpgsign=false',
    ];
    const { stdout } = await promisify(execFile)('git', ['-C', this.path, ...identity, ...args]);
    return stdout.trim();
  }
}

describeOnPostgres('masters that poll a repository and are killed', SCHEMA, (_fresh, url) => {
  const namespace = `standin_test_${randomUUID().slice(0, 8)}`;
  const client = new pg.Client({ connectionString: url });

  beforeAll(async () => {
    await new PostgresDriver({ url, namespace }).createSchema(SCHEMA);
    await client.connect();
    await client.query(`SET search_path TO ${namespace}`);
  });
  afterAll(async () => {
    await client.query(`DROP SCHEMA ${namespace} CASCADE`);
    await client.end();
  });

  async function values(sql: string): Promise<readonly string[]> {
    const { rows } = await client.query<{ value: unknown }>(sql);
    return rows.map(({ value }) => String(value));
  }

  async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
    const deadline = performance.now() + HANG_MS;
    while (!(await condition())) {
      const dead = [...children].find(([, { exitCode }]) => exitCode !== null);
      if (dead !== undefined) throw new Error(`${dead[0]} has ended by itself`);
      if (performance.now() > deadline) throw new Error(`it hangs: never ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  function startMaster(name: string, repository: string): void {
    const options: GitMasterOptions = {
      name,
      databaseUrl: url,
      namespace,
      repository,
      workFolder: join(folder, name),
    };
    children.set(name, fork(join(folder, 'git-master.cjs'), [JSON.stringify(options)]));
  }

  const countChanges = async (): Promise<number> =>
    Number((await values('SELECT COUNT(*) AS value FROM changes'))[0]);
  const activeMaster = `SELECT m.name AS value FROM changesource_masters l JOIN masters m ON m.id = l.masterid`;

  test('announce every commit once, and build each to its end once', { timeout: 1_200_000 }, async () => {
    const repository = new PushedRepository(join(folder, 'repository'));
    await repository.make();
    for (const name of NAMES) startMaster(name, repository.path);
    await until('looked for the first time', async () =>
      (await values(`SELECT name AS value FROM object_state WHERE name = 'progress'`)).includes('progress'),
    );
    repository.begin();

    for (let kill = 1; kill <= KILLS; kill++) {
      const before = await countChanges();
      await until('found a commit', async () => (await countChanges()) > before);
      const [active] = await values(activeMaster);
      const child = children.get(active ?? '');
      if (active === undefined || child === undefined) continue; // between two owners
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
      startMaster(active, repository.path);
    }

    await repository.end();
    const { revisions } = repository;
    await until('announced all commits', async () => (await countChanges()) >= revisions.length);
    await until('built all commits', async () => {
      const open = await values('SELECT COUNT(*) AS value FROM buildsets WHERE complete = 0');
      const all = await values('SELECT COUNT(*) AS value FROM buildsets');
      return open[0] === '0' && Number(all[0]) >= revisions.length;
    });
    expect(await values('SELECT revision AS value FROM changes ORDER BY changeid')).toEqual(revisions);
    expect(await values('SELECT COUNT(*) AS value FROM buildsets')).toEqual([String(revisions.length)]);
    expect(await values('SELECT DISTINCT results AS value FROM buildsets')).toEqual(['0']);
    // A request may have been built again, after a master died with it; it was built to its end once.
    expect(
      await values(
        `SELECT COUNT(*) AS value FROM builds WHERE results = 0 GROUP BY buildrequestid HAVING COUNT(*) <> 1`,
      ),
    ).toEqual([]);
    expect(await values('SELECT COUNT(*) AS value FROM builds WHERE results IS NULL')).toEqual(['0']);

    const exits = [...children.values()].map((child) => once(child, 'exit'));
    for (const child of children.values()) child.kill('SIGTERM');
    expect(await Promise.all(exits)).toEqual([
      [0, null],
      [0, null],
    ]);
  });
});
