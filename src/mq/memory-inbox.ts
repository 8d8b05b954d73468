// A durable queue of SimpleMQ: kept as long as the process lives. It hears what is produced from its registration on.

import type { JsonObject } from '../core/json.js';
import type { Filter, RoutingKey } from '../core/routing-key.js';
import type { Inbox, WaitingMessage } from './inbox.js';

export class MemoryInbox implements Inbox {
  readonly filter: Filter;
  /** By id, oldest first. */
  readonly #waiting = new Map<number, WaitingMessage>();
  readonly #wakers = new Set<() => void>();

  constructor(filter: Filter) {
    this.filter = Object.freeze([...filter]);
  }

  /** Appends a message, whose `id` is greater than all before; `key` and `body` are deep-frozen. */
  append(id: number, key: RoutingKey, body: JsonObject): void {
    this.#waiting.set(id, { id, key, body });
    for (const wake of [...this.#wakers]) wake();
  }

  async peek(limit: number): Promise<readonly WaitingMessage[]> {
    const oldest: WaitingMessage[] = [];
    for (const message of this.#waiting.values()) {
      if (oldest.length === limit) break;
      oldest.push(message);
    }
    return oldest;
  }

  /** Nobody observes a queue that goes with its process. */
  taking(): void {}

  async acknowledge(id: number): Promise<void> {
    this.#waiting.delete(id);
  }

  watch(wake: () => void): () => Promise<void> {
    this.#wakers.add(wake);
    return async () => void this.#wakers.delete(wake);
  }
}
