// Those who call schedulers from outside: they force builds, trigger them and wait for their results, and put job files
// into directories.
//
// A call goes to one master, under the same id to the next one when that cannot do it or does not answer, until one has
// accepted it; a scheduler that is disabled refuses it, and it is over. Who waits for results waits for as long as the master lives that he
// asked, and then calls another one.

import type { Kernel, Process } from '../kernel/kernel.js';
import type { CallHistoryEvent, HistoryEvent } from '../oracles/history.js';
import type { Cluster } from '../world/cluster.js';
import { calling } from './requests.js';
import { PATIENCE_US, PAUSE_US } from './insist.js';
import type { PlannedOperation } from './operation.js';

export type PlannedCall = Extract<PlannedOperation, { kind: 'force' | 'trigger' }>;

export interface CallerOptions {
  readonly kernel: Kernel;
  readonly cluster: Cluster;
  readonly masters: readonly string[];
  readonly onDone: (kind: PlannedOperation['kind']) => void;
  readonly onHistory: (event: HistoryEvent) => void;
}

/** A call, as its caller sees it. */
interface Call {
  readonly planned: PlannedCall;
  readonly id: string;
  isAccepted: boolean;
}

export class Caller {
  readonly #options: CallerOptions;

  constructor(options: CallerOptions) {
    this.#options = options;
  }

  /** Calls a scheduler; `id` is the same for all attempts. */
  call(planned: PlannedCall, id: string): void {
    this.#attempt({ planned, id, isAccepted: false }, planned.viaMaster);
  }

  /** Puts a job file into a directory. */
  submit(jobdir: string, name: string): void {
    const { kernel, cluster, onDone, onHistory } = this.#options;
    cluster.deliverJob(jobdir, name, jobFile(name));
    onHistory({ kind: 'job', atUs: kernel.nowUs, jobdir, name });
    onDone('try');
  }

  #attempt(call: Call, attempt: number): void {
    const { kernel, cluster, masters } = this.#options;
    const { scheduler } = call.planned;
    let isWaiting = false;
    let isOver = false;
    const end = (isDone: boolean): void => {
      if (isOver) return;
      isOver = true;
      if (!isDone) kernel.at(kernel.nowUs + PAUSE_US, () => this.#attempt(call, attempt + 1));
    };
    const request = calling(call.planned.kind, scheduler, call.id, (key, waits) => {
      if (isOver) return;
      isWaiting = waits;
      this.#accepted(call, key, waits);
    });
    const process = cluster.ask(masters[attempt % masters.length] ?? '', request, (outcome) => {
      if (!isOver && outcome === 'done' && isWaiting) this.#tell(call, `call:${call.id}`, 'answered');
      end(outcome === 'done' || (outcome === 'refused' && !call.isAccepted));
    });
    if (process === null) end(false);
    else this.#watch(process, () => isOver, () => isWaiting, end); // prettier-ignore
  }

  /** Gives an attempt up that is not accepted in time, or whose master has ended. */
  #watch(
    process: Process,
    isOver: () => boolean,
    isWaiting: () => boolean,
    end: (isDone: boolean) => void,
  ): void {
    const { kernel } = this.#options;
    kernel.at(kernel.nowUs + PATIENCE_US, () => {
      if (isOver()) return;
      if (process.isAlive && isWaiting()) this.#watch(process, isOver, isWaiting, end);
      else end(false);
    });
  }

  #accepted(call: Call, key: string, waits: boolean): void {
    if (!call.isAccepted) {
      call.isAccepted = true;
      this.#options.onDone(call.planned.kind);
      this.#tell(call, key, 'accepted');
    }
    if (waits) this.#tell(call, key, 'waits');
  }

  #tell({ planned: { scheduler } }: Call, key: string, what: CallHistoryEvent['what']): void {
    const { kernel, onHistory } = this.#options;
    onHistory({ kind: 'call', atUs: kernel.nowUs, scheduler, key, what });
  }
}

/** As `buildbot try` writes it. */
function jobFile(jobid: string): Uint8Array {
  const job = JSON.stringify({ jobid, branch: 'master', patch_level: 1, patch_body: '', who: 'somebody' });
  return new TextEncoder().encode(`1:5,${job.length}:${job},`);
}
