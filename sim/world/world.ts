// Everything simulated, put together for one run: nodes, network, router, database and masters, and what is observed of
// them. It starts and ends faults, and tells the history all that oracles may know.

import type { JsonObject } from '../../src/core/json.js';
import type { MasterParts } from '../../src/master/parts.js';
import type { BaseScheduler } from '../../src/schedulers/base.js';
import type { Plan } from '../explore/plan.js';
import { masterNames } from '../explore/plan.js';
import type { Kernel, LifeEvent, Process } from '../kernel/kernel.js';
import { DATABASE_NODE, type Fault, type FaultSurface, type PlannedFault } from '../nemesis/fault.js';
import { faultOfKind } from '../nemesis/index.js';
import type { HistoryEvent, TaskHistoryEvent, TaskRule } from '../oracles/history.js';
import { ChoreList } from '../workload/chores.js';
import type { PlannedOperation } from '../workload/operation.js';
import { Operator } from '../workload/operator.js';
import { SimulatedWorkers, type SimulatedBuilds } from '../workload/simulated-executor.js';
import { ChangeSender } from '../workload/change-sender.js';
import { readLists } from '../workload/list-reader.js';
import { Cluster } from './cluster.js';
import { DatabaseServer } from './database-server.js';
import { Health } from './health.js';
import { Network, NETWORK_PROFILES, type NetworkName } from './network.js';
import { REPLICA_NODE, ReplicaNode } from './replica-node.js';
import { RouterNode } from './router-node.js';
import type { SqlEngine } from './sql-engine.js';
import { startWatcher } from './watcher.js';

export interface WorldOptions {
  readonly kernel: Kernel;
  readonly engine: SqlEngine;
  /** Of the replica that the plan wants; null when it wants none. */
  readonly replicaEngine: SqlEngine | null;
  readonly plan: Plan;
  /** The schedulers of a version of the configuration. */
  readonly schedulers: (version: number) => readonly BaseScheduler[];
  /** What becomes of builds; null: nobody does them. */
  readonly builds: SimulatedBuilds | null;
  readonly parts: Partial<MasterParts>;
  readonly onHistory: (event: HistoryEvent) => void;
  /** A master met what only a mistake in the code of a scheduler can cause. */
  readonly onMistake: (mistake: Mistake) => void;
}

/** What happened, on which node, and the stack of the error. */
export interface Mistake {
  readonly node: string;
  readonly text: string;
  readonly stack: string;
}

/** How often a fault or operation of a kind came up, and how often it found something to strike, or was done. */
export interface FaultCount {
  eligible: number;
  fired: number;
}

/** What changes silently (a belief that runs out) is seen this often. */
const SAMPLE_INTERVAL_US = 5_000_000;
const CLAIM_TABLE = 'schedulers';

export class World implements FaultSurface {
  readonly kernel: Kernel;
  readonly network: Network;
  readonly router: RouterNode;
  readonly masters: readonly string[];
  readonly faultCounts = new Map<string, FaultCount>();
  readonly replica: ReplicaNode | null;
  readonly chores: ChoreList | null;
  database: DatabaseServer;
  readonly #options: WorldOptions;
  readonly #cluster: Cluster;
  readonly #health: Health;
  readonly #lost = new Set<string>();
  readonly #endings = new Set<() => void>();

  constructor(options: WorldOptions) {
    const { kernel, plan } = options;
    this.#options = options;
    this.kernel = kernel;
    this.masters = masterNames(plan.masters);
    this.network = new Network(kernel, NETWORK_PROFILES[plan.network as NetworkName]);
    kernel.addNode(DATABASE_NODE, { offsetMs: 0, driftPpm: 0 });
    this.router = new RouterNode(
      kernel,
      this.network,
      kernel.addNode('router', { offsetMs: 0, driftPpm: 0 }),
    );
    for (const [i, name] of this.masters.entries()) {
      kernel.addNode(name, plan.clocks[i] ?? { offsetMs: 0, driftPpm: 0 });
    }
    this.#health = new Health(this.masters, (event) => this.#tell(event));
    kernel.onLife((event) => this.#lived(event));
    const { replicaEngine } = options;
    this.replica = replicaEngine === null ? null : new ReplicaNode(kernel, this.network, replicaEngine);
    // There for the faults that strike them: every other plan does without, and pays nothing.
    this.chores = plan.faults.some(({ kind }) => kind.startsWith('task-')) ? new ChoreList(kernel) : null;
    this.database = this.#startServer();
    this.router.start();
    this.#cluster = new Cluster({
      kernel,
      network: this.network,
      masters: this.masters,
      databaseNode: DATABASE_NODE,
      replicaNode: this.replica === null ? null : REPLICA_NODE,
      routerUrl: this.router.url,
      schedulers: options.schedulers,
      builds: options.builds === null ? null : new SimulatedWorkers(kernel, options.builds),
      chores: this.chores,
      parts: options.parts,
      onProbe: (process, event, detail) => this.#probed(process, event, detail),
      onLife: (process, what) => this.#masterLived(process, what),
      onMessage: (event) => this.#tell(event),
    });
    this.router.onLost((node, key) => this.#tell({ kind: 'lost', atUs: kernel.nowUs, node, key }));
    if (this.replica !== null) this.#watch();
    this.#schedule();
  }

