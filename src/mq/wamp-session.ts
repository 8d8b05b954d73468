// One WAMP session on one connection, from HELLO to its end; it never reconnects (see wamp-link.ts). wampy speaks the
// protocol, with its own reconnection switched off: that one gives up after a failed first attempt, hangs on a router
// that does not answer, and resubscribes while others already publish.
//
// A session notices a router that has gone silent (paused, half-open connection): when nothing was heard for a probe
// interval it publishes a probe that must be acknowledged, and when nothing was heard for another one it ends. So a
// silent router is noticed within three intervals, and a busy connection costs no probes.

import { Errors, Wampy } from 'wampy';
import { describeError, StandinError } from '../core/errors.js';
import type { JsonObject } from '../core/json.js';
import type { Timer } from '../runtime/clock.js';
import type { Runtime } from '../runtime/runtime.js';
import { deferred } from './deferred.js';
import { SubscriptionRefusedError } from './message-queue.js';
import { UNACKNOWLEDGED, WampSerializer } from './wamp-serializer.js';
import { WampSocket } from './wamp-socket.js';
import { ANY_WORD } from './wamp-topic.js';
import type { WebSocketClass } from './web-socket.js';

const PUBLISHED = 17;
/** How long a session waits for the router's GOODBYE. */
const GOODBYE_WAIT_MS = 2_000;

export interface SessionOptions {
  readonly url: string;
  readonly realm: string;
  readonly webSocket: WebSocketClass;
  /** A topic that nobody subscribes. */
  readonly probeTopic: string;
  readonly probeIntervalMs: number;
}

/** Called for each event: its topic, or null when the router names none (exact subscription), and its first argument. */
export type EventListener = (topic: string | null, argument: unknown) => void;

export class WampSession {
  readonly #runtime: Runtime;
  readonly #options: SessionOptions;
  readonly #wampy: Wampy;
  readonly #ended = deferred<string>();
  #socket: WampSocket | null = null;
  #watch: Timer | null = null;
  #isOpen = true;
  #hasHeard = false;
  #isProbing = false;
  /** Whether the router says that it has wildcard subscriptions, or that it has none was logged. */
  #hasWildcards = true;

