// `standin watch` as a process, beside a router and masters that speak to it over real WebSockets.

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { PACKAGE_ROOT } from '../../sim/explore/package-root.js';
import { masterEvent, serviceEvent, type Event } from '../../src/data/events.js';
import { EventWriter } from '../../src/data/event-writer.js';
import { DataUpdates } from '../../src/data/updates.js';
import { DatabaseConnector } from '../../src/db/connector.js';
import { openDatabase } from '../../src/db/open-database.js';
import { upgradeMaster } from '../../src/db/upgrade-master.js';
import { SimpleMQ } from '../../src/mq/simple-queue.js';
import { WampMQ } from '../../src/mq/wamp-queue.js';
import { NodeWebSocket } from '../../src/mq/websocket/client.js';
import { RouterServer } from '../../src/mq/websocket/router-server.js';
import { NodeRuntime } from '../../src/runtime/node/runtime.js';
import { aFolder, standin } from './spawn-standin.js';

const runtime = new NodeRuntime({ write: () => undefined });
const endings: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

async function router(port = 0): Promise<RouterServer> {
  const server = await RouterServer.listen({ host: '127.0.0.1', port, realm: null });
  endings.push(() => server.close());
  return server;
}

/** A running `standin watch`, and what it has written. */
class Watcher {
  readonly process: ChildProcess;
  output = '';

  constructor(...args: readonly string[]) {
    const command = [join(PACKAGE_ROOT, 'bin/standin.js'), 'watch', ...args];
    this.process = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.process.stdout, this.process.stderr])
      stream?.on('data', (data: Buffer) => (this.output += data.toString()));
    endings.push(() => this.process.kill('SIGKILL'));
  }

  /** Resolves when it has written this. */
  async until(wanted: string): Promise<void> {
    while (!this.output.includes(wanted)) {
      if (this.process.exitCode !== null) throw new Error(`it ended: ${this.output}`);
      await Promise.race([
        once(this.process.stdout ?? this.process, 'data'),
        once(this.process.stderr ?? this.process, 'data'),
      ]);
    }
  }

  /** The exit code after this signal. */
  async end(signal: NodeJS.Signals): Promise<unknown> {
    const exited = once(this.process, 'exit');
    this.process.kill(signal);
    return (await exited)[0];
  }
}

/** Says this, as a master would, as soon as the router can be reached. */
async function say(server: RouterServer, ...events: readonly Event[]): Promise<void> {
  const url = `ws://127.0.0.1:${server.port}/`;
  const mq = new WampMQ(runtime, { url, realm: 'buildbot', webSocket: NodeWebSocket });
  await mq.start();
  for (const { key, body } of events) mq.produce(key, body);
  await mq.stop();
}

const STARTED = masterEvent({ id: 1, name: 'master-a', incarnation: 3 }, 'started');
const scheduler = (masterid: number | null, revision: number): Event =>
  serviceEvent('scheduler', masterid === null ? 'released' : 'claimed', {
    ...{ id: 5, name: 'fast', enabled: true, masterid, revision },
  });

describe('standin watch', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)(
    'shows what masters say, and ends cleanly at %s',
    async (signal) => {
      const server = await router();
      const watcher = new Watcher('--wamp', `ws://127.0.0.1:${server.port}/`);
      await watcher.until('connected to the message router');
      await say(server, STARTED, scheduler(1, 1));
      await watcher.until('master master-a is active, incarnation 3\nscheduler fast is owned by master-a\n');
      await say(server, scheduler(null, 2));
      await watcher.until('scheduler fast is owned by nobody\n');
      expect(await watcher.end(signal)).toBe(0);
    },
  );

  test('says that the router is away, and goes on when it is back', async () => {
    const first = await router();
    const { port } = first;
    const watcher = new Watcher('--wamp', `ws://127.0.0.1:${port}/`, '--realm', 'buildbot');
    await watcher.until('connected to the message router');
    await first.close();
    await watcher.until('no connection to the message router');
    watcher.output = '';
    const second = await router(port);
    await watcher.until('connected to the message router');
    await say(second, STARTED);
    await watcher.until('master master-a is active');
    expect(await watcher.end('SIGINT')).toBe(0);
  });

  test('shows what was before from the database, also without a router', async () => {
    const url = `sqlite:${join(aFolder(), 'state.sqlite')}`;
    await upgradeMaster(url, runtime);
    const driver = await openDatabase(url, runtime.clock);
    const db = new DatabaseConnector(driver, runtime);
    const updates = new DataUpdates(
      db,
      new EventWriter(db, new SimpleMQ(runtime), runtime.clock),
      runtime.clock,
    );
    await updates.masterStarted({ id: await db.masters.findMasterId('master-b'), name: 'master-b' });
    await db.schedulers.findSchedulerId('nightly');
    db.database.stop();
    driver.close();
    const watcher = new Watcher('--wamp', 'ws://127.0.0.1:9/', '--db', url);
    await watcher.until('master master-b is active, incarnation 1\nscheduler nightly is owned by nobody\n');
    await watcher.until('no connection to the message router');
    expect(await watcher.end('SIGINT')).toBe(0);
  });

  test.each([
    [[], "required option '--wamp <url>' not specified"],
    [['--wamp', 'http://x/'], 'begins with ws:// or wss://'],
    [['--wamp', 'ws://x/', '--realm', ''], 'the realm of the message router is a word'],
    [['--wamp', 'ws://x/', '--db', 'mysql://x/y'], 'cannot be used'],
    [['--wamp', 'ws://x/', '--db', 'sqlite:'], 'nobody in it to watch'],
    [['--wamp', 'ws://x/', '--db', 'sqlite:/not/there'], 'there is no file /not/there'],
  ])('refuses %j with one line and exit code 64', (args, message) => {
    const { code, stderr, stdout } = standin(aFolder(), 'watch', ...args);
    expect([code, stdout]).toEqual([64, '']);
    expect(stderr).toContain(message);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });
});
