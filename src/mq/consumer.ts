// One consumer: a callback, the filter that it was registered with, and the callbacks that have started but not ended.
//
// It is told of messages by `deliver`, which never throws. After `stopConsuming` was called no callback starts, not even
// for a message that was on its way; that call resolves when the callbacks that had started have ended. A callback that
// stops its own consumer synchronously is not waited for: it is not yet among the running ones.

import { describeError, StandinError } from '../core/errors.js';
import type { JsonObject } from '../core/json.js';
import { checkFilter, type Filter, type RoutingKey } from '../core/routing-key.js';
import type { Runtime } from '../runtime/runtime.js';
import { RunningCallbacks } from './callbacks.js';
import { showFilter, type MessageCallback, type QueueReference } from './message-queue.js';

export class Consumer implements QueueReference {
  readonly filter: Filter;
  readonly #callback: MessageCallback;
  readonly #runtime: Runtime;
  readonly #onStop: (consumer: Consumer) => void;
  readonly #running: RunningCallbacks;
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
    checkCallback(callback);
    this.filter = Object.freeze([...filter]);
    this.#callback = callback;
    this.#runtime = runtime;
    this.#onStop = onStop;
    this.#running = new RunningCallbacks(runtime, `the consumer of ${showFilter(filter)}`);
  }

  /** Calls the callback, unless the consumer has been stopped. `key` and `body` are deep-frozen. */
  deliver(key: RoutingKey, body: JsonObject): void {
    if (this.#stopped !== null) return;
    try {
      const result: unknown = this.#callback(key, body);
      if (!isThenable(result)) return;
      this.#running.add(Promise.resolve(result).then(ignore, (error: unknown) => this.#logFailure(error)));
    } catch (error) {
      this.#logFailure(error);
    }
  }

  stopConsuming(): Promise<void> {
    if (this.#stopped === null) {
      this.#stopped = this.#running.ended();
      this.#onStop(this);
    }
    return this.#stopped;
  }

  #logFailure(error: unknown): void {
    this.#runtime.logger.log(
      'error',
      `a consumer of ${showFilter(this.filter)} failed: ${describeError(error)}`,
    );
  }
}

/** @throws StandinError `bad-callback` unless it is a function */
export function checkCallback(callback: unknown): void {
  if (typeof callback === 'function') return;
  throw new StandinError('bad-callback', `a consumer is a function, got ${typeof callback}`);
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

function ignore(): void {}
