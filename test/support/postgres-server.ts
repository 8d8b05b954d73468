// Finds a PostgreSQL server for all tests of a run, before the first of them: the one that STANDIN_POSTGRES_URL names, else
// the one on 127.0.0.1:5432, else a private one of its own where the binaries are, which ends with the run. Its URL is
// provided as `postgresUrl`, null when there is no server; the tests skip then, and say so, save in CI.

import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { chownSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    /** Null when there is no PostgreSQL here. */
    postgresUrl: string | null;
  }
}

const USUAL_URLS = ['postgres://postgres@127.0.0.1:5432/test', 'postgres://root@127.0.0.1:5432/test'];
const START_LIMIT_MS = 30_000;

/** @throws Error when STANDIN_POSTGRES_URL is set and nobody answers there. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const named = process.env['STANDIN_POSTGRES_URL'];
  const known = await firstThatAnswers(named === undefined ? USUAL_URLS : [named]);
  if (named !== undefined && known === null) throw new Error(`no PostgreSQL answers at STANDIN_POSTGRES_URL`);
  const server = known === null ? await PrivateServer.start() : null;
  project.provide('postgresUrl', known ?? server?.url ?? null);
  return async () => server?.stop();
}

async function firstThatAnswers(urls: readonly string[]): Promise<string | null> {
  for (const url of urls) if (await answers(url)) return url;
  return null;
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
  client.on('error', () => undefined); // `connect` rejects as well
  try {
    await client.connect();
    return true;
  } catch {
    return false;
  } finally {
    await client.end();
  }
}

/** A server of this run's own, in a temporary folder, on a free port of this machine. */
class PrivateServer {
  readonly url: string;
  readonly #folder: string;
  readonly #process: ChildProcess;

  private constructor(folder: string, process: ChildProcess, port: number) {
    this.#folder = folder;
    this.#process = process;
    this.url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  }

  /** Null when the binaries are not here, or there is no user who may run them. */
  static async start(): Promise<PrivateServer | null> {
    const binaries = findBinaries();
    const owner = serverUser();
    if (binaries === null || owner === null) return null;
    const folder = mkdtempSync(join(tmpdir(), 'standin-postgres-'));
    if ('uid' in owner) chownSync(folder, owner.uid, owner.gid);
    const data = join(folder, 'data');
    const options = ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-locale', '--no-sync'];
    await promisify(execFile)(join(binaries, 'initdb'), options, { ...owner, cwd: folder });
    const port = await freePort();
    const settings = ['listen_addresses=127.0.0.1', `unix_socket_directories=${folder}`, 'fsync=off'];
    const args = ['-D', data, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])];
    const child = spawn(join(binaries, 'postgres'), args, { ...owner, cwd: folder, stdio: 'ignore' });
    const server = new PrivateServer(folder, child, port);
    await server.#untilItAnswers();
    return server;
  }

  /** Ends the server, whoever is connected, and removes what it stored. */
  async stop(): Promise<void> {
    if (this.#process.exitCode === null) {
      const ended = new Promise((resolve) => this.#process.once('exit', resolve));
      this.#process.kill('SIGINT');
      await ended;
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #untilItAnswers(): Promise<void> {
    const deadline = performance.now() + START_LIMIT_MS;
    while (!(await answers(this.url))) {
      if (this.#process.exitCode !== null || performance.now() > deadline) {
        await this.stop();
        throw new Error('the private PostgreSQL server has not started');
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** The folder of `initdb` and `postgres`, null when they are not here. */
function findBinaries(): string | null {
  const debian = '/usr/lib/postgresql';
  const versions = listed(debian).toSorted((a, b) => Number(b) - Number(a));
  const folders = [
    ...(process.env['PATH'] ?? '').split(delimiter),
    ...versions.map((v) => join(debian, v, 'bin')),
  ];
  return (
    folders.find((folder) => ['initdb', 'postgres'].every((name) => listed(folder).includes(name))) ?? null
  );
}

function listed(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // not a folder, or none that we may see
  }
}

/** Whom the server runs as: it refuses root. Null when there is nobody else. */
function serverUser(): { uid: number; gid: number } | Record<string, never> | null {
  if (process.getuid?.() !== 0) return {};
  try {
    const id = (flag: string): number => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
    return { uid: id('-u'), gid: id('-g') };
  } catch {
    return null;
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
