// The smallest world that faults can strike: two masters, the database server and the router, on the real kernel and
// network. The masters do nothing but notice: both ends of a link tell each other the time ten times a second, master-a
// publishes a message a second and master-b counts what it hears, and each master runs a statement a second.

import { Decisions } from '../../sim/kernel/decisions.js';
import { Kernel, WORLD_EPOCH_MS, type Process } from '../../sim/kernel/kernel.js';
import { Trace } from '../../sim/kernel/trace.js';
import { DATABASE_NODE, type FaultSurface, type PlannedFault } from '../../sim/nemesis/fault.js';
import { faultOfKind } from '../../sim/nemesis/index.js';
import { DatabaseServer } from '../../sim/world/database-server.js';
import { Network, NETWORK_PROFILES, type Socket } from '../../sim/world/network.js';
import { ReplicaNode } from '../../sim/world/replica-node.js';
import { RouterNode } from '../../sim/world/router-node.js';
import { SimulatedWebSocket } from '../../sim/world/simulated-websocket.js';
import { SimulatedDriver } from '../../sim/world/sql-driver.js';
import { SqlEngine } from '../../sim/world/sql-engine.js';
import { ChoreList } from '../../sim/workload/chores.js';

const CLOCK = { offsetMs: 0, driftPpm: 0 };

/** Something that took from one instant to another, in seconds. */
export interface Span {
  readonly fromS: number;
  readonly toS: number;
}

export class SmallWorld implements FaultSurface {
  readonly trace = new Trace({ keepAll: true });
  readonly kernel = new Kernel({
    decisions: new Decisions('1'),
    trace: this.trace,
    drain: 'tick',
    maxEvents: 1_000_000,
  });
  readonly network = new Network(this.kernel, NETWORK_PROFILES.local);
  readonly masters: readonly string[] = ['master-a', 'master-b'];
  readonly router = new RouterNode(this.kernel, this.network, this.kernel.addNode('router', CLOCK));
  readonly replica: ReplicaNode | null;
  readonly chores = new ChoreList(this.kernel);
  database: DatabaseServer;
  /** What arrived, by `from>to`. */
  readonly heard = new Map<string, Span[]>();
  /** What master-b got of the messages of master-a, by number. */
  readonly messages: { readonly number: number; readonly atS: number }[] = [];
  /** Statements that were answered, by master. */
  readonly statements = new Map<string, Span[]>();
  /** Connections of master-a that ended, with the reason. */
  readonly closed: string[] = [];
  readonly #engine: SqlEngine;

