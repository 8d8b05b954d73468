// Which kind of message queue a master has, as its configuration says, and that this cannot change while it runs.
// @source buildbot master/buildbot/mq/connector.py

import { ConfigError } from '../core/errors.js';
import { nearest } from '../core/nearest.js';
import type { Runtime } from '../runtime/runtime.js';
import type { MessageQueue } from './message-queue.js';
import { SimpleMQ } from './simple-queue.js';
import { WampMQ, type WampOptions } from './wamp-queue.js';
import type { WebSocketClass } from './web-socket.js';

/** A single master needs no router: its messages stay in its process. */
export interface SimpleMqOptions {
  readonly type: 'simple';
}

/** Several masters share a router and a realm. */
export interface WampMqOptions extends Omit<WampOptions, 'webSocket' | 'realm'> {
  readonly type: 'wamp';
  /** Default `buildbot`. */
  readonly realm?: string;
}

export type MqOptions = SimpleMqOptions | WampMqOptions;

const KEYS: Readonly<Record<MqOptions['type'], readonly string[]>> = {
  simple: ['type'],
  wamp: [
    'type',
    'url',
    'realm',
    'topicPrefix',
    'acknowledge',
    'subscribeTimeoutMs',
    'connectTimeoutMs',
    'probeIntervalMs',
    'reconnectMinMs',
    'reconnectMaxMs',
    'maxBuffered',
  ],
};
export const DEFAULT_REALM = 'buildbot';

/** The implementations of the kinds; whoever wants to know what one is good for puts another in its place. */
export interface QueueKinds {
  readonly SimpleMQ: typeof SimpleMQ;
  readonly WampMQ: typeof WampMQ;
}

/** @throws ConfigError naming the key, what was expected and what was got */
export function checkMqOptions(options: MqOptions): void {
  const type: unknown = options?.type;
  if (type !== 'simple' && type !== 'wamp') {
    const hint = typeof type === 'string' ? nearest(type, Object.keys(KEYS)) : '';
    throw new ConfigError(`'mq.type' is ${JSON.stringify(type)}, expected 'simple' or 'wamp'${hint}`);
  }
  for (const key of Object.keys(options)) {
    if (!KEYS[type].includes(key)) {
      throw new ConfigError(`unknown key 'mq.${key}' for the type '${type}'${nearest(key, KEYS[type])}`);
    }
  }
  if (options.type === 'wamp' && !/^wss?:\/\/./.test(String(options.url))) {
    throw new ConfigError(
      `'mq.url' is ${JSON.stringify(options.url)}, expected a URL like ws://127.0.0.1:8080/`,
    );
  }
}

/** The queue that is configured, not started. `webSocket` is the host's, null when it has none. @throws ConfigError */
export function createMessageQueue(
  runtime: Runtime,
  options: MqOptions,
  webSocket: WebSocketClass | null,
  kinds: QueueKinds = { SimpleMQ, WampMQ },
): MessageQueue {
  checkMqOptions(options);
  if (options.type === 'simple') return new kinds.SimpleMQ(runtime);
  if (webSocket === null) throw new ConfigError(`'mq.type' is 'wamp', but this host has no WebSockets`);
  const { type: _, realm = DEFAULT_REALM, ...rest } = options;
  return new kinds.WampMQ(runtime, { ...rest, realm, webSocket });
}

/** @throws ConfigError unless a master that runs with `present` can go on with `next`: nothing of it may differ. */
export function checkMqReconfiguration(present: MqOptions, next: MqOptions): void {
  checkMqOptions(next);
  if (next.type !== present.type) {
    throw new ConfigError(
      `'mq.type' cannot change from '${present.type}' to '${next.type}' while the master runs: restart it`,
    );
  }
  const before: Readonly<Record<string, unknown>> = { realm: DEFAULT_REALM, ...present };
  const after: Readonly<Record<string, unknown>> = { realm: DEFAULT_REALM, ...next };
  const changed = KEYS[next.type].find((key) => before[key] !== after[key]);
  if (changed !== undefined) {
    throw new ConfigError(`'mq.${changed}' cannot change while the master runs: restart it`);
  }
}
