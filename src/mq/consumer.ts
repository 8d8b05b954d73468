// One consumer: a callback, the filter that it was registered with, and the callbacks that have started but not ended.
//
// It is told of messages by `deliver`, which never throws. After `stopConsuming` was called no callback starts, not even
// for a message that was on its way; that call resolves when the callbacks that had started have ended. A callback that
// stops its own consumer synchronously is not waited for: it is not yet among the running ones.

import { describeError, StandinError } from '../core/errors.js';
import type { JsonObject } from '../core/json.js';
import { checkFilter, type Filter, type RoutingKey } from '../core/routing-key.js';
import type { Runtime } from '../runtime/runtime.js';
import { withDeadline } from './deferred.js';
import { showFilter, type MessageCallback, type QueueReference } from './message-queue.js';

/** How long `stopConsuming` waits for callbacks that do not end. */
const STOP_WAIT_MS = 30_000;

export class Consumer implements QueueReference {
  readonly filter: Filter;
  readonly #callback: MessageCallback;
  readonly #runtime: Runtime;
  readonly #onStop: (consumer: Consumer) => void;
  readonly #running = new Set<Promise<void>>();
  #stopped: Promise<void> | null = null;

  /**
   * `onStop` is called once, synchronously, by the first `stopConsuming`.
   * @throws StandinError `bad-filter`, `bad-callback`
   */
  constructor(
    runtime: Runtime,
    filter: Filter,
    callback: MessageCallback,
    onStop: (consumer: Consumer) => void,
  ) {
    checkFilter(filter);
    if (typeof callback !== 'function') {
      throw new StandinError('bad-callback', `a consumer is a function, got ${typeof callback}`);
    }
    this.filter = Object.freeze([...filter]);
    this.#callback = callback;
    this.#runtime = runtime;
    this.#onStop = onStop;
  }

  /** Calls the callback, unless the consumer has been stopped. `key` and `body` are deep-frozen. */
  deliver(key: RoutingKey, body: JsonObject): void {
    if (this.#stopped !== null) return;
    try {
      const result: unknown = this.#callback(key, body);
      if (isThenable(result)) this.#track(result);
    } catch (error) {
      this.#logFailure(error);
    }
  }

  stopConsuming(): Promise<void> {
    if (this.#stopped === null) {
      this.#stopped = this.#ended();
      this.#onStop(this);
    }
    return this.#stopped;
  }

  #track(result: PromiseLike<unknown>): void {
    const tracked: Promise<void> = Promise.resolve(result)
      .then(
        () => undefined,
        (error: unknown) => this.#logFailure(error),
      )
      .finally(() => this.#running.delete(tracked));
    this.#running.add(tracked);
  }

  async #ended(): Promise<void> {
    if (this.#running.size === 0) return;
    const late = (): StandinError => new StandinError('callback-late', 'a callback did not end');
    try {
      await withDeadline(this.#runtime.clock, Promise.all(this.#running), STOP_WAIT_MS, late);
    } catch {
      // Tracked promises never reject, so this is the deadline.
      const count = this.#running.size;
      this.#runtime.logger.log(
        'warning',
        `${count} callback(s) of the consumer of ${showFilter(this.filter)} still run ${STOP_WAIT_MS} ms after it was stopped`,
      );
    }
  }

  #logFailure(error: unknown): void {
    this.#runtime.logger.log(
      'error',
      `a consumer of ${showFilter(this.filter)} failed: ${describeError(error)}`,
    );
  }
}

/** Delivers one message to each of `consumers`, in order, in a microtask of its own. */
export function deliverSoon(consumers: readonly Consumer[], key: RoutingKey, body: JsonObject): void {
  if (consumers.length === 0) return;
  void Promise.resolve().then(() => {
    for (const consumer of consumers) consumer.deliver(key, body);
  });
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