  constructor(runtime: Runtime, options: SessionOptions) {
    this.#runtime = runtime;
    this.#options = options;
    this.#wampy = new Wampy(options.url, {
      realm: options.realm,
      autoReconnect: false,
      uriValidation: 'strict',
      serializer: new WampSerializer((request) => this.#answerItself(request)),
      // wampy declares the whole browser interface, and uses what the adapter has.
      ws: this.#socketClass() as never,
    });
  }

  /** False for ever once the session is over. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Resolves with the reason when the session is over; never rejects. */
  get ended(): Promise<string> {
    return this.#ended.promise;
  }

  /** Connects and joins the realm. @throws StandinError `session-lost` when the session ends instead. */
  async open(): Promise<void> {
    const joined = deferred<void>();
    // wampy's promise settles neither when the router is silent nor when the connection just closes: the end does.
    this.#wampy.connect().then(
      (details) => {
        this.#hasWildcards = announcesWildcards(details);
        joined.resolve();
      },
      (error: unknown) => this.end(refusal(error)),
    );
    void this.#ended.promise.then((reason) => joined.reject(lost(reason)));
    await joined.promise;
    this.#watchRouter();
  }

  /** @throws SubscriptionRefusedError; StandinError `session-lost` */
  async subscribe(topic: string, listener: EventListener): Promise<void> {
    const onEvent = (event: { details: Record<string, unknown>; argsList?: unknown[] }): void => {
      const eventTopic = event.details['topic'];
      if (this.#isOpen) listener(typeof eventTopic === 'string' ? eventTopic : null, event.argsList?.[0]);
    };
    if (!this.#isOpen) throw lost('it is over');
    this.#checkWildcards(topic);
    try {
      await this.#wampy.subscribe(topic, onEvent);
    } catch (error) {
      if (error instanceof Errors.SubscribeError) throw new SubscriptionRefusedError(topic, error.errorUri);
      throw lost(describeError(error));
    }
  }

  /** @throws StandinError `session-lost`; that the router does not know the subscription is no error */
  async unsubscribe(topic: string): Promise<void> {
    if (!this.#isOpen) throw lost('it is over');
    try {
      await this.#wampy.unsubscribe(topic);
    } catch (error) {
      if (!(error instanceof Errors.UnsubscribeError)) throw lost(describeError(error));
    }
  }

  /**
   * Sends at once. Resolves to whether the router acknowledged, if it is to; false means that it refused or the session
   * ended.
   */
  async publish(topic: string, body: JsonObject, acknowledge: boolean): Promise<boolean> {
    if (!this.#isOpen) return false;
    try {
      await this.#wampy.publish(topic, { argsList: [body] }, acknowledge ? {} : { [UNACKNOWLEDGED]: true });
      return true;
    } catch {
      // A publication is a hint: whoever sent it hears that it may be lost, and that is all.
      return false;
    }
  }

  /** Takes leave of the router, if it has joined: what was published arrives before. Resolves when the session is over. */
  async close(): Promise<void> {
    if (!this.#isOpen) return;
    const timer = this.#runtime.clock.setTimer(() => this.end('no GOODBYE from the router'), GOODBYE_WAIT_MS);
    this.#wampy.disconnect().catch((error: unknown) => this.end(describeError(error)));
    await this.#ended.promise;
    timer.cancel();
  }

  /** Ends the session at once; what is in flight rejects. Harmless when it is over. */
  end(reason: string): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#watch?.cancel();
    this.#ended.resolve(reason);
    this.#socket?.end(reason);
  }

  /** A router without wildcards grants them as well, and sends nothing: whoever is deaf must say so. */
  #checkWildcards(topic: string): void {
    if (this.#hasWildcards || !topic.split('.').includes(ANY_WORD)) return;
    this.#hasWildcards = true;
    this.#runtime.logger.log(
      'warning',
      `the message router at ${this.#options.url} does not say that it has wildcard subscriptions` +
        ` (pattern_based_subscription): without them filters with a wildcard hear nothing`,
    );
  }

  /** wampy keeps each publication until PUBLISHED comes: where no router sends one, this does, once it was sent. */
  #answerItself(request: number): void {
    void Promise.resolve().then(() => this.#socket?.tell(JSON.stringify([PUBLISHED, request, 0])));
  }

  #watchRouter(): void {
    if (!this.#isOpen) return;
    this.#watch = this.#runtime.clock.setTimer(() => this.#look(), this.#options.probeIntervalMs);
  }

  #look(): void {
    if (!this.#hasHeard && this.#isProbing) return this.end('the router is silent');
    this.#isProbing = !this.#hasHeard;
    if (this.#isProbing) void this.publish(this.#options.probeTopic, {}, true);
    this.#hasHeard = false;
    this.#watchRouter();
  }

  /** The adapter as a class, since wampy makes its socket itself. */
  #socketClass(): new (url: string, protocols: string[]) => WampSocket {
    const session = this;
    const RealSocket = this.#options.webSocket;
    return class extends WampSocket {
      constructor(url: string, protocols: string[]) {
        super(new RealSocket(url, protocols), {
          onHeard: () => {
            session.#hasHeard = true;
          },
          onEnd: (reason) => session.end(reason),
        });
        session.#socket = this;
      }
    };
  }
}

/** What the details of WELCOME say of the broker. */
function announcesWildcards(details: unknown): boolean {
  const { roles } = (details ?? {}) as {
    roles?: { broker?: { features?: { pattern_based_subscription?: unknown } } };
  };
  return roles?.broker?.features?.pattern_based_subscription === true;
}

function lost(reason: string): StandinError {
  return new StandinError('session-lost', `the session with the message router ended: ${reason}`, {
    isRetryable: true,
  });
}

function refusal(error: unknown): string {
  return error instanceof Errors.AbortError ? `refused with ${error.errorUri}` : describeError(error);
}
