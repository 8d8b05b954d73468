// Real masters as processes of their own, on a real PostgreSQL: signals, exit codes, take-over. Each wait is for a condition
// that must come true; its bound only ends a test that has failed.

import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest';
import { EventWriter } from '../../src/data/event-writer.js';
import { DataUpdates } from '../../src/data/updates.js';
import { DatabaseConnector } from '../../src/db/connector.js';
import { PostgresDriver } from '../../src/db/postgres/driver.js';
import { SimpleMQ } from '../../src/mq/simple-queue.js';
import { PACKAGE_ROOT } from '../../sim/explore/package-root.js';
import { RealTimeRuntime } from '../support/real-time-runtime.js';
import '../support/postgres-server.js';
import { aFolder, standin } from './spawn-standin.js';

const BOUND_MS = 50_000;

/** A configuration with a short lease; `schedulers` is the text of an array. */
function configSource(name: string, db: string, schedulers: string): string {
  return `import { BaseScheduler, SingleBranchScheduler } from 'standin';

class NeverEnds extends BaseScheduler {
  override stopActivity() {
    return new Promise<void>(() => undefined);
  }
}

export default {
  name: '${name}',
  db: '${db}',
  heartbeatMs: 500,
  leaseMs: 6_500,
  claimPollMs: 1_000,
  schedulers: ${schedulers},
  builders: [NeverEnds.name],
};
`;
}

const FAST = `[new SingleBranchScheduler('fast', ['linux'], { branch: 'master' })]`;

/** `standin master start` as a process. */
class MasterProcess {
  readonly file: string;
  log = '';
  exitCode: number | null = null;
  readonly #child: ChildProcess;

