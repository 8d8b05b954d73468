// The people who operate the cluster: they do what the plan says, and see to it that it is done.
//
// A scheduler is enabled or disabled by asking one master, and the next one when that cannot do it or does not answer, until
// one has done it; what is asked of the same scheduler later waits for that. A master is told once to read its
// configuration again; one that is down reads it when it starts. Its workers are told once to build. Calls and job files
// are the callers' (caller.ts).

import { building, enabling } from './requests.js';
import { Caller, type CallerOptions } from './caller.js';
import { insist } from './insist.js';
import type { PlannedOperation } from './operation.js';

type Switch = Extract<PlannedOperation, { kind: 'disable' | 'enable' }>;

export class Operator {
  readonly #options: CallerOptions;
  readonly #caller: Caller;
  /** By scheduler: what is to be done, in order; the first is being done. */
  readonly #switches = new Map<string, Switch[]>();

  constructor(options: CallerOptions) {
    this.#options = options;
    this.#caller = new Caller(options);
  }

  /** Schedules all operations of a plan; the index in the plan names a call or a job. */
  schedule(operations: readonly PlannedOperation[]): void {
    const { kernel } = this.#options;
    for (const [index, operation] of operations.entries())
      kernel.at(operation.atMs * 1000, () => this.#begin(operation, index));
  }

  #begin(operation: PlannedOperation, index: number): void {
    const { kernel, cluster, masters, onDone } = this.#options;
    const { kind } = operation;
    const note = (target: string, detail = ''): void =>
      kernel.trace.add(kernel.nowUs, target, 'operation', `${kind}${detail}`);
    switch (kind) {
      case 'reconfigure':
        note(operation.master, ` to version ${operation.version}`);
        cluster.reconfigure(operation.master, operation.version);
        return onDone(kind);
      case 'disable':
      case 'enable':
        note(operation.scheduler);
        return this.#switch(operation);
      case 'force':
      case 'trigger':
        note(operation.scheduler, ` call-${index}`);
        return this.#caller.call(operation, `call-${index}`);
      case 'try':
        note(operation.jobdir, ` job-${index}`);
        return this.#caller.submit(operation.jobdir, `job-${index}`);
      case 'build': {
        const master = masters[operation.viaMaster] ?? '';
        note(master);
        const { durationMs, results } = operation;
        cluster.ask(master, building(durationMs, results), (outcome) => {
          if (outcome === 'done') onDone(kind);
        });
      }
    }
  }

  #switch(operation: Switch): void {
    const waiting = this.#switches.get(operation.scheduler) ?? [];
    this.#switches.set(operation.scheduler, waiting);
    waiting.push(operation);
    if (waiting.length === 1) this.#ask(operation);
  }

  #ask(operation: Switch): void {
    const { kernel, cluster, masters } = this.#options;
    const { scheduler, kind, viaMaster } = operation;
    const ask = (master: string, settle: (isDone: boolean) => void): boolean =>
      cluster.ask(master, enabling(scheduler, kind === 'enable'), (outcome) => settle(outcome === 'done')) !==
      null;
    insist({ kernel, masters, ask, onDone: () => this.#done(operation) }, viaMaster);
  }

  #done(operation: Switch): void {
    this.#options.onDone(operation.kind);
    const waiting = this.#switches.get(operation.scheduler) ?? [];
    waiting.shift();
    const [next] = waiting;
    if (next !== undefined) this.#ask(next);
  }
}
