// The masters of a run: the one place in the simulator where a BuildMaster is built.
//
// Each start of a node builds a new master from a new evaluation of the scenario's module, on ports bound to that start.
// A supervisor restarts what ended by itself (an uncaught error, a superseded or stuck master) after five seconds; what a
// fault brought down stays down until its undo.

import { StandinError, describeError } from '../../src/core/errors.js';
import type { JsonObject } from '../../src/core/json.js';
import type { NewChange } from '../../src/db/changes.js';
import { BuildDriver } from '../../src/drivers/build-driver.js';
import type { Driver } from '../../src/drivers/driver-host.js';
import { BuildMaster, type MasterPorts } from '../../src/master/build-master.js';
import type { MasterOptions } from '../../src/master/config.js';
import { SOUND_PARTS, type MasterParts } from '../../src/master/parts.js';
import { createMessageQueue } from '../../src/mq/mq-options.js';
import type { Runtime } from '../../src/runtime/runtime.js';
import type { BaseScheduler } from '../../src/schedulers/base.js';
import type { Kernel, Process } from '../kernel/kernel.js';
import type { ChoreList } from '../workload/chores.js';
import type { SimulatedWorkers } from '../workload/simulated-executor.js';
import type { HistoryEvent } from '../oracles/history.js';
import { JobDirectories } from './job-directories.js';
import type { Network } from './network.js';
import { ObservedQueue, type QueueObserver } from './observed-queue.js';
import { webSocketClass } from './simulated-websocket.js';
import { outcomeOf, type Outcome, type Request } from '../workload/requests.js';
import { SimulatedDriver } from './sql-driver.js';

export interface ClusterOptions {
  readonly kernel: Kernel;
  readonly network: Network;
  /** Names of the nodes of the masters, which exist already. */
  readonly masters: readonly string[];
  readonly databaseNode: string;
  /** Where masters read lists; null: from the database itself. */
  readonly replicaNode: string | null;
  readonly routerUrl: string;
  /** The schedulers of a version of a master's configuration: called in that master's own process. */
  readonly schedulers: (version: number) => readonly BaseScheduler[];
  /** Who does the builds; null: nobody. */
  readonly builds: SimulatedWorkers | null;
  /** Tasks that a fault may spoil; null: none. */
  readonly chores: ChoreList | null;
  readonly parts: Partial<MasterParts>;
  readonly onProbe: (process: Process, event: string, detail: JsonObject) => void;
  /** The start of a master is complete, or its clean stop has begun. */
  readonly onLife: (process: Process, what: 'ready' | 'stop') => void;
  /** Who consumes, what is produced and what is delivered. */
  readonly onMessage: (event: HistoryEvent) => void;
}

/** Which masters say that they are active for a scheduler, and which of those are not paused. */
export interface ActiveSample {
  readonly scheduler: string;
  readonly masters: readonly string[];
  readonly running: readonly string[];
}

interface Member {
  readonly process: Process;
  readonly master: BuildMaster;
  /** All that it has ever been configured with: who was removed must not be active either. */
  readonly schedulers: Set<BaseScheduler>;
}

const SUPERVISOR_DELAY_US = 5_000_000;

export class Cluster {
  readonly #options: ClusterOptions;
  readonly #jobs: JobDirectories;
  readonly #members = new Map<string, Member>();
  /** Masters that a fault holds down. */
  readonly #heldDown = new Set<string>();
  /** By master: the version of the configuration that it reads. */
  readonly #versions = new Map<string, number>();
  /** Masters under whose names a second process has run, each by the node that it ran on. */
  readonly #seconds = new Map<string, string>();
  readonly #observer: QueueObserver;
  /** By scheduler: what the last sample found. */
  readonly #answers = new Map<string, number>();

