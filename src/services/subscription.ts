// A subscription that stays: made in the background as soon as the queue can be reached, tried again until then. The
// listener gets each message, and null once it is in force and after each interruption, since something may have been
// missed.

import { StandinError } from '../core/errors.js';
import type { Filter } from '../core/routing-key.js';
import type { MessageQueue, QueueReference, ReceivedMessage } from '../mq/message-queue.js';
import { sleep } from '../runtime/clock.js';
import type { Runtime } from '../runtime/runtime.js';

const RETRY_MS = 5_000;

export class Subscription {
  readonly #runtime: Runtime;
  readonly #mq: MessageQueue;
  readonly #filter: Filter;
  readonly #listener: (message: ReceivedMessage | null) => void;
  readonly #stopping = new AbortController();
  #reference: QueueReference | null = null;
  #removeReconnected: (() => void) | null = null;

  constructor(
    runtime: Runtime,
    mq: MessageQueue,
    filter: Filter,
    listener: (message: ReceivedMessage | null) => void,
  ) {
    this.#runtime = runtime;
    this.#mq = mq;
    this.#filter = filter;
    this.#listener = listener;
  }

  /** Begins to subscribe, and returns. */
  start(): void {
    this.#removeReconnected = this.#mq.onReconnected(() => this.#listener(null));
    void this.#subscribe();
  }

  /** The listener is not called any more, at once; an attempt that is under way undoes itself. */
  async stop(): Promise<void> {
    this.#stopping.abort('stopped');
    this.#removeReconnected?.();
    await this.#reference?.stopConsuming();
  }

  async #subscribe(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        const reference = await this.#mq.startConsuming(
          (key, body) => this.#hear({ key, body }),
          this.#filter,
        );
        if (signal.aborted) {
          await reference.stopConsuming();
          return;
        }
        this.#reference = reference;
        this.#listener(null);
        return;
      } catch (error) {
        if (!(error instanceof StandinError) || !error.isRetryable) return; // stopped, or refused for good: the polls remain
        await sleep(this.#runtime.clock, RETRY_MS, signal);
      }
    }
  }

  #hear(message: ReceivedMessage): void {
    if (!this.#stopping.signal.aborted) this.#listener(message);
  }
}
