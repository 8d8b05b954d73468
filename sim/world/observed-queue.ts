// The message queue of a simulated master, seen from outside: passes every call on to the real one, and tells the history
// who consumes what, and what is produced and delivered. It changes nothing of what either side sees.

import type { Filter, RoutingKey } from '../../src/core/routing-key.js';
import type { JsonObject } from '../../src/core/json.js';
import type {
  DurableCallback,
  MessageCallback,
  MessageQueue,
  QueueReference,
  ReceivedMessage,
} from '../../src/mq/message-queue.js';
import type { Process } from '../kernel/kernel.js';
import type { ConsumeHistoryEvent, HistoryEvent } from '../oracles/history.js';

export interface QueueObserver {
  /** True time, microseconds. */
  readonly nowUs: () => number;
  /** Numbers that no other consumer of the run has. */
  readonly nextConsumer: () => number;
  readonly tell: (event: HistoryEvent) => void;
}

export class ObservedQueue implements MessageQueue {
  readonly #queue: MessageQueue;
  readonly #process: Process;
  readonly #observer: QueueObserver;

  constructor(queue: MessageQueue, process: Process, observer: QueueObserver) {
    this.#queue = queue;
    this.#process = process;
    this.#observer = observer;
    queue.onReconnected(() => this.#observer.tell({ kind: 'reconnect', ...this.#here() }));
  }

  get isConnected(): boolean {
    return this.#queue.isConnected;
  }

  start(): Promise<void> {
    return this.#queue.start();
  }

  stop(): Promise<void> {
    return this.#queue.stop();
  }

  produce(key: RoutingKey, body: JsonObject): void {
    this.#queue.produce(key, body);
    this.#observer.tell({ kind: 'produce', ...this.#here(), key, body: JSON.stringify(body) });
  }

  startConsuming(
    callback: DurableCallback,
    filter: Filter,
    persistentName?: string,
  ): Promise<QueueReference> {
    if (persistentName !== undefined) return this.#queue.startConsuming(callback, filter, persistentName);
    return this.#consume(callback as MessageCallback, filter);
  }

  async #consume(callback: MessageCallback, filter: Filter): Promise<QueueReference> {
    const consumer = this.#observer.nextConsumer();
    const tell = (what: ConsumeHistoryEvent['what']): void =>
      this.#observer.tell({ kind: 'consume', ...this.#here(), consumer, what, filter });
    tell('asked');
    const observed: MessageCallback = (key, body) => {
      this.#observer.tell({ kind: 'deliver', ...this.#here(), consumer, key });
      return callback(key, body);
    };
    let reference: QueueReference;
    try {
      reference = await this.#queue.startConsuming(observed, filter);
    } catch (error) {
      tell('stopped');
      throw error;
    }
    tell('started');
    return { stopConsuming: () => stopTelling(reference, tell) };
  }

  waitUntilEvent(filter: Filter, check: () => Promise<boolean>): Promise<ReceivedMessage | null> {
    return this.#queue.waitUntilEvent(filter, check);
  }

  onReconnected(listener: () => void): () => void {
    return this.#queue.onReconnected(listener);
  }

  #here(): { readonly atUs: number; readonly node: string; readonly incarnation: number } {
    const { node, incarnation } = this.#process;
    return { atUs: this.#observer.nowUs(), node: node.name, incarnation };
  }
}

async function stopTelling(
  reference: QueueReference,
  tell: (what: 'stopping' | 'stopped') => void,
): Promise<void> {
  tell('stopping');
  await reference.stopConsuming();
  tell('stopped');
}