  constructor(options: ClusterOptions) {
    this.#options = options;
    this.#jobs = new JobDirectories(options.kernel);
    let consumers = 0;
    this.#observer = {
      nowUs: () => options.kernel.nowUs,
      nextConsumer: () => ++consumers,
      tell: options.onMessage,
    };
    options.kernel.onLife((event) => {
      if (event.kind === 'crash' || event.kind === 'exit') this.#members.delete(event.node);
      if (event.kind === 'exit' && options.masters.includes(event.node)) this.#supervise(event.node);
    });
  }

  /** Starts a master that is down; harmless when it is not. */
  start(name: string): void {
    const { kernel } = this.#options;
    this.#heldDown.delete(name);
    if (kernel.node(name).state === 'down') kernel.start(kernel.node(name), (process) => this.#main(process));
  }

  /** Kills a master's process, or its whole machine, until `start`; false when it is down. */
  crash(name: string, isHost: boolean): boolean {
    const { kernel } = this.#options;
    this.#heldDown.add(name);
    if (kernel.node(name).state === 'down') return false;
    kernel.crash(kernel.node(name), isHost ? 'host crash' : 'process crash');
    return true;
  }

  /** Begins a clean stop, which ends the process, until `start`; false when the master is not up. */
  stop(name: string): boolean {
    const { kernel, onLife } = this.#options;
    const member = this.#members.get(name);
    if (member === undefined || kernel.node(name).state !== 'up') return false;
    this.#heldDown.add(name);
    onLife(member.process, 'stop');
    kernel.atProcess(kernel.nowUs, member.process, () => {
      void member.master.stop().then(() => member.process.exit('stopped'));
    });
    return true;
  }

  /** Starts a second process under a master's name, on a node of its own; false when that runs already. */
  startSecond(name: string): boolean {
    const { kernel } = this.#options;
    const node = this.#seconds.get(name) ?? `${name}-second`;
    if (!this.#seconds.has(name)) kernel.addNode(node, { offsetMs: 0, driftPpm: 0 });
    this.#seconds.set(name, node);
    if (kernel.node(node).state !== 'down') return false;
    kernel.start(kernel.node(node), (process) => this.#main(process, name));
    return true;
  }

  /** Kills it; harmless when it has ended, or never was. */
  crashSecond(name: string): void {
    const { kernel } = this.#options;
    const node = this.#seconds.get(name);
    if (node !== undefined) kernel.crash(kernel.node(node), 'process crash');
  }

  /** Gives a master this version of its configuration, and tells it to read it; one that is down reads it at its start. */
  reconfigure(name: string, version: number): void {
    const { kernel } = this.#options;
    this.#versions.set(name, version);
    const member = this.#members.get(name);
    if (member === undefined) return;
    kernel.atProcess(kernel.nowUs, member.process, () => this.#reread(member, name));
  }

  /**
   * Asks every live or paused master whether it is active for each of its schedulers. Returns the schedulers of which the
   * answer has changed since the last time; with `isAll` all.
   */
  sample(isAll: boolean): readonly ActiveSample[] {
    const nodes = [...this.#options.masters, ...this.#seconds.values()];
    const answers = new Map<string, number>();
    // A digit of base 4 for each node: 0 not active, 1 active but paused, 2 active.
    for (let i = 0, digit = 1; i < nodes.length; i++, digit *= 4) {
      const member = this.#members.get(nodes[i] ?? '');
      if (member === undefined) continue;
      const weight = member.process.isPaused ? digit : 2 * digit;
      for (const { name, active } of member.schedulers)
        answers.set(name, (answers.get(name) ?? 0) + (active ? weight : 0));
    }
    const samples: ActiveSample[] = [];
    for (const [scheduler, answer] of answers) {
      if (!isAll && this.#answers.get(scheduler) === answer) continue;
      this.#answers.set(scheduler, answer);
      const digits = nodes.map((_, i) => Math.floor(answer / 4 ** i) % 4);
      const masters = nodes.filter((_, i) => digits[i] !== 0);
      samples.push({ scheduler, masters, running: nodes.filter((_, i) => digits[i] === 2) });
    }
    return samples;
  }

  /** Asks a master to add a change; `onDone` says whether it did. False when the master is down or paused. */
  addChange(name: string, change: NewChange, key: string, onDone: (isAdded: boolean) => void): boolean {
    const { kernel } = this.#options;
    const member = this.#members.get(name);
    if (member === undefined || member.process.isPaused) return false;
    kernel.atProcess(kernel.nowUs, member.process, () => {
      member.master.addChange(change, key).then(
        () => onDone(true),
        () => onDone(false),
      );
    });
    return true;
  }

  /**
   * Has a master do something for somebody outside; `onEnd` is told what came of it, unless the process ends before that.
   * The process, or null when the master is down or paused.
   */
  ask(name: string, request: Request, onEnd: (outcome: Outcome) => void): Process | null {
    const { kernel } = this.#options;
    const member = this.#members.get(name);
    if (member === undefined || member.process.isPaused) return null;
    const { master, process } = member;
    kernel.atProcess(kernel.nowUs, process, () => void outcomeOf(request(master, process)).then(onEnd));
    return process;
  }

  /** Puts a whole job file into a directory that all masters share. */
  deliverJob(jobdir: string, name: string, file: Uint8Array): void {
    this.#jobs.deliver(jobdir, name, file);
  }

  /** A configuration that is refused is a mistake in the scenario or in the master; one that stops is excused. */
  #reread(member: Member, name: string): void {
    const schedulers = this.#options.schedulers(this.#versions.get(name) ?? 0);
    for (const scheduler of schedulers) member.schedulers.add(scheduler);
    member.master.reconfigure(this.#configOf(name, schedulers)).catch((error: unknown) => {
      if (!(error instanceof StandinError) || error.code !== 'not-running') throw error;
    });
  }

  #configOf(
    name: string,
    schedulers: readonly BaseScheduler[],
  ): MasterOptions & Required<Pick<MasterOptions, 'mq'>> {
    return { name, schedulers, mq: { type: 'wamp', url: this.#options.routerUrl } };
  }

  #main(process: Process, name = process.node.name): void {
    const schedulers = this.#options.schedulers(this.#versions.get(name) ?? 0);
    const config = { ...this.#configOf(name, schedulers), drivers: this.#drivers(process, schedulers) };
    const { network, parts } = this.#options;
    const host = this.#ports(process);
    const kinds = { ...SOUND_PARTS, ...parts };
    const queue = createMessageQueue(host.runtime, config.mq, webSocketClass(network, process), kinds);
    const ports = { ...host, mq: new ObservedQueue(queue, process, this.#observer) };
    const master = new BuildMaster(config, ports, parts);
    this.#members.set(process.node.name, { process, master, schedulers: new Set(schedulers) });
    master.start().then(
      () => this.#options.onLife(process, 'ready'),
      (error: unknown) => process.exit(`start failed: ${describeError(error)}`),
    );
  }

  /** One driver for all builders, if anybody builds, and the chores, if any. */
  #drivers(process: Process, schedulers: readonly BaseScheduler[]): readonly Driver[] {
    const { builds, chores } = this.#options;
    const builders = [...new Set(schedulers.flatMap(({ builderNames }) => builderNames))];
    const drivers: Driver[] = chores === null ? [] : [chores.driverOf(process)];
    if (builds === null || builders.length === 0) return drivers;
    const options = { executor: builds.executorOf(process), timeOutS: 600 };
    return [...drivers, new BuildDriver('builds', builders, options)];
  }

  #ports(process: Process): MasterPorts {
    const { kernel, network, databaseNode, replicaNode, onProbe } = this.#options;
    const name = process.node.name;
    const draws = kernel.decisions.stream('random', `${name}#${process.incarnation}`);
    const runtime: Runtime = {
      clock: process,
      random: { integer: (bound) => draws.choose(bound) },
      logger: { log: (level, message) => kernel.trace.add(kernel.nowUs, name, level, message) },
      probe: { emit: (event, detail) => onProbe(process, event, detail) },
    };
    return {
      runtime,
      driver: new SimulatedDriver(network, process, databaseNode),
      ...(replicaNode !== null && { replica: new SimulatedDriver(network, process, replicaNode) }),
      openJobDirectory: this.#jobs.portOf(process),
      exit: (reason) => process.exit(reason),
    };
  }

  #supervise(name: string): void {
    const { kernel } = this.#options;
    if (this.#heldDown.has(name)) return;
    kernel.at(kernel.nowUs + SUPERVISOR_DELAY_US, () => {
      if (!this.#heldDown.has(name)) this.start(name);
    });
  }
}
