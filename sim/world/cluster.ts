// The masters of a run: the one place in the simulator where a BuildMaster is built.
//
// Each start of a node builds a new master from a new evaluation of the scenario's module, on ports bound to that start.
// A supervisor restarts what ended by itself (an uncaught error, a superseded or stuck master) after five seconds; what a
// fault brought down stays down until its undo.

import { describeError } from '../../src/core/errors.js';
import type { JsonObject } from '../../src/core/json.js';
import type { NewChange } from '../../src/db/changes.js';
import { BuildDriver } from '../../src/drivers/build-driver.js';
import { BuildMaster, type MasterPorts } from '../../src/master/build-master.js';
import type { MasterParts } from '../../src/master/parts.js';
import type { Runtime } from '../../src/runtime/runtime.js';
import type { BaseScheduler } from '../../src/schedulers/base.js';
import type { Kernel, Process } from '../kernel/kernel.js';
import type { SimulatedWorkers } from '../workload/simulated-executor.js';
import type { Network } from './network.js';
import { webSocketClass } from './simulated-websocket.js';
import { SimulatedDriver } from './sql-driver.js';

export interface ClusterOptions {
  readonly kernel: Kernel;
  readonly network: Network;
  /** Names of the nodes of the masters, which exist already. */
  readonly masters: readonly string[];
  readonly databaseNode: string;
  readonly routerUrl: string;
  /** The schedulers of a master that starts: called in that start's own process. */
  readonly schedulers: () => readonly BaseScheduler[];
  /** Who does the builds; null: nobody. */
  readonly builds: SimulatedWorkers | null;
  readonly parts: Partial<MasterParts>;
  readonly onProbe: (process: Process, event: string, detail: JsonObject) => void;
  /** The start of a master is complete, or its clean stop has begun. */
  readonly onLife: (process: Process, what: 'ready' | 'stop') => void;
}

/** Which masters say that they are active for a scheduler, and which of those are not paused. */
export interface ActiveSample {
  readonly masters: readonly string[];
  readonly running: readonly string[];
}

interface Member {
  readonly process: Process;
  readonly master: BuildMaster;
  readonly schedulers: readonly BaseScheduler[];
}

const SUPERVISOR_DELAY_US = 5_000_000;

export class Cluster {
  readonly #options: ClusterOptions;
  readonly #members = new Map<string, Member>();
  /** Masters that a fault holds down. */
  readonly #heldDown = new Set<string>();

  constructor(options: ClusterOptions) {
    this.#options = options;
    options.kernel.onLife((event) => {
      if (!options.masters.includes(event.node)) return;
      if (event.kind === 'crash' || event.kind === 'exit') this.#members.delete(event.node);
      if (event.kind === 'exit') this.#supervise(event.node);
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

  /** Asks every live or paused master whether it is active for each of its schedulers. */
  sample(): ReadonlyMap<string, ActiveSample> {
    const samples = new Map<string, { masters: string[]; running: string[] }>();
    for (const name of this.#options.masters) {
      const member = this.#members.get(name);
      if (member === undefined) continue;
      for (const scheduler of member.schedulers) {
        const sample = samples.get(scheduler.name) ?? { masters: [], running: [] };
        samples.set(scheduler.name, sample);
        if (!scheduler.active) continue;
        sample.masters.push(name);
        if (!member.process.isPaused) sample.running.push(name);
      }
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

  #main(process: Process): void {
    const schedulers = this.#options.schedulers();
    const ports = this.#ports(process);
    const { routerUrl, parts } = this.#options;
    const mq = { type: 'wamp', url: routerUrl } as const;
    const drivers = this.#drivers(process, schedulers);
    const master = new BuildMaster({ name: process.node.name, schedulers, drivers, mq }, ports, parts);
    this.#members.set(process.node.name, { process, master, schedulers });
    master.start().then(
      () => this.#options.onLife(process, 'ready'),
      (error: unknown) => process.exit(`start failed: ${describeError(error)}`),
    );
  }

  /** One driver for all builders, if anybody builds. */
  #drivers(process: Process, schedulers: readonly BaseScheduler[]): readonly BuildDriver[] {
    const { builds } = this.#options;
    const builders = [...new Set(schedulers.flatMap(({ builderNames }) => builderNames))];
    if (builds === null || builders.length === 0) return [];
    return [new BuildDriver('builds', builders, { executor: builds.executorOf(process), timeOutS: 600 })];
  }

  #ports(process: Process): MasterPorts {
    const { kernel, network, databaseNode, onProbe } = this.#options;
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
      webSocket: webSocketClass(network, process),
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
