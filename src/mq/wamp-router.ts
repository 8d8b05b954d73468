// A WAMP v2 router, broker role only: small, for development and for the simulator.
//
// It knows HELLO/WELCOME/ABORT/GOODBYE, SUBSCRIBE (exact, prefix, wildcard), UNSUBSCRIBE, PUBLISH with `acknowledge` and
// `exclude_me`, and answers with ERROR what it refuses. No authentication, no dealer, no retained events, no black- and
// whitelists. It keeps nothing: with the router go all sessions and subscriptions.
//
// Transport-neutral: a transport calls `accept` with a connection of whole text messages. Events of one publisher reach a
// subscriber in order, unless `fate` delays some: it is asked for each delivery, and may also drop or double it.

import { Subscriptions } from './subscriptions.js';

/** One peer: whole messages in both directions. */
export interface RouterConnection {
  /** Who it is, for `fate`. */
  readonly peer: string;
  send(text: string): void;
  close(): void;
  onText(listener: (text: string) => void): void;
  onClose(listener: () => void): void;
}

/** What becomes of one delivery: how many copies, and how late each is (missing = 0). */
export interface Fate {
  readonly copies: number;
  readonly delaysUs: readonly number[];
}

export interface RouterOptions {
  /** The realms that exist; default: any. */
  readonly realms?: readonly string[];
  /** Default: one copy, at once. */
  readonly fate?: (topic: string, peer: string) => Fate;
  /** Carries out what `fate` delays. */
  readonly later?: (delayUs: number, action: () => void) => void;
}

/** Counts since the router was made. */
export interface RouterStatistics {
  sessions: number;
  publications: number;
  /** Events sent to subscribers, copies included. */
  events: number;
}

type Match = 'exact' | 'prefix' | 'wildcard';
type Message = readonly unknown[];

interface Subscription {
  readonly id: number;
  readonly match: Match;
  readonly topic: string;
  readonly sessions: Set<Session>;
  /** Takes it out of the index. */
  remove: () => void;
}

interface Session {
  readonly id: number;
  readonly connection: RouterConnection;
  readonly subscriptions: Set<Subscription>;
  isOpen: boolean;
}

const HELLO = 1;
const WELCOME = 2;
const ABORT = 3;
const GOODBYE = 6;
const ERROR = 8;
const PUBLISH = 16;
const PUBLISHED = 17;
const SUBSCRIBE = 32;
const SUBSCRIBED = 33;
const UNSUBSCRIBE = 34;
const UNSUBSCRIBED = 35;
const EVENT = 36;

const ONE_COPY: Fate = { copies: 1, delaysUs: [] };
const FEATURES = { pattern_based_subscription: true, publisher_exclusion: true } as const;

export class WampRouter {
  readonly statistics: RouterStatistics = { sessions: 0, publications: 0, events: 0 };
  readonly #options: RouterOptions;
  /** All that are served, with the session of each once it has joined. */
  readonly #connections = new Map<RouterConnection, Session | null>();
  /** By match and topic. */
  readonly #subscriptions = new Map<string, Subscription>();
  /** The exact and wildcard ones, by component. */
  readonly #byComponent = new Subscriptions<Subscription>();
  readonly #prefixes = new Set<Subscription>();
  #nextSession = 1;
  #nextSubscription = 1;
  #nextPublication = 1;

  constructor(options: RouterOptions = {}) {
    this.#options = options;
  }

  /** Serves a new connection until either side closes it. */
  accept(connection: RouterConnection): void {
    this.#connections.set(connection, null);
    connection.onText((text) => {
      const session = this.#connections.get(connection);
      if (session === undefined) return;
      const message = parse(text);
      if (message === null) this.#abort(connection, 'wamp.error.protocol_violation');
      else if (session !== null) this.#handle(session, message);
      else this.#join(connection, message);
    });
    connection.onClose(() => this.#forget(connection));
  }

  /** Closes all connections without a word, as a router that is killed. */
  close(): void {
    for (const connection of [...this.#connections.keys()]) this.#hangUp(connection);
  }

  /** Takes leave of all sessions and closes all connections, as a router that is stopped. */
  shutDown(): void {
    for (const session of [...this.#connections.values()]) {
      if (session !== null) send(session, [GOODBYE, {}, 'wamp.close.system_shutdown']);
    }
    this.close();
  }

  #join(connection: RouterConnection, [type, realm]: Message): void {
    if (type !== HELLO || typeof realm !== 'string') {
      return this.#abort(connection, 'wamp.error.protocol_violation');
    }
    if (this.#options.realms !== undefined && !this.#options.realms.includes(realm)) {
      return this.#abort(connection, 'wamp.error.no_such_realm');
    }
    const session = {
      id: this.#nextSession++,
      connection,
      subscriptions: new Set<Subscription>(),
      isOpen: true,
    };
    this.#connections.set(connection, session);
    this.statistics.sessions++;
    send(session, [WELCOME, session.id, { roles: { broker: { features: FEATURES } } }]);
  }

  #handle(session: Session, message: Message): void {
    switch (message[0]) {
      case SUBSCRIBE:
        return this.#subscribe(session, message);
      case UNSUBSCRIBE:
        return this.#unsubscribe(session, message);
      case PUBLISH:
        return this.#publish(session, message);
      case GOODBYE:
        send(session, [GOODBYE, {}, 'wamp.close.goodbye_and_out']);
        return this.#hangUp(session.connection);
      case ABORT:
        return this.#hangUp(session.connection);
      default:
        return this.#abort(session.connection, 'wamp.error.protocol_violation');
    }
  }

  #subscribe(session: Session, [, request, options, topic]: Message): void {
    const match = isRecord(options) ? (options['match'] ?? 'exact') : null;
    if (!isId(request) || !isMatch(match))
      return this.#refuse(session, SUBSCRIBE, request, 'invalid_argument');
    if (!isTopic(topic, match)) return this.#refuse(session, SUBSCRIBE, request, 'invalid_uri');
    const subscription = this.#subscriptions.get(`${match} ${topic}`) ?? this.#newSubscription(match, topic);
    subscription.sessions.add(session);
    session.subscriptions.add(subscription);
    send(session, [SUBSCRIBED, request, subscription.id]);
  }

  #newSubscription(match: Match, topic: string): Subscription {
    const subscription: Subscription = {
      id: this.#nextSubscription++,
      match,
      topic,
      sessions: new Set(),
      remove: () => void this.#prefixes.delete(subscription),
    };
    this.#subscriptions.set(`${match} ${topic}`, subscription);
    if (match === 'prefix') this.#prefixes.add(subscription);
    else subscription.remove = this.#byComponent.add(patternOf(match, topic), subscription);
    return subscription;
  }

