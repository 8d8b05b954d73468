// An executor that does what a test tells it, and records what it was told.

import { StandinError } from '../../src/core/errors.js';
import type { BuildOrder, Executor, ExecutorStatus } from '../../src/drivers/executor.js';

export class ScriptedExecutor implements Executor {
  /** Ids of the builds that were started, in order. */
  readonly started: number[] = [];
  readonly stopped: string[] = [];
  readonly orders: BuildOrder[] = [];
  /** What the next starts say: an error, or nothing. */
  readonly refusals: StandinError[] = [];
  /** By handle, which is the build's id; running where nothing is said. 'hangs': no answer, ever. */
  readonly says = new Map<string, ExecutorStatus | StandinError | 'hangs'>();
  asked = 0;

  async start(order: BuildOrder): Promise<string> {
    const refusal = this.refusals.shift();
    if (refusal !== undefined) throw refusal;
    this.orders.push(order);
    this.started.push(order.build.buildid);
    return String(order.build.buildid);
  }

  status(handle: string): Promise<ExecutorStatus> {
    this.asked += 1;
    const said = this.says.get(handle) ?? { kind: 'running', stateString: 'compiling' };
    if (said === 'hangs') return new Promise(() => undefined);
    return said instanceof StandinError ? Promise.reject(said) : Promise.resolve(said);
  }

  async stop(handle: string): Promise<void> {
    this.stopped.push(handle);
  }

  /** The build of this id ends with `results`. */
  ends(buildid: number, results: number): void {
    this.says.set(String(buildid), { kind: 'finished', results, stateString: 'done' });
  }
}
