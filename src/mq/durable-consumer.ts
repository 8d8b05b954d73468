// The consumer of one durable queue: it takes the oldest message, calls the callback, waits for it, acknowledges the message,
// and takes the next. So messages keep their order, what waited comes before what is new, and whatever fails or dies before
// its acknowledgement comes again: after a pause, and before anything younger.
//
//   resting --(woken: something new, a poll, a reconnection)--> draining --(nothing waits)--> resting
//                                                                  |  ^
//                                                    (failure)     v  |  (pause over)
//                                                                pausing
//
// Stopping is as for every consumer: no callback starts after `stopConsuming` was called, and it waits for one that runs
// (its acknowledgement included), not for the one that calls it.

import { describeError } from '../core/errors.js';
import type { Timer } from '../runtime/clock.js';
import type { Runtime } from '../runtime/runtime.js';
import { RunningCallbacks } from './callbacks.js';
import { checkCallback } from './consumer.js';
import type { Inbox, WaitingMessage } from './inbox.js';
import type { DurableCallback, QueueReference } from './message-queue.js';

export interface DurableConsumerOptions {
  /** Of the queue, for the log. */
  readonly name: string;
  readonly inbox: Inbox;
  readonly callback: DurableCallback;
  /** Called once, when the consumer has been stopped and its last callback has ended. */
  readonly onEnd: () => void;
}

const BATCH = 100;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;

export class DurableConsumer implements QueueReference {
  readonly #runtime: Runtime;
  readonly #options: DurableConsumerOptions;
  readonly #running: RunningCallbacks;
  #unwatch: () => Promise<void> = async () => undefined;
  #state: 'resting' | 'draining' | 'pausing' = 'resting';
  #isWoken = false;
  #pause: Timer | null = null;
  #failures = 0;
  /** True while the callback runs synchronously: what it calls then is called by it. */
  #isCalling = false;
  #stopped: Promise<void> | null = null;

  /** @throws StandinError `bad-callback` */
  constructor(runtime: Runtime, options: DurableConsumerOptions) {
    checkCallback(options.callback);
    this.#runtime = runtime;
    this.#options = options;
    this.#running = new RunningCallbacks(runtime, `the consumer of the durable queue '${options.name}'`);
  }

  /** Begins to consume, and returns; called once. */
  start(): void {
    this.#unwatch = this.#options.inbox.watch(() => this.#wake());
    this.#wake();
  }

  stopConsuming(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    const isOwnCallback = this.#isCalling;
    this.#pause?.cancel();
    if (this.#state !== 'draining') this.#options.onEnd();
    await this.#unwatch();
    if (!isOwnCallback) await this.#running.ended();
  }

  #wake(): void {
    this.#isWoken = true;
    if (this.#state !== 'resting' || this.#stopped !== null) return;
    this.#state = 'draining';
    this.#running.add(this.#drain());
  }

  /** Never rejects. */
  async #drain(): Promise<void> {
    try {
      while (this.#isWoken && this.#stopped === null) {
        this.#isWoken = false;
        if (await this.#deliverBatch()) this.#isWoken = true;
      }
      this.#state = 'resting';
    } catch (error) {
      this.#fail(error);
    }
    // In the same step as the last look at #stopped: whoever stops later ends it.
    if (this.#stopped !== null) this.#options.onEnd();
  }

  /** True when more may wait. */
  async #deliverBatch(): Promise<boolean> {
    const messages = await this.#options.inbox.peek(BATCH);
    for (const message of messages) {
      if (this.#stopped !== null) return false;
      await this.#deliver(message);
      this.#failures = 0;
    }
    return messages.length === BATCH;
  }

  /** Rejects as the callback or the acknowledgement does. */
  async #deliver({ id, key, body }: WaitingMessage): Promise<void> {
    let isSettled = false;
    const delivery = Object.freeze({
      id,
      settle: () => {
        isSettled = true;
      },
    });
    this.#options.inbox.taking(id);
    await this.#call(() => this.#options.callback(key, body, delivery));
    if (!isSettled) await this.#options.inbox.acknowledge(id);
  }

  #call(callback: () => void | Promise<void>): void | Promise<void> {
    this.#isCalling = true;
    try {
      return callback();
    } finally {
      this.#isCalling = false;
    }
  }

  #fail(error: unknown): void {
    const { name } = this.#options;
    this.#runtime.logger.log(
      'error',
      `the consumer of the durable queue '${name}' failed; what it was given comes again: ${describeError(error)}`,
    );
    const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(this.#failures++, 10));
    this.#state = 'pausing';
    if (this.#stopped !== null) return;
    this.#pause = this.#runtime.clock.setTimer(() => {
      this.#state = 'resting';
      this.#wake();
    }, pauseMs);
  }
}
