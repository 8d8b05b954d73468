// One durable queue, as its consumer sees it: what waits in it, in order, until it is acknowledged. MemoryInbox keeps it in
// the process, the data layer keeps it in the database.

import type { JsonObject } from '../core/json.js';
import type { RoutingKey } from '../core/routing-key.js';

/** A message that waits; deep-frozen. */
export interface WaitingMessage {
  readonly id: number;
  readonly key: RoutingKey;
  readonly body: JsonObject;
}

export interface Inbox {
  /** The `limit` oldest messages that wait, in the order in which they were produced; all when there are fewer. */
  peek(limit: number): Promise<readonly WaitingMessage[]>;
  /** Told before each delivery. */
  taking(id: number): void;
  /** The message waits no longer; harmless when it does not. */
  acknowledge(id: number): Promise<void>;
  /** Calls `wake` whenever there may be something new. Returns what ends that. */
  watch(wake: () => void): () => Promise<void>;
}
