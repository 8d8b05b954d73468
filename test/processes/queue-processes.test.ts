// A publisher and two consumers as real processes, over the router as a process of its own, which is killed and started
// again under load: every durable message arrives, in order and once; every volatile consumer hears again after each restart;
// nothing hangs, and nothing leaks.

import { fork, spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'esbuild';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PACKAGE_ROOT } from '../../sim/explore/package-root.js';
import { PostgresDriver } from '../../src/db/postgres/driver.js';
import { SCHEMA } from '../../src/db/schema.js';
import { describeOnPostgres } from '../support/postgres.js';
import { soakOr } from '../support/soak.js';
import type { PeerOptions, PeerReport } from './peer.js';

const RESTARTS = soakOr(20, 3);
/** A generous bound: what takes longer hangs. */
const HANG_MS = 120_000;
const LEAK_BYTES = 16 * 1024 * 1024;
const NAMESPACE = `standin_test_${randomUUID().slice(0, 8)}`;

let folder: string;
const children = new Set<ChildProcess>();

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'standin-processes-'));
  await build({
    entryPoints: [join(PACKAGE_ROOT, 'test/processes/peer.ts')],
    outfile: join(folder, 'peer.cjs'),
    bundle: true,
    platform: 'node',
    format: 'cjs',
    external: ['pg-native'],
    logLevel: 'error',
  });
});

afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

/** The router as a process; it can be killed and started again on the same port. */
class RouterProcess {
  #port = 0;
  #child: ChildProcess | null = null;

  get url(): string {
    return `ws://127.0.0.1:${this.#port}/`;
  }

  async start(): Promise<void> {
    const args = [join(PACKAGE_ROOT, 'bin/standin.js'), 'router', '--port', String(this.#port)];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    children.add(child);
    this.#child = child;
    for await (const line of createInterface({ input: child.stdout })) {
      const [, port] = /ws:\/\/127\.0\.0\.1:(\d+)/.exec(line) ?? [];
      if (port === undefined) continue;
      this.#port = Number(port);
      return;
    }
    throw new Error('the router ended without a word');
  }

  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.#child;
    if (child === null) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
    children.delete(child);
  }
}

class Peer {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start(options: PeerOptions): Promise<Peer> {
    const child = fork(join(folder, 'peer.cjs'), [JSON.stringify(options)], { execArgv: ['--expose-gc'] });
    children.add(child);
    await once(child, 'message');
    return new Peer(child);
  }

  tell(command: 'publish'): void {
    this.#child.send(command);
  }

  async ask(question: 'report'): Promise<PeerReport> {
    const answer = once(this.#child, 'message');
    this.#child.send(question);
    return (await answer)[0] as PeerReport;
  }

  async rest(): Promise<void> {
    const answer = once(this.#child, 'message');
    this.#child.send('stop-publishing');
    await answer;
  }

  /** Resolves with the exit code once the process has ended by itself. */
  async stop(): Promise<number | null> {
    const exited = once(this.#child, 'exit');
    this.#child.send('stop');
    const [code] = (await exited) as [number | null];
    children.delete(this.#child);
    return code;
  }

  async until(condition: (report: PeerReport) => boolean): Promise<PeerReport> {
    const deadline = performance.now() + HANG_MS;
    for (;;) {
      const report = await this.ask('report');
      if (condition(report)) return report;
      if (performance.now() > deadline) throw new Error(`it hangs: ${JSON.stringify(report)}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

describeOnPostgres(
  'a publisher and two consumers, over a router that is killed under load',
  SCHEMA,
  (_fresh, url) => {
    beforeAll(() => new PostgresDriver({ url, namespace: NAMESPACE }).createSchema(SCHEMA));
    afterAll(async () => {
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      await client.query(`DROP SCHEMA ${NAMESPACE} CASCADE`);
      await client.end();
    });

    test(
      'every durable message arrives, every volatile consumer hears again, nothing leaks',
      { timeout: 600_000 },
      async () => {
        const router = new RouterProcess();
        await router.start();
        const peerOptions = { routerUrl: router.url, databaseUrl: url, namespace: NAMESPACE };
        const consumers: Peer[] = [];
        for (const name of ['one', 'two'])
          consumers.push(await Peer.start({ ...peerOptions, role: 'consumer', name }));
        const publisher = await Peer.start({ ...peerOptions, role: 'publisher', name: 'publisher' });
        publisher.tell('publish');
        const peers = [...consumers, publisher];

        const first: PeerReport[] = [];
        for (let restart = 1; restart <= RESTARTS; restart++) {
          await Promise.all(
            consumers.map((consumer) => consumer.until(({ lastVolatile }) => lastVolatile > 0)),
          );
          await router.end('SIGKILL');
          await Promise.all(peers.map((peer) => peer.until(({ isConnected }) => !isConnected)));
          await router.start();
          await Promise.all(
            peers.map((peer) => peer.until(({ sessions, isConnected }) => isConnected && sessions > restart)),
          );
          const { announced } = await publisher.ask('report');
          // What was sent after everybody was back is heard by everybody.
          const reports = await Promise.all(
            consumers.map((consumer) => consumer.until(({ lastVolatile }) => lastVolatile > announced + 1)),
          );
          if (restart === 1) first.push(...reports);
        }

        await publisher.rest();
        const { announced } = await publisher.ask('report');
        const last = await Promise.all(
          consumers.map((consumer) => consumer.until(({ consumed }) => consumed === announced)),
        );
        expect(announced).toBeGreaterThan(RESTARTS * 10);
        for (const [i, report] of last.entries()) {
          expect(report.wrong).toBeNull();
          expect(report.sessions).toBeGreaterThan(RESTARTS);
          expect(report.reloads).toBe(report.sessions - 1);
          expect(report.heapBytes).toBeLessThan((first[i]?.heapBytes ?? 0) + LEAK_BYTES);
          expect(report.sockets).toBeLessThan(10);
          expect(report.timers).toBeLessThan(20);
        }
        // They end by themselves: nothing is left that keeps them.
        expect(await Promise.all(peers.map((peer) => peer.stop()))).toEqual([0, 0, 0]);
        await router.end('SIGTERM');
      },
    );
  },
);
