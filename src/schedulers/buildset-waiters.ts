// Waits for buildsets to be complete. It listens before it looks, so that none becomes complete in between, and a message
// that says so is believed: it is sent after the commit, and holds the results. What waits is looked up once a claim poll,
// and whenever something may have been missed; so a message that is lost, or was sent before anybody listened, holds
// nobody up. A wait ends with the process; whoever wants to go on waiting after that asks again.

import { StandinError } from '../core/errors.js';
import type { Filter } from '../core/routing-key.js';
import { booleanOf, integerOf, placeholders } from '../db/row.js';
import type { Runtime } from '../runtime/runtime.js';
import { LIVE_BUILDSETS, stateIn } from '../data/live-entities.js';
import type { ReceivedMessage } from '../mq/message-queue.js';
import { Follower } from '../services/follower.js';
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
  readonly #follower: Follower;

  constructor(runtime: Runtime, context: SchedulerContext, name: string) {
    this.#context = context;
    this.#name = name;
    this.#follower = new Follower(runtime, context.mq, {
      name: `waiting of '${name}'`,
      filters: [COMPLETE_BUILDSETS],
      every: context.poll,
      retryMs: 1_000,
      hear: (message) => this.#hear(message),
      read: () => this.#look(),
    });
    this.#follower.start();
  }

  /** The results of a buildset when it is complete. @throws WaiterStoppedError: ask again elsewhere */
  wait(bsid: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#waiters.set(bsid, [...(this.#waiters.get(bsid) ?? []), { resolve, reject }]);
      this.#follower.wake();
    });
  }

  /** Ends all waits. */
  async stop(): Promise<void> {
    const waiters = [...this.#waiters.values()].flat();
    this.#waiters.clear();
    for (const { reject } of waiters) reject(new WaiterStoppedError(this.#name));
    await this.#follower.stop();
  }

  /** True when it says of a buildset that somebody waits for that it is complete, but not with which results. */
  #hear({ body }: ReceivedMessage): boolean {
    const bsid = body['bsid'];
    if (typeof bsid !== 'number' || !this.#waiters.has(bsid)) return false;
    const { complete, results } = stateIn(LIVE_BUILDSETS, body) ?? {};
    if (complete !== true || typeof results !== 'number') return true;
    this.#end(bsid, results);
    return false;
  }

  async #look(): Promise<void> {
    const bsids = [...this.#waiters.keys()];
    if (bsids.length === 0) return;
    const sql = `SELECT id, complete, results FROM buildsets WHERE id IN ${placeholders(bsids.length)} ORDER BY id`;
    const [found] = await this.#context.db.database.read([{ sql, values: bsids }]);
    for (const row of found?.rows ?? []) {
      const bsid = integerOf(row, 'id');
      if (!booleanOf(row, 'complete')) continue;
      this.#end(bsid, integerOf(row, 'results'));
    }
  }

  #end(bsid: number, results: number): void {
    const waiters = this.#waiters.get(bsid) ?? [];
    this.#waiters.delete(bsid);
    for (const { resolve } of waiters) resolve(results);
  }
}
