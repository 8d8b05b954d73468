// The consumers of the durable queues of one process: at most one for each queue, from its start until its last callback has
// ended. (Two would be given the same messages.)

import type { Runtime } from '../runtime/runtime.js';
import { DurableConsumer } from './durable-consumer.js';
import type { Inbox } from './inbox.js';
import { QueueInUseError, type DurableCallback, type QueueReference } from './message-queue.js';

export class DurableConsumers {
  readonly #runtime: Runtime;
  readonly #byName = new Map<string, DurableConsumer>();

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /** @throws QueueInUseError; StandinError `bad-callback` */
  start(name: string, inbox: Inbox, callback: DurableCallback): QueueReference {
    if (this.#byName.has(name)) throw new QueueInUseError(name);
    const onEnd = (): void => void this.#byName.delete(name);
    const consumer = new DurableConsumer(this.#runtime, { name, inbox, callback, onEnd });
    this.#byName.set(name, consumer);
    consumer.start();
    return consumer;
  }

  /** Stops all of them; resolves when their callbacks have ended, after 30 s at the latest. */
  async stop(): Promise<void> {
    await Promise.all([...this.#byName.values()].map((consumer) => consumer.stopConsuming()));
  }
}
