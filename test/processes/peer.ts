// One process of the test with real processes: a publisher or a consumer, with the queue and the database that a master has.
// Its parent starts it with one JSON argument, asks it by messages, and sees it end by itself once it was told to stop: what
// keeps a process from ending is a leak.

import { DataUpdates } from '../../src/data/updates.js';
import { EventWriter } from '../../src/data/event-writer.js';
import { MQConnector } from '../../src/data/mq-connector.js';
import { DatabaseConnector } from '../../src/db/connector.js';
import { PostgresDriver } from '../../src/db/postgres/driver.js';
import { WampMQ } from '../../src/mq/wamp-queue.js';
import { NodeWebSocket } from '../../src/mq/websocket/client.js';
import { RealTimeRuntime } from '../support/real-time-runtime.js';

export interface PeerOptions {
  readonly role: 'publisher' | 'consumer';
  readonly name: string;
  readonly routerUrl: string;
  readonly databaseUrl: string;
  readonly namespace: string;
}

/** What a peer answers to `report`. */
export interface PeerReport {
  readonly sessions: number;
  readonly isConnected: boolean;
  readonly reloads: number;
  /** Publisher: how many durable messages were announced. */
  readonly announced: number;
  /** Consumer: how many durable messages came, which must be 1, 2, 3 … */
  readonly consumed: number;
  /** Consumer: the first durable message that was not the expected one, or null. */
  readonly wrong: string | null;
  /** Consumer: the last volatile message, as numbered by the publisher. */
  readonly lastVolatile: number;
  /** After a collection of garbage. */
  readonly heapBytes: number;
  readonly sockets: number;
  readonly timers: number;
}

const POLL_MS = 1_000;
/** Between two messages: a load, and no flood. */
const PACE_MS = 2;

const options = JSON.parse(process.argv[2] ?? '{}') as PeerOptions;
const runtime = new RealTimeRuntime();
const db = new DatabaseConnector(
  new PostgresDriver({ url: options.databaseUrl, namespace: options.namespace }),
  runtime,
);
const wamp = new WampMQ(runtime, {
  url: options.routerUrl,
  realm: 'standin',
  webSocket: NodeWebSocket,
  // A machine that is busy with the tests of others is no router that is away.
  subscribeTimeoutMs: 120_000,
  connectTimeoutMs: 30_000,
});
const mq = new MQConnector({ runtime, db, mq: wamp, pollMs: POLL_MS });
const seen = { reloads: 0, announced: 0, consumed: 0, wrong: null as string | null, lastVolatile: 0 };
let publishing: Promise<void> | null = null;
let isStopping = false;

void main();

async function main(): Promise<void> {
  mq.onReconnected(() => (seen.reloads += 1));
  await mq.start();
  if (options.role === 'consumer') await consume();
  process.on('message', (message) => void answer(String(message)));
  process.send?.('ready');
}

async function answer(question: string): Promise<void> {
  if (question === 'publish') publishing ??= publish();
  if (question === 'report') process.send?.(report());
  if (question === 'stop-publishing' || question === 'stop') {
    isStopping = true;
    await publishing;
    process.send?.('rests');
  }
  if (question !== 'stop') return;
  await mq.stop();
  db.database.stop();
  process.disconnect();
}

async function publish(): Promise<void> {
  const updates = new DataUpdates(db, new EventWriter(db, mq, runtime.clock), runtime.clock);
  for (let n = 1; !isStopping; n++) {
    await updates.announce(['durable', String(n)], { n });
    seen.announced = n;
    mq.produce(['volatile', String(n)], { n });
    await new Promise((resolve) => setTimeout(resolve, PACE_MS));
  }
}

async function consume(): Promise<void> {
  await mq.startConsuming((_key, { n }) => void (seen.lastVolatile = Number(n)), ['volatile', null]);
  await mq.startConsuming(
    (_key, { n }) => {
      if (n !== seen.consumed + 1) seen.wrong ??= `${Number(n)} after ${seen.consumed}`;
      seen.consumed = Number(n);
    },
    ['durable', null],
    options.name,
  );
}

function report(): PeerReport {
  (globalThis as { gc?: () => void }).gc?.();
  const resources = process.getActiveResourcesInfo();
  return {
    ...seen,
    sessions: wamp.statistics.sessions,
    isConnected: mq.isConnected,
    heapBytes: process.memoryUsage().heapUsed,
    sockets: resources.filter((name) => name === 'TCPSocketWrap').length,
    timers: resources.filter((name) => name === 'Timeout').length,
  };
}