  #unsubscribe(session: Session, [, request, id]: Message): void {
    for (const subscription of session.subscriptions) {
      if (subscription.id !== id) continue;
      this.#removeSubscriber(session, subscription);
      return send(session, [UNSUBSCRIBED, request]);
    }
    this.#refuse(session, UNSUBSCRIBE, request, 'no_such_subscription');
  }

  #removeSubscriber(session: Session, subscription: Subscription): void {
    session.subscriptions.delete(subscription);
    subscription.sessions.delete(session);
    if (subscription.sessions.size > 0) return;
    subscription.remove();
    this.#subscriptions.delete(`${subscription.match} ${subscription.topic}`);
  }

  #publish(session: Session, message: Message): void {
    const [, request, options, topic, ...payload] = message;
    const isAcknowledged = isRecord(options) && options['acknowledge'] === true;
    if (!isId(request) || !isRecord(options) || !isTopic(topic, 'exact')) {
      // What need not be acknowledged is not answered at all.
      if (isAcknowledged) this.#refuse(session, PUBLISH, request, 'invalid_uri');
      return;
    }
    const publication = this.#nextPublication++;
    this.statistics.publications++;
    const except = options['exclude_me'] === false ? null : session;
    for (const subscription of this.#matching(topic)) {
      const details = subscription.match === 'exact' ? {} : { topic };
      const text = JSON.stringify([EVENT, subscription.id, publication, details, ...payload]);
      for (const subscriber of [...subscription.sessions]) {
        if (subscriber !== except) this.#deliver(subscriber, subscription, { topic, text });
      }
    }
    if (isAcknowledged) send(session, [PUBLISHED, request, publication]);
  }

  #matching(topic: string): Subscription[] {
    const found = [...this.#byComponent.match(topic.split('.'))];
    for (const subscription of this.#prefixes) {
      if (topic.startsWith(subscription.topic)) found.push(subscription);
    }
    return found;
  }

  #deliver(subscriber: Session, subscription: Subscription, event: { topic: string; text: string }): void {
    const fate = this.#options.fate?.(event.topic, subscriber.connection.peer) ?? ONE_COPY;
    const sendNow = (): void => {
      // A subscriber that left meanwhile must not get it: its client would take it for an event of the new session.
      if (!subscriber.isOpen || !subscriber.subscriptions.has(subscription)) return;
      this.statistics.events++;
      subscriber.connection.send(event.text);
    };
    for (let copy = 0; copy < fate.copies; copy++) {
      const delayUs = fate.delaysUs[copy] ?? 0;
      if (delayUs > 0 && this.#options.later !== undefined) this.#options.later(delayUs, sendNow);
      else sendNow();
    }
  }

  #refuse(session: Session, requestType: number, request: unknown, reason: string): void {
    if (isId(request)) send(session, [ERROR, requestType, request, {}, `wamp.error.${reason}`]);
    else this.#abort(session.connection, 'wamp.error.protocol_violation');
  }

  #abort(connection: RouterConnection, reason: string): void {
    connection.send(JSON.stringify([ABORT, {}, reason]));
    this.#hangUp(connection);
  }

  #hangUp(connection: RouterConnection): void {
    this.#forget(connection);
    connection.close();
  }

  #forget(connection: RouterConnection): void {
    const session = this.#connections.get(connection) ?? null;
    this.#connections.delete(connection);
    if (session === null) return;
    session.isOpen = false;
    for (const subscription of [...session.subscriptions]) this.#removeSubscriber(session, subscription);
  }
}

function send(session: Session, message: Message): void {
  session.connection.send(JSON.stringify(message));
}

/** The message, or null when the text is none. */
function parse(text: string): Message | null {
  try {
    const message: unknown = JSON.parse(text);
    return Array.isArray(message) ? message : null;
  } catch {
    // A peer that sends no JSON is told so by ABORT.
    return null;
  }
}

function patternOf(match: Match, topic: string): (string | null)[] {
  return topic.split('.').map((component) => (match === 'wildcard' && component === '' ? null : component));
}

/** The loose rules of the specification: components without white space, `#` and dots, empty only in patterns. */
function isTopic(topic: unknown, match: Match): topic is string {
  if (typeof topic !== 'string' || /[\s#]/.test(topic)) return false;
  if (match === 'exact' && topic.split('.').includes('')) return false;
  return !/^wamp(\.|$)/.test(topic) || match !== 'exact';
}

function isMatch(value: unknown): value is Match {
  return value === 'exact' || value === 'prefix' || value === 'wildcard';
}

function isId(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