  private constructor(engine: SqlEngine, replica: SqlEngine | null) {
    this.#engine = engine;
    this.kernel.addNode(DATABASE_NODE, CLOCK);
    this.kernel.onLife(({ kind, node }) => {
      const { process } = this.kernel.node(node);
      if (kind === 'start' && process !== null) {
        this.network.listen(process, 'time', (socket) => this.#tellTime(process, socket));
      }
    });
    this.replica = replica === null ? null : new ReplicaNode(this.kernel, this.network, replica);
    this.database = this.#startDatabase();
    this.router.start();
    for (const master of this.masters) {
      this.kernel.addNode(master, CLOCK);
      this.startMaster(master);
    }
  }

  /** Runs `story` in a world of its own. */
  static async with(story: (world: SmallWorld) => Promise<void>): Promise<void> {
    const engine = await SqlEngine.open();
    try {
      await story(new SmallWorld(engine, null));
    } finally {
      engine.close();
    }
  }

  /** Runs `story` in a world of its own, whose database has a replica. */
  static async withReplica(story: (world: SmallWorld, replica: ReplicaNode) => Promise<void>): Promise<void> {
    const [engine, copy] = [await SqlEngine.open(), await SqlEngine.open()];
    try {
      const world = new SmallWorld(engine, copy);
      if (world.replica !== null) await story(world, world.replica);
    } finally {
      engine.close();
      copy.close();
    }
  }

  async until(seconds: number): Promise<void> {
    await this.kernel.run(seconds * 1_000_000);
  }

  /** How many messages were hit by what was struck. */
  hits = 0;

  /** Strikes now. */
  strike(kind: string, target: string, params: PlannedFault['params'] = {}): (() => void) | null {
    const fault = { kind, atMs: 0, durationMs: 100, target, params };
    return faultOfKind(kind).strike(this, fault, () => void this.hits++);
  }

  /** How long what crossed this link took, for what was sent from `fromS` on, in milliseconds; empty = nothing came. */
  delaysMs(link: string, fromS: number): number[] {
    return spansMs(this.heard.get(link), fromS);
  }

  /** How long the statements of this master took, for those begun from `fromS` on, in milliseconds. */
  statementsMs(master: string, fromS: number): number[] {
    return spansMs(this.statements.get(master), fromS);
  }

  /** How far the wall clock is ahead of true time. */
  wallErrorMs(master: string): number {
    return this.#process(master).wallMs() - WORLD_EPOCH_MS - Math.floor(this.kernel.nowUs / 1000);
  }

  /** What the process of this master would use to reach the database. */
  driverOf(master: string): { readonly driver: SimulatedDriver; readonly process: Process } {
    const process = this.#process(master);
    return { driver: new SimulatedDriver(this.network, process, DATABASE_NODE), process };
  }

  monotonicMs(master: string): number {
    return this.#process(master).monotonicMs();
  }

  driftPpm(): number {
    return 0;
  }

  crashMaster(name: string, host: boolean): boolean {
    const node = this.kernel.node(name);
    if (node.state === 'down') return false;
    this.kernel.crash(node, host ? 'host crash' : 'crash');
    return true;
  }

  startMaster(name: string): void {
    this.kernel.start(this.kernel.node(name), (process) => this.#main(process));
  }

  /** Takes 3 s. */
  stopMaster(name: string): boolean {
    const { state, process } = this.kernel.node(name);
    if (state !== 'up' || process === null) return false;
    this.kernel.atProcess(this.kernel.nowUs + 3_000_000, process, () => process.exit('stopped'));
    return true;
  }

  startSecond(name: string): boolean {
    const second = `${name}-second`;
    if (!this.kernel.nodes.some((node) => node.name === second)) this.kernel.addNode(second, CLOCK);
    if (this.kernel.node(second).state !== 'down') return false;
    this.startMaster(second);
    return true;
  }

  crashSecond(name: string): void {
    this.kernel.crash(this.kernel.node(`${name}-second`), 'crash');
  }

  crashRouter(): boolean {
    if (this.router.node.state === 'down') return false;
    this.kernel.crash(this.router.node, 'crash');
    return true;
  }

  startRouter(): void {
    this.router.start();
  }

  crashDatabase(): boolean {
    const node = this.kernel.node(DATABASE_NODE);
    if (node.state === 'down') return false;
    this.kernel.crash(node, 'crash');
    return true;
  }

  startDatabase(): void {
    this.database = this.#startDatabase();
  }

  #startDatabase(): DatabaseServer {
    const process = this.kernel.start(this.kernel.node(DATABASE_NODE), () => undefined);
    const server = new DatabaseServer(this.kernel, this.network, process, this.#engine);
    this.replica?.follow(server);
    return server;
  }

  #main(process: Process): void {
    for (const peer of [DATABASE_NODE, this.router.node.name]) this.#link(process, peer);
    this.#subscribe(process);
    void this.#query(process);
  }

  /** Keeps a connection to `peer`, with a second between two attempts. */
  #link(process: Process, peer: string): void {
    const again = (): void => void process.setTimer(() => this.#link(process, peer), 1_000);
    this.network.connect(process, peer, 'time', {
      onFail: again,
      onOpen: (socket) => {
        socket.onClose((reason) => {
          if (process.node.name === 'master-a') this.closed.push(`${peer} ${reason}`);
          again();
        });
        this.#tellTime(process, socket);
      },
    });
  }

  #tellTime(process: Process, socket: Socket): void {
    const link = `${socket.peerNode}>${process.node.name}`;
    const heard = this.heard.get(link) ?? [];
    this.heard.set(link, heard);
    socket.onData((text) => heard.push({ fromS: Number(text), toS: this.#nowS() }));
    const tell = (): void => {
      if (!socket.isOpen) return;
      socket.send(String(this.#nowS()));
      process.setTimer(tell, 100);
    };
    tell();
  }

  #subscribe(process: Process): void {
    const socket = new SimulatedWebSocket(this.network, process, this.router.url, ['wamp.2.json']);
    const send = (...message: readonly unknown[]): void => socket.send(JSON.stringify(message));
    const publish = (number: number): void => {
      send(16, number, {}, 'topic', [number]);
      process.setTimer(() => publish(number + 1), 1_000);
    };
    socket.onopen = () => send(1, 'standin', { roles: { publisher: {}, subscriber: {} } });
    socket.onmessage = ({ data }) => {
      const [code, , , , values] = JSON.parse(data) as [number, ...unknown[]];
      if (code === 2 && process.node.name === 'master-a') publish(1);
      if (code === 2 && process.node.name === 'master-b') send(32, 1, {}, 'topic');
      if (code === 36) this.messages.push({ number: Number((values as [number])[0]), atS: this.#nowS() });
    };
    socket.onclose = () => process.setTimer(() => this.#subscribe(process), 1_000);
  }

  /** A statement on a new session, then another a second later; failures are not recorded. */
  async #query(process: Process): Promise<void> {
    const spans = this.statements.get(process.node.name) ?? [];
    this.statements.set(process.node.name, spans);
    try {
      const session = await new SimulatedDriver(this.network, process, DATABASE_NODE).open();
      const fromS = this.#nowS();
      await session.run([{ sql: 'SELECT id FROM masters', values: [] }]);
      spans.push({ fromS, toS: this.#nowS() });
      session.close();
    } catch {
      // The fault that is being tested may well fail it.
    }
    process.setTimer(() => void this.#query(process), 1_000);
  }

  #process(master: string): Process {
    const { process } = this.kernel.node(master);
    if (process === null) throw new Error(`${master} is down`);
    return process;
  }

  #nowS(): number {
    return this.kernel.nowUs / 1_000_000;
  }
}

function spansMs(spans: readonly Span[] | undefined, fromS: number): number[] {
  return (spans ?? [])
    .filter((span) => span.fromS >= fromS)
    .map((span) => Math.round((span.toS - span.fromS) * 1000));
}
