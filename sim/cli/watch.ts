// `standin watch`: the live cluster from outside, over WAMP, until SIGINT or SIGTERM. docs/watching.md says what it shows.
//
// It only listens and reads: it writes to no database and publishes nothing but probes of its own connection.

import { existsSync } from 'node:fs';
import { Command } from 'commander';
import type { JsonObject } from '../../src/core/json.js';
import { openReplica, parseDatabaseUrl, type RealDriver } from '../../src/db/open-database.js';
import { Replica } from '../../src/db/replica.js';
import { checkSchema } from '../../src/db/schema-check.js';
import { readSnapshot, type ClusterSnapshot } from '../../src/db/snapshot.js';
import { WampMQ } from '../../src/mq/wamp-queue.js';
import { NodeWebSocket } from '../../src/mq/websocket/client.js';
import { NodeRuntime } from '../../src/runtime/node/runtime.js';
import { LiveCluster } from '../../src/services/live-cluster.js';
import { UsageError } from '../explore/usage-error.js';
import { describeState, drawCluster } from '../report/live-view.js';
import { EXIT } from './exit-code.js';
import { untilSignal } from './until-signal.js';

/** The command; `onExit` is told the exit code. */
export function watchCommand(onExit: (code: number) => void): Command {
  return new Command('watch')
    .description('show a live cluster from outside (see docs/watching.md)')
    .requiredOption('--wamp <url>', 'the message router of its masters: ws://host:port/')
    .option('--realm <name>', 'their realm', 'buildbot')
    .option(
      '--db <url>',
      'their database or a replica of it, for what was before: sqlite:path or postgres://host/database',
    )
    .option('--verbose', 'show the stack of an error')
    .action(async (flags: WatchFlags) => onExit(await watch(flags)));
}

interface WatchFlags {
  readonly wamp: string;
  readonly realm: string;
  readonly db?: string;
}

const POLL_MS = 30_000;
const KEPT_BUILDSETS = 100;
/** A picture is drawn at most so often. */
const DRAW_MS = 100;

async function watch({ wamp, realm, db }: WatchFlags): Promise<number> {
  const view = process.stdout.isTTY ? new Picture() : new Lines();
  const runtime = new NodeRuntime({ write: (line) => view.note(line) });
  const mq = new WampMQ(runtime, { url: wamp, realm, webSocket: NodeWebSocket });
  const driver = db === undefined ? null : await openExisting(db, runtime);
  const replica = driver === null ? null : new Replica(driver, runtime);
  const live: LiveCluster = new LiveCluster(runtime, mq, {
    load: replica === null ? null : () => load(replica),
    pollMs: POLL_MS,
    keep: KEPT_BUILDSETS,
    onState: (word, state) => view.show(live, word, state),
  });
  const signalled = untilSignal();
  // Listening begins at once: the queue subscribes as soon as the router is there.
  live.start();
  void mq.start();
  await signalled;
  await live.stop();
  await mq.stop();
  replica?.stop();
  driver?.close();
  return EXIT.pass;
}

/** @throws UsageError rather than make a database that is not there */
async function openExisting(url: string, runtime: NodeRuntime): Promise<RealDriver> {
  const location = parseDatabaseUrl(url);
  if (location.kind === 'memory')
    throw new UsageError(`--db ${url}: a database in memory has nobody in it to watch`);
  if (location.kind === 'file' && !existsSync(location.path))
    throw new UsageError(`--db ${url}: there is no file ${location.path}`);
  return openReplica(url, runtime.clock);
}

async function load(replica: Replica): Promise<ClusterSnapshot> {
  await checkSchema(replica);
  return readSnapshot(replica, KEPT_BUILDSETS);
}

/** Off a terminal: a line for each thing that becomes known; what is said about the connection goes to standard error. */
class Lines {
  show(live: LiveCluster, word: string, state: JsonObject): void {
    const line = describeState(live, word, state);
    if (line !== null) process.stdout.write(`${line}\n`);
  }

  note(line: string): void {
    process.stderr.write(line);
  }
}

/** On a terminal: everything, drawn anew, with what was last said about the connection below. */
class Picture {
  #live: LiveCluster | null = null;
  #note = '';
  #isDue = false;

  show(live: LiveCluster): void {
    this.#live = live;
    this.#drawSoon();
  }

  note(line: string): void {
    this.#note = line;
    this.#drawSoon();
  }

  #drawSoon(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    setTimeout(() => this.#draw(), DRAW_MS).unref();
  }

  #draw(): void {
    this.#isDue = false;
    const lines = this.#live === null ? ['nothing heard yet'] : drawCluster(this.#live);
    process.stdout.write(`\u001b[H\u001b[2J${lines.join('\n')}\n\n${this.#note}`);
  }
}
