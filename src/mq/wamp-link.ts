// The link to the router: one session after the other, until it is stopped.
//
//   waiting --(back-off over)--> joining --(welcome)--> restoring --(all subscriptions granted)--> up
//      ^                            |                       |                                      |
//      +-------(failure, time-out, end of the session, at whatever point)--------------------------+
//
// Nothing but `stop` ends that loop: a router that is away at the start, restarts, refuses, or goes silent is tried again
// after a random delay that grows from failure to failure. Joining and restoring together have a time-out.

import { describeError } from '../core/errors.js';
import { sleep } from '../runtime/clock.js';
import type { Runtime } from '../runtime/runtime.js';
import { deferred } from './deferred.js';
import { WampSession, type SessionOptions } from './wamp-session.js';

export interface LinkOptions extends SessionOptions {
  /** From the beginning of an attempt until all subscriptions are in force. */
  readonly connectTimeoutMs: number;
  /** The delay before the next attempt is between half of this and all of it … */
  readonly reconnectMinMs: number;
  /** … and doubles with each failure up to this. */
  readonly reconnectMaxMs: number;
}

export interface LinkEvents {
  /** Asks a new session for all subscriptions; a rejection ends the session. */
  restore(session: WampSession): Promise<void>;
  /** All is in force. */
  onUp(): void;
  /** An attempt failed, or the session that was up has ended. */
  onDown(): void;
}

export class WampLink {
  readonly #runtime: Runtime;
  readonly #options: LinkOptions;
  readonly #events: LinkEvents;
  readonly #stopping = new AbortController();
  readonly #firstAttempt = deferred<void>();
  #session: WampSession | null = null;
  #phase: 'waiting' | 'joining' | 'restoring' | 'up' = 'waiting';
  #loop: Promise<void> | null = null;
  #hasComplained = false;

  constructor(runtime: Runtime, options: LinkOptions, events: LinkEvents) {
    this.#runtime = runtime;
    this.#options = options;
    this.#events = events;
  }

  /** The session that has joined, be it restored or not; null when there is none. */
  get session(): WampSession | null {
    const hasJoined = this.#phase === 'restoring' || this.#phase === 'up';
    return hasJoined && this.#session?.isOpen === true ? this.#session : null;
  }

  get isUp(): boolean {
    return this.#phase === 'up' && this.session !== null;
  }

  /** Begins; resolves after the first attempt, whether or not it succeeded. */
  start(): Promise<void> {
    this.#loop ??= this.#run();
    return this.#firstAttempt.promise;
  }

  /** Takes leave; resolves when nothing is under way any more. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#firstAttempt.resolve();
    await this.#session?.close();
    await this.#loop;
  }

  async #run(): Promise<void> {
    let failures = 0;
    while (!this.#stopping.signal.aborted) {
      failures = (await this.#attempt()) ? 0 : failures + 1;
      if (this.#stopping.signal.aborted) return;
      await sleep(this.#runtime.clock, this.#backOffMs(failures), this.#stopping.signal);
    }
  }

  /** One session from its beginning to its end; true when it was up. Never rejects. */
  async #attempt(): Promise<boolean> {
    const session = new WampSession(this.#runtime, this.#options);
    this.#session = session;
    const isRestored = await this.#establish(session);
    if (isRestored) this.#goUp();
    this.#firstAttempt.resolve();
    const reason = await session.ended;
    this.#phase = 'waiting';
    if (!this.#stopping.signal.aborted) this.#goDown(reason);
    return isRestored;
  }

  async #establish(session: WampSession): Promise<boolean> {
    const { connectTimeoutMs } = this.#options;
    const timeOut = (): void => session.end(`not established within ${connectTimeoutMs} ms`);
    const timer = this.#runtime.clock.setTimer(timeOut, connectTimeoutMs);
    try {
      this.#phase = 'joining';
      await session.open();
      this.#phase = 'restoring';
      await this.#events.restore(session);
    } catch (error) {
      session.end(describeError(error));
    } finally {
      timer.cancel();
    }
    return session.isOpen;
  }

  #goUp(): void {
    this.#phase = 'up';
    this.#hasComplained = false;
    this.#runtime.logger.log('info', `connected to the message router at ${this.#options.url}`);
    this.#events.onUp();
  }

  #goDown(reason: string): void {
    if (!this.#hasComplained) {
      this.#runtime.logger.log(
        'warning',
        `no connection to the message router at ${this.#options.url}: nothing is heard until it is back (${reason})`,
      );
    }
    this.#hasComplained = true;
    this.#events.onDown();
  }

  #backOffMs(failures: number): number {
    const { reconnectMinMs, reconnectMaxMs } = this.#options;
    // Shifting by more than 20 would overflow, long after the maximum is reached.
    const highest = Math.min(reconnectMaxMs, reconnectMinMs * 2 ** Math.min(failures, 20));
    const half = Math.floor(highest / 2);
    return half + this.#runtime.random.integer(highest - half + 1);
  }
}