  driftPpm(master: string): number {
    return this.#options.plan.clocks[this.masters.indexOf(master)]?.driftPpm ?? 0;
  }

  crashMaster(name: string, host: boolean): boolean {
    return this.#cluster.crash(name, host);
  }

  /** Not one that is lost for good. */
  startMaster(name: string): void {
    if (!this.#lost.has(name)) this.#cluster.start(name);
  }

  stopMaster(name: string): boolean {
    return this.#cluster.stop(name);
  }

  startSecond(name: string): boolean {
    return this.#cluster.startSecond(name);
  }

  crashSecond(name: string): void {
    this.#cluster.crashSecond(name);
  }

  crashRouter(): boolean {
    return this.#crashNode('router');
  }

  startRouter(): void {
    if (this.kernel.node('router').state === 'down') this.router.start();
  }

  crashDatabase(): boolean {
    return this.#crashNode(DATABASE_NODE);
  }

  startDatabase(): void {
    if (this.kernel.node(DATABASE_NODE).state === 'down') this.database = this.#startServer();
  }

  #watch(): void {
    const { kernel, network, router } = this;
    const onHistory = (event: HistoryEvent): void => this.#tell(event);
    startWatcher({ kernel, network, replicaNode: REPLICA_NODE, routerUrl: router.url, onHistory });
    readLists({ kernel, cluster: this.#cluster, masters: this.masters, onHistory });
  }

  #schedule(): void {
    const { kernel, masters } = this;
    const { plan } = this.#options;
    this.#tell({ kind: 'phase', atUs: 0, phase: 'chaos' });
    for (const [i, name] of masters.entries()) {
      kernel.at((plan.bootDelaysMs[i] ?? 0) * 1000, () => this.#cluster.start(name));
    }
    for (const fault of plan.faults) kernel.at(fault.atMs * 1000, () => this.#strike(fault));
    new ChangeSender(kernel, this.#cluster, masters).schedule(plan.changes);
    for (const { kind } of plan.operations) this.#countOf(kind).eligible += 1;
    const onDone = (kind: PlannedOperation['kind']): void => void (this.#countOf(kind).fired += 1);
    const onHistory = (event: HistoryEvent): void => this.#tell(event);
    new Operator({ kernel, cluster: this.#cluster, masters, onDone, onHistory }).schedule(plan.operations);
    kernel.at(plan.durationS * 1_000_000, () => this.#converge());
    this.#sampleRegularly();
  }

  #strike(planned: PlannedFault): void {
    const fault = faultOfKind(planned.kind);
    const count = this.#countOf(fault.kind);
    count.eligible += 1;
    let isCounted = false;
    const onHit = (): void => {
      if (!isCounted) count.fired += 1;
      isCounted = true;
    };
    const undo = fault.strike(this, planned, onHit);
    if (undo === null) return;
    if (!fault.hasHits) onHit();
    this.#lasts(fault, planned, undo);
  }

  #countOf(kind: string): FaultCount {
    const count = this.faultCounts.get(kind) ?? { eligible: 0, fired: 0 };
    this.faultCounts.set(kind, count);
    return count;
  }

  /** A fault that struck hinders masters until it is undone: after its duration, or at the end of the chaos. */
  #lasts(fault: Fault, planned: PlannedFault, undo: () => void): void {
    const impaired = fault.impairs(planned, this.masters);
    const { kernel } = this;
    this.#health.impair(impaired, kernel.nowUs);
    this.#tell({
      kind: 'fault',
      atUs: kernel.nowUs,
      fault: fault.kind,
      phase: 'start',
      target: planned.target,
    });
    const end = (): void => {
      if (!this.#endings.delete(end)) return;
      undo();
      this.#health.repair(impaired, kernel.nowUs);
      this.#tell({
        kind: 'fault',
        atUs: kernel.nowUs,
        fault: fault.kind,
        phase: 'end',
        target: planned.target,
      });
    };
    this.#endings.add(end);
    if (planned.durationMs === 0) end();
    else kernel.at(kernel.nowUs + planned.durationMs * 1000, end);
  }

  #converge(): void {
    for (const end of [...this.#endings]) end();
    for (const name of this.#options.plan.lostMasters) {
      this.#lost.add(name);
      this.#cluster.crash(name, false);
    }
    this.#tell({ kind: 'phase', atUs: this.kernel.nowUs, phase: 'convergence' });
  }

  #crashNode(name: string): boolean {
    if (this.kernel.node(name).state === 'down') return false;
    this.kernel.crash(this.kernel.node(name), 'process crash');
    return true;
  }

  #startServer(): DatabaseServer {
    const { kernel, network } = this;
    let server: DatabaseServer | null = null;
    const node = kernel.node(DATABASE_NODE);
    const process = kernel.start(node, () => undefined);
    server = new DatabaseServer(kernel, network, process, this.#options.engine);
    this.replica?.follow(server);
    server.onCommit(({ atUs, client, rows }) => {
      this.#tell({ kind: 'commit', atUs, node: client.node, incarnation: client.incarnation, rows });
      if (rows.some((row) => row.table === CLAIM_TABLE)) this.#sample(true);
    });
    return server;
  }

  #lived(event: LifeEvent): void {
    const { kind, node, incarnation, atUs, detail } = event;
    if (!this.masters.includes(node)) return;
    this.#tell({ kind: 'life', atUs, node, incarnation, what: kind, detail });
    if (kind !== 'clock') this.#health.runs(node, kind === 'start' || kind === 'resume', atUs);
    this.#sample(kind === 'clock' || kind === 'resume');
  }

  #masterLived(process: Process, what: 'ready' | 'stop'): void {
    const { node, incarnation } = process;
    this.#tell({ kind: 'life', atUs: this.kernel.nowUs, node: node.name, incarnation, what, detail: '' });
    if (what === 'stop') this.#health.runs(node.name, false, this.kernel.nowUs);
  }

