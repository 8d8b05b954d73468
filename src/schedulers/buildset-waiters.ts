// Waits for buildsets to be complete. The database is the truth: what waits is looked up when a message says that some
// buildset is complete, and once a claim poll; so a message that is lost, or was sent before anybody listened, holds nobody
// up. A wait ends with the process; whoever wants to go on waiting after that asks again.

import { StandinError } from '../core/errors.js';
import type { Filter } from '../core/routing-key.js';
import { booleanOf, integerOf, placeholders } from '../db/row.js';
import type { Runtime } from '../runtime/runtime.js';
import { Loop } from '../services/loop.js';
import { Subscription } from '../services/subscription.js';
import type { SchedulerContext } from './context.js';

export const COMPLETE_BUILDSETS: Filter = ['buildsets', null, 'complete'];

/** Nobody looks for the results any more: not on this master, or not by this scheduler. */
export class WaiterStoppedError extends StandinError {
  constructor(name: string) {
    const text = `scheduler '${name}' was stopped before the buildset was complete: call again with the same id`;
    super('waiter-stopped', text, { isRetryable: true });
  }
}

interface Waiter {
  readonly resolve: (results: number) => void;
  readonly reject: (error: unknown) => void;
}

export class BuildsetWaiters {
  readonly #context: SchedulerContext;
  readonly #name: string;
  readonly #waiters = new Map<number, Waiter[]>();
  readonly #loop: Loop;
  readonly #subscription: Subscription;
  readonly #endPolling: () => void;

  constructor(runtime: Runtime, context: SchedulerContext, name: string) {
    this.#context = context;
    this.#name = name;
    const options = { name: `waiting of '${name}'`, retryMs: 1_000 };
    this.#loop = new Loop(runtime, options, () => this.#look());
    this.#subscription = new Subscription(runtime, context.mq, COMPLETE_BUILDSETS, () => this.#heard());
    this.#subscription.start();
    this.#loop.start();
    this.#endPolling = context.poll.add(() => this.#heard());
  }

  /** The results of a buildset when it is complete. @throws WaiterStoppedError: ask again elsewhere */
  wait(bsid: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#waiters.set(bsid, [...(this.#waiters.get(bsid) ?? []), { resolve, reject }]);
      this.#loop.wake();
    });
  }

  /** Ends all waits. */
  async stop(): Promise<void> {
    this.#endPolling();
    const waiters = [...this.#waiters.values()].flat();
    this.#waiters.clear();
    for (const { reject } of waiters) reject(new WaiterStoppedError(this.#name));
    await Promise.all([this.#subscription.stop(), this.#loop.stop()]);
  }

  #heard(): void {
    if (this.#waiters.size > 0) this.#loop.wake();
  }

  async #look(): Promise<void> {
    const bsids = [...this.#waiters.keys()];
    if (bsids.length === 0) return;
    const sql = `SELECT id, complete, results FROM buildsets WHERE id IN ${placeholders(bsids.length)} ORDER BY id`;
    const [found] = await this.#context.db.database.read([{ sql, values: bsids }]);
    for (const row of found?.rows ?? []) {
      const bsid = integerOf(row, 'id');
      if (!booleanOf(row, 'complete')) continue;
      const waiters = this.#waiters.get(bsid) ?? [];
      this.#waiters.delete(bsid);
      for (const { resolve } of waiters) resolve(integerOf(row, 'results'));
    }
  }
}
