// The people who operate the cluster: they do what the plan says, and see to it that it is done.
//
// A scheduler is enabled or disabled by asking one master, and the next one when that cannot do it or does not answer, until
// one has done it; what is asked of the same scheduler later waits for that. A master is told once to read its
// configuration again; one that is down reads it when it starts.

import type { Kernel } from '../kernel/kernel.js';
import type { Cluster } from '../world/cluster.js';
import type { PlannedOperation } from './operation.js';

const PATIENCE_US = 20_000_000;
const PAUSE_US = 1_000_000;

type Switch = Exclude<PlannedOperation, { kind: 'reconfigure' }>;

export class Operator {
  readonly #kernel: Kernel;
  readonly #cluster: Cluster;
  readonly #masters: readonly string[];
  readonly #onDone: (kind: PlannedOperation['kind']) => void;
  /** By scheduler: what is to be done, in order; the first is being done. */
  readonly #switches = new Map<string, Switch[]>();

  constructor(
    kernel: Kernel,
    cluster: Cluster,
    masters: readonly string[],
    onDone: (kind: PlannedOperation['kind']) => void,
  ) {
    this.#kernel = kernel;
    this.#cluster = cluster;
    this.#masters = masters;
    this.#onDone = onDone;
  }

  schedule(operations: readonly PlannedOperation[]): void {
    for (const operation of operations) this.#kernel.at(operation.atMs * 1000, () => this.#begin(operation));
  }

  #begin(operation: PlannedOperation): void {
    const [target, detail] =
      operation.kind === 'reconfigure'
        ? [operation.master, ` to version ${operation.version}`]
        : [operation.scheduler, ''];
    this.#kernel.trace.add(this.#kernel.nowUs, target, 'operation', `${operation.kind}${detail}`);
    if (operation.kind === 'reconfigure') {
      this.#cluster.reconfigure(operation.master, operation.version);
      this.#onDone(operation.kind);
      return;
    }
    const waiting = this.#switches.get(operation.scheduler) ?? [];
    this.#switches.set(operation.scheduler, waiting);
    waiting.push(operation);
    if (waiting.length === 1) this.#ask(operation, operation.viaMaster);
  }

  #ask(operation: Switch, attempt: number): void {
    const master = this.#masters[attempt % this.#masters.length] ?? '';
    let isSettled = false;
    const settle = (isDone: boolean): void => {
      if (isSettled) return;
      isSettled = true;
      patience.cancel();
      if (isDone) this.#done(operation);
      else this.#kernel.at(this.#kernel.nowUs + PAUSE_US, () => this.#ask(operation, attempt + 1));
    };
    const patience = this.#kernel.at(this.#kernel.nowUs + PATIENCE_US, () => settle(false));
    const isEnabled = operation.kind === 'enable';
    if (!this.#cluster.enable(master, operation.scheduler, isEnabled, settle)) settle(false);
  }

  #done(operation: Switch): void {
    this.#onDone(operation.kind);
    const waiting = this.#switches.get(operation.scheduler) ?? [];
    waiting.shift();
    const [next] = waiting;
    if (next !== undefined) this.#ask(next, next.viaMaster);
  }
}
