// Somebody outside who watches the masters: a live view from messages and the replica, and a list from the replica now and
// then. It tells the history what it sees.
//
// It is no master, writes nothing and is struck by no fault of its own; what happens to messages and to the replica happens
// to it.

import type { JsonObject } from '../../src/core/json.js';
import { DataQueries } from '../../src/data/queries.js';
import { Replica } from '../../src/db/replica.js';
import { readSnapshot } from '../../src/db/snapshot.js';
import { WampMQ } from '../../src/mq/wamp-queue.js';
import { DEFAULT_REALM } from '../../src/mq/mq-options.js';
import { LoneTask } from '../../src/periodic/lone-task.js';
import type { Runtime } from '../../src/runtime/runtime.js';
import { LiveCluster } from '../../src/services/live-cluster.js';
import type { Kernel, Process } from '../kernel/kernel.js';
import type { HistoryEvent } from '../oracles/history.js';
import type { Network } from './network.js';
import { webSocketClass } from './simulated-websocket.js';
import { SimulatedDriver } from './sql-driver.js';

export interface WatcherOptions {
  readonly kernel: Kernel;
  readonly network: Network;
  readonly replicaNode: string;
  readonly routerUrl: string;
  readonly onHistory: (event: HistoryEvent) => void;
}

const NODE = 'watcher';
const POLL_MS = 30_000;
const LIST_MS = 10_000;
/** More than any run has. */
const KEPT_BUILDSETS = 5_000;
const LATEST = { limit: 5, order: ['-buildrequestid'], fields: ['buildrequestid'] } as const;

/** Starts it, for the whole run. */
export function startWatcher(options: WatcherOptions): void {
  const { kernel, onHistory } = options;
  onHistory({ kind: 'watch', atUs: kernel.nowUs });
  kernel.start(kernel.addNode(NODE, { offsetMs: 0, driftPpm: 0 }), (process) => watch(options, process));
}

function watch(
  { kernel, network, replicaNode, routerUrl, onHistory }: WatcherOptions,
  process: Process,
): void {
  const runtime = runtimeOf(kernel, process);
  const webSocket = webSocketClass(network, process);
  const mq = new WampMQ(runtime, { url: routerUrl, realm: DEFAULT_REALM, webSocket });
  const replica = new Replica(new SimulatedDriver(network, process, replicaNode), runtime);
  const onState = (word: string, state: JsonObject): void =>
    onHistory({ kind: 'view', atUs: kernel.nowUs, word, state });
  const load = (): ReturnType<typeof readSnapshot> => readSnapshot(replica, KEPT_BUILDSETS);
  const live = new LiveCluster(runtime, mq, { load, pollMs: POLL_MS, keep: KEPT_BUILDSETS, onState });
  live.start();
  void mq.start();
  const queries = new DataQueries(replica);
  const timing = { name: 'the list of requests', spacingMs: LIST_MS };
  const list = async (): Promise<void> => {
    const { data, total } = await queries.getList(['buildrequests'], LATEST);
    const latestId = Number(data[0]?.['buildrequestid'] ?? 0);
    onHistory({ kind: 'list', atUs: kernel.nowUs, latestId, total });
  };
  new LoneTask(runtime, timing, list).start();
}

function runtimeOf(kernel: Kernel, process: Process): Runtime {
  const draws = kernel.decisions.stream('random', `${NODE}#${process.incarnation}`);
  return {
    clock: process,
    random: { integer: (bound) => draws.choose(bound) },
    logger: { log: (level, message) => kernel.trace.add(kernel.nowUs, NODE, level, message) },
    probe: { emit: () => undefined },
  };
}
