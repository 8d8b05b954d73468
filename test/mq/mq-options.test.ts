// Which queue a configuration makes, what it refuses, and that its kind cannot change.

import { describe, expect, test } from 'vitest';
import { ConfigError } from '../../src/core/errors.js';
import {
  checkMqOptions,
  checkMqReconfiguration,
  createMessageQueue,
  type MqOptions,
} from '../../src/mq/mq-options.js';
import { SimpleMQ } from '../../src/mq/simple-queue.js';
import { WampMQ } from '../../src/mq/wamp-queue.js';
import { NodeWebSocket } from '../../src/mq/websocket/client.js';
import { TestRuntime } from '../support/test-runtime.js';

const WAMP: MqOptions = { type: 'wamp', url: 'ws://router/' };

describe('the options of the message queue', () => {
  test('choose the kind', () => {
    const runtime = new TestRuntime();
    expect(createMessageQueue(runtime, { type: 'simple' }, null)).toBeInstanceOf(SimpleMQ);
    expect(createMessageQueue(runtime, WAMP, NodeWebSocket)).toBeInstanceOf(WampMQ);
    expect(() => createMessageQueue(runtime, WAMP, null)).toThrow('has no WebSockets');
    expect(() => createMessageQueue(runtime, { ...WAMP, url: 'x' }, NodeWebSocket)).toThrow(ConfigError);
  });

  test.each([
    [{ type: 'amqp' }, `'mq.type' is "amqp", expected 'simple' or 'wamp'`],
    [{}, `'mq.type' is undefined`],
    [null, `'mq.type' is undefined`],
    [
      { type: 'wamp', url: 'ws://router/', relm: 'x' },
      `unknown key 'mq.relm' for the type 'wamp' (did you mean 'realm'?)`,
    ],
    [{ type: 'simple', url: 'ws://router/' }, `unknown key 'mq.url' for the type 'simple'`],
  ])('refuse %j', (options, message) => {
    expect(() => checkMqOptions(options as MqOptions)).toThrow(message);
  });

  test.each<[MqOptions, MqOptions, string | null]>([
    [WAMP, { ...WAMP, realm: 'buildbot' }, null],
    [{ type: 'simple' }, { type: 'simple' }, null],
    [
      { type: 'simple' },
      WAMP,
      `'mq.type' cannot change from 'simple' to 'wamp' while the master runs: restart it`,
    ],
    [WAMP, { ...WAMP, url: 'ws://other/' }, `'mq.url' cannot change while the master runs: restart it`],
    [WAMP, { ...WAMP, realm: 'other' }, `'mq.realm' cannot change`],
    [{ ...WAMP, acknowledge: false }, WAMP, `'mq.acknowledge' cannot change`],
    [WAMP, { type: 'wamp', url: 'ws://router/', x: 1 } as unknown as MqOptions, `unknown key 'mq.x'`],
  ])('going from %j to %j: %s', (present, next, message) => {
    const check = (): void => checkMqReconfiguration(present, next);
    if (message === null) check();
    else expect(check).toThrow(message);
  });
});
