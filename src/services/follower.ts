// Follows what others write to the database: it subscribes first and reads then, so that nothing falls in between, and it
// reads again when messages may have been missed, at every poll, and when a message says that something is missing.
//
// Messages are hints, and may be late, doubled, out of order or lost: whoever follows says of each whether it has to ask
// the database. One that knows what a message says by itself (a body holds all that it announces, see LiveEntities) need
// not, so that a cluster at work costs no statement a message. The polls find what no message told.
//
//   1. `start` subscribes, and reads.
//   2. The subscription is in force: whatever is committed from now on is announced to it. It reads again.
//   3. A message comes: `hear` takes it, or asks for a read.
//   4. An interruption, or a poll: it reads.
//
// Of reads one runs at a time; what asks for one meanwhile gets another one after it.

import type { Filter } from '../core/routing-key.js';
import type { MessageQueue, ReceivedMessage } from '../mq/message-queue.js';
import type { Runtime } from '../runtime/runtime.js';
import { Loop } from './loop.js';
import type { Poll } from './poll.js';
import { Subscription } from './subscription.js';

export interface FollowerOptions {
  /** For the log. */
  readonly name: string;
  readonly filters: readonly Filter[];
  /** When to read without a reason. */
  readonly every: Poll;
  /** How soon to read again after a read that failed; default: when there is a reason. */
  readonly retryMs?: number;
  /** Takes a message; true when the database has to be asked. */
  hear(message: ReceivedMessage): boolean;
  /** Asks the database. */
  read(): Promise<void>;
  /** Called at each poll, before it reads. */
  onPoll?(): void;
}

export class Follower {
  readonly #options: FollowerOptions;
  readonly #subscriptions: readonly Subscription[];
  readonly #loop: Loop;
  #endPolling = (): void => undefined;

  constructor(runtime: Runtime, mq: MessageQueue, options: FollowerOptions) {
    const { name, filters } = options;
    this.#options = options;
    const listener = (message: ReceivedMessage | null): void => {
      if (message === null || options.hear(message)) this.#loop.wake();
    };
    this.#subscriptions = filters.map((filter) => new Subscription(runtime, mq, filter, listener));
    const retry = options.retryMs === undefined ? {} : { retryMs: options.retryMs };
    this.#loop = new Loop(runtime, { name, ...retry }, () => options.read());
  }

  /** Begins to listen, and to read. */
  start(): void {
    for (const subscription of this.#subscriptions) subscription.start();
    const { every, onPoll } = this.#options;
    this.#endPolling = every.add(() => {
      onPoll?.();
      this.#loop.wake();
    });
    this.#loop.start();
  }

  /** Reads at once, or right after the read under way. */
  wake(): void {
    this.#loop.wake();
  }

  /** Nothing is heard any more, at once; resolves when nothing is being read any more. */
  async stop(): Promise<void> {
    this.#endPolling();
    await Promise.all([...this.#subscriptions.map((subscription) => subscription.stop()), this.#loop.stop()]);
  }
}