  #probed(process: Process, event: string, detail: JsonObject): void {
    const { nowUs } = this.kernel;
    if (event.startsWith('task-')) {
      this.#tell(taskEvent(nowUs, process, event, detail));
      return;
    }
    const { node, incarnation } = process;
    if (event === 'mistake') {
      const { text, stack } = detail as { text: string; stack: string };
      this.#options.onMistake({ node: node.name, text, stack });
      return;
    }
    if (event === 'message-taken') {
      const { queue, messageId } = detail as { queue: string; messageId: number };
      this.#tell({ kind: 'take', atUs: nowUs, node: node.name, incarnation, queue, messageId });
      return;
    }
    if (event !== 'state-read') {
      this.#sample(false);
      return;
    }
    const { scheduler, key, value, tookMs } = detail as {
      scheduler: string;
      key: string;
      value: string | null;
      tookMs: number;
    };
    // The process counts whole milliseconds by its own clock: two more are certain to include the read's beginning.
    const fromUs = Math.max(0, nowUs - Math.ceil((tookMs + 2) * 1020));
    this.#tell({
      kind: 'state-read',
      atUs: nowUs,
      fromUs,
      node: node.name,
      incarnation,
      scheduler,
      key,
      value,
    });
  }

  #sampleRegularly(): void {
    this.kernel.at(this.kernel.nowUs + SAMPLE_INTERVAL_US, () => {
      this.#sample(false);
      this.#sampleRegularly();
    });
  }

  /** Tells who is active where that has changed, or everywhere. */
  #sample(isAll: boolean): void {
    const { nowUs } = this.kernel;
    for (const sample of this.#cluster.sample(isAll)) this.#tell({ kind: 'active', atUs: nowUs, ...sample });
  }

  #tell(event: HistoryEvent): void {
    this.#options.onHistory(event);
  }
}

function taskEvent(atUs: number, process: Process, event: string, detail: JsonObject): TaskHistoryEvent {
  const { manager, task } = detail as { manager: string; task: string };
  const what = event.slice('task-'.length) as TaskHistoryEvent['what'];
  const rule = what === 'added' ? (detail as unknown as TaskRule) : null;
  const flag = detail['woken'] === true || detail['failed'] === true;
  const { node, incarnation } = process;
  const monotonicMs = process.monotonicMs();
  // prettier-ignore
  return { kind: 'task', atUs, node: node.name, incarnation, what, manager, task, monotonicMs, rule, flag };
}