  constructor(source: string) {
    this.file = join(aFolder({ 'master.ts': source }), 'master.ts');
    const command = [join(PACKAGE_ROOT, 'bin/standin.js'), 'master', 'start', this.file];
    this.#child = spawn(process.execPath, command, { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#child.stderr?.on('data', (data) => (this.log += String(data)));
    this.#child.on('exit', (code) => (this.exitCode = code ?? -1));
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  says(text: string): Promise<void> {
    return until(
      () => this.log.includes(text),
      () => `'${text}' in\n${this.log}`,
    );
  }

  async ends(): Promise<number | null> {
    await until(
      () => this.exitCode !== null,
      () => `the end of\n${this.log}`,
    );
    return this.exitCode;
  }
}

async function until(condition: () => boolean | Promise<boolean>, what: () => string): Promise<void> {
  const deadline = performance.now() + BOUND_MS;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited in vain for ${what()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

describe('check-config', () => {
  test('says what a configuration comes to, and exits with 0', () => {
    const folder = aFolder({ 'master.ts': configSource('a', 'sqlite:', FAST) });
    expect(standin(folder, 'master', 'check-config', 'master.ts')).toEqual({
      code: 0,
      stdout: `master.ts is valid
  master a, database memory, queue simple
  a lease of 6500 ms, renewed every 500 ms
  SingleBranchScheduler fast
`,
      stderr: '',
    });
  });

  test('says what a file that masters share cannot do', () => {
    const folder = aFolder({ 'master.ts': configSource('a', 'sqlite:shared.sqlite', FAST) });
    const { code, stdout } = standin(folder, 'master', 'check-config', 'master.ts');
    expect(code).toBe(0);
    expect(stdout).toContain('must not be on a network file system');
    expect(stdout).toContain('one that is stopped inside a write holds up all others');
  });

  test('says everything that is wrong, without a stack, and exits with 64', () => {
    const source = `export default { nmae: 'a', db: 'oracle://x', leaseMs: 1, schedulers: [] };`;
    const { code, stderr } = standin(aFolder({ 'master.ts': source }), 'master', 'check-config', 'master.ts');
    expect(stderr).toBe(`standin: master.ts: 4 problems
  unknown key 'nmae' in the configuration (did you mean 'name'?)
  'name' must be a text that is not empty
  the database "oracle://x" cannot be used: expected sqlite:, sqlite:path or postgres://host/database
  'leaseMs' is 1, expected at least 35000: three heartbeats and 5000 ms
`);
    expect(code).toBe(64);
  });

  test.each([
    [
      'a database of another kind',
      `{ name: 'a', db: 'oracle://x', schedulers: [] }`,
      'the database "oracle://x" cannot be used',
    ],
    [
      'no default export',
      `undefined; export const x = 1`,
      'the configuration is missing, expected an object',
    ],
  ])('%s', (_name, value, message) => {
    const folder = aFolder({ 'master.ts': `export default ${value};` });
    const { code, stderr } = standin(folder, 'master', 'check-config', 'master.ts');
    expect([code, stderr.split('\n').length]).toEqual([64, 2]);
    expect(stderr).toContain(message);
  });

  test('a scheduler that refuses its arguments is told with file and line', () => {
    const folder = aFolder({
      'master.ts': configSource('a', 'sqlite:', `[new SingleBranchScheduler('x', [], {})]`),
    });
    const { code, stderr } = standin(folder, 'master', 'check-config', 'master.ts');
    expect([code, stderr]).toEqual([
      64,
      "standin: master.ts:15: scheduler 'x' needs either a branch or a changeFilter\n",
    ]);
  });

  test('a file that is not there is wrong usage', () => {
    expect(standin(aFolder(), 'master', 'start', 'nowhere.ts')).toMatchObject({ code: 64, stdout: '' });
  });
});

const url = inject('postgresUrl');

describe.skipIf(url === null)('masters on PostgreSQL', () => {
  const namespace = `standin_test_${randomUUID().slice(0, 8)}`;
  const client = new pg.Client({ connectionString: url ?? '' });
  const runtime = new RealTimeRuntime();
  const running: MasterProcess[] = [];
  const names = ['one', 'two', 'three', 'four', 'five', 'six'];

  beforeAll(async () => {
    await client.connect();
    await new PostgresDriver({ url: url ?? '', namespace }).createSchema();
    await client.query(`SET search_path TO ${namespace}`);
  });

  afterEach(async () => {
    for (const master of running.splice(0)) {
      master.signal('SIGKILL');
      await master.ends();
    }
  });

  afterAll(async () => {
    await client.query(`DROP SCHEMA ${namespace} CASCADE`);
    await client.end();
  });

  /** A master that runs, and its name. Each test has schedulers of its own. */
  async function start(schedulers: string): Promise<MasterProcess & { readonly name: string }> {
    const name = `master-${names.shift()}`;
    const source = configSource(name, `${url}?namespace=${namespace}`, schedulers);
    const master = Object.assign(new MasterProcess(source), { name });
    running.push(master);
    await master.says(`'${name}' runs`);
    return master;
  }

  async function ownerOf(scheduler: string): Promise<string | null> {
    const { rows } = await client.query(
      `SELECT m.name FROM schedulers s JOIN scheduler_masters l ON l.schedulerid = s.id
       JOIN masters m ON m.id = l.masterid WHERE s.name = $1`,
      [scheduler],
    );
    return (rows as { name: string }[])[0]?.name ?? null;
  }

  async function addChange(key: string, branch: string): Promise<number> {
    const db = new DatabaseConnector(new PostgresDriver({ url: url ?? '', namespace }), runtime);
    const writer = new EventWriter(db, new SimpleMQ(runtime), runtime.clock);
    const changeid = await new DataUpdates(db, writer, runtime.clock).addChange(
      { author: 'dustin', branch },
      key,
    );
    db.database.stop();
    return changeid;
  }

  async function countBuildsets(changeid: number): Promise<number> {
    const { rows } = await client.query('SELECT 1 FROM buildset_changes WHERE changeid = $1', [changeid]);
    return rows.length;
  }

  test('when the owner is killed another one takes over, and builds what came meanwhile, once', async () => {
    const schedulers = FAST.replace("'fast'", "'takeover'");
    const [first, second] = [await start(schedulers), await start(schedulers)];
    expect(await ownerOf('takeover')).toBe(first.name);
    first.signal('SIGKILL');
    const changeid = await addChange('takeover', 'master');
    await until(
      async () => (await ownerOf('takeover')) === second.name,
      () => `take-over\n${second.log}`,
    );
    await until(
      async () => (await countBuildsets(changeid)) > 0,
      () => `a buildset\n${second.log}`,
    );
    expect(await countBuildsets(changeid)).toBe(1);
  });

  test('SIGTERM stops cleanly: everything is given back, exit code 0, and no stack', async () => {
    const schedulers = FAST.replace("'fast'", "'clean'");
    const [first, second] = [await start(schedulers), await start(schedulers)];
    first.signal('SIGTERM');
    expect(await first.ends()).toBe(0);
    expect(first.log).toContain(`'${first.name}' has stopped`);
    expect(first.log).not.toMatch(/\n +at /);
    await until(
      async () => (await ownerOf('clean')) === second.name,
      () => `take-over\n${second.log}`,
    );
    const { rows } = await client.query('SELECT active FROM masters WHERE name = $1', [first.name]);
    expect(rows).toEqual([{ active: '0' }]); // a bigint, as pg gives it
  });

  test('a second SIGTERM ends a master that does not stop at once', async () => {
    const master = await start(`[new NeverEnds('never', ['linux'])]`);
    master.signal('SIGTERM');
    await master.says(`'${master.name}' stops`);
    master.signal('SIGTERM');
    expect(await master.ends()).toBe(143);
  });

  test('SIGHUP reads the configuration again; a wrong one changes nothing', async () => {
    const of = (branch: string): string =>
      `[new SingleBranchScheduler('hup', ['linux'], { branch: '${branch}' })]`;
    const master = await start(of('old'));
    const source = configSource(master.name, `${url}?namespace=${namespace}`, of('new'));
    writeFileSync(master.file, source);
    master.signal('SIGHUP');
    await master.says('is reconfigured: removed hup; added hup');
    writeFileSync(
      master.file,
      source.replace('leaseMs: 6_500', 'leaseMs: 9_000').replace("'new'", "'newer'"),
    );
    master.signal('SIGHUP');
    await master.says("not reconfigured, nothing has changed: 'leaseMs' cannot change from 6500 to 9000");
    writeFileSync(master.file, source);
    master.signal('SIGHUP');
    await master.says('is reconfigured: kept hup');
    const changeid = await addChange('hup', 'new');
    await until(
      async () => (await countBuildsets(changeid)) > 0,
      () => `a buildset\n${master.log}`,
    );
  });

  test('a database of a newer program ends the start with exit code 1, and a sentence instead of a stack', async () => {
    await client.query('UPDATE schema_version SET version = version + 1');
    const master = new MasterProcess(configSource('late', `${url}?namespace=${namespace}`, FAST));
    expect(await master.ends()).toBe(1);
    expect(master.log).toContain('a newer program has upgraded it');
    expect(master.log).not.toMatch(/\n +at /);
  });
});

test('a master on a database file of its own makes the tables, runs, and stops cleanly', async () => {
  const file = join(aFolder(), 'standin.sqlite');
  const master = new MasterProcess(configSource('alone', `sqlite:${file}`, FAST));
  await master.says("'alone' runs");
  master.signal('SIGTERM');
  expect(await master.ends()).toBe(0);
});
