// The WAMP router, message by message, over connections in memory.

import { describe, expect, test } from 'vitest';
import { WampRouter, type RouterConnection, type RouterOptions } from '../../src/mq/wamp-router.js';

class Peer implements RouterConnection {
  readonly peer: string;
  readonly received: unknown[][] = [];
  isClosed = false;
  #onText: (text: string) => void = () => undefined;
  #onClose: () => void = () => undefined;

  constructor(router: WampRouter, name = 'peer') {
    this.peer = name;
    router.accept(this);
  }

  send(text: string): void {
    this.received.push(JSON.parse(text) as unknown[]);
  }

  close(): void {
    this.isClosed = true;
  }

  onText(listener: (text: string) => void): void {
    this.#onText = listener;
  }

  onClose(listener: () => void): void {
    this.#onClose = listener;
  }

  says(...message: unknown[]): unknown[][] {
    return this.saysText(JSON.stringify(message));
  }

  saysText(text: string): unknown[][] {
    this.#onText(text);
    return this.received.splice(0);
  }

  joins(realm = 'standin'): this {
    this.says(1, realm, { roles: {} });
    return this;
  }

  vanishes(): void {
    this.#onClose();
  }
}

const ACKNOWLEDGE = { acknowledge: true, exclude_me: false };

describe('WampRouter', () => {
  test('welcomes as a broker, and says goodbye', () => {
    const peer = new Peer(new WampRouter());
    expect(peer.says(1, 'standin', {})).toEqual([
      [
        2,
        1,
        { roles: { broker: { features: { pattern_based_subscription: true, publisher_exclusion: true } } } },
      ],
    ]);
    expect(peer.says(6, {}, 'wamp.close.system_shutdown')).toEqual([[6, {}, 'wamp.close.goodbye_and_out']]);
    expect(peer.isClosed).toBe(true);
  });

  test.each([
    ['a realm that does not exist', '[1,"other",{}]', 'wamp.error.no_such_realm'],
    ['a first message that is no HELLO', '[32,1,{},"a"]', 'wamp.error.protocol_violation'],
    ['text that is no JSON', '{', 'wamp.error.protocol_violation'],
    ['a message that is no list', '{}', 'wamp.error.protocol_violation'],
  ])('aborts on %s', (_what, text, reason) => {
    const peer = new Peer(new WampRouter({ realms: ['standin'] }));
    expect(peer.saysText(text)).toEqual([[3, {}, reason]]);
    expect(peer.isClosed).toBe(true);
  });

  test('aborts on a second HELLO and on the dealer role', () => {
    const router = new WampRouter();
    expect(new Peer(router).joins().says(1, 'standin', {})).toEqual([
      [3, {}, 'wamp.error.protocol_violation'],
    ]);
    expect(new Peer(router).joins().says(48, 1, {}, 'a.procedure')).toEqual([
      [3, {}, 'wamp.error.protocol_violation'],
    ]);
  });

  test('matches exactly, by prefix and by component', () => {
    const router = new WampRouter();
    const peer = new Peer(router).joins();
    const options = [
      {},
      { match: 'prefix' },
      { match: 'wildcard' },
      { match: 'wildcard' },
      { match: 'exact' },
    ];
    const patterns = ['a.b.c', 'a.b', 'a..c', 'a...', 'a.b'];
    patterns.forEach((pattern, i) => {
      expect(peer.says(32, i + 1, options[i], pattern)).toEqual([[33, i + 1, i + 1]]);
    });
    const heard = (topic: string): unknown[] =>
      peer
        .says(16, 9, ACKNOWLEDGE, topic, [topic])
        .filter((message) => message[0] === 36)
        .map((message) => message[1]);
    expect(heard('a.b.c')).toEqual([1, 3, 2]);
    expect(heard('a.x.c')).toEqual([3]);
    expect(heard('a.b')).toEqual([5, 2]);
    expect(heard('a.bc')).toEqual([2]);
    expect(heard('a.x.y.z')).toEqual([4]);
    expect(heard('b')).toEqual([]);
  });

  test('names the topic to pattern subscriptions, and passes on arguments as they are', () => {
    const router = new WampRouter();
    const peer = new Peer(router).joins();
    peer.says(32, 1, {}, 'a.b');
    peer.says(32, 2, { match: 'wildcard' }, 'a.');
    expect(peer.says(16, 3, ACKNOWLEDGE, 'a.b', [1], { x: 2 })).toEqual([
      [36, 1, 1, {}, [1], { x: 2 }],
      [36, 2, 1, { topic: 'a.b' }, [1], { x: 2 }],
      [17, 3, 1],
    ]);
  });

  test('leaves out the publisher unless told otherwise, and acknowledges only on request', () => {
    const router = new WampRouter();
    const publisher = new Peer(router).joins();
    const other = new Peer(router).joins();
    publisher.says(32, 1, {}, 'a');
    other.says(32, 1, {}, 'a');
    expect(publisher.says(16, 2, {}, 'a')).toEqual([]);
    expect(other.received.splice(0)).toEqual([[36, 1, 1, {}]]);
    expect(publisher.says(16, 3, { exclude_me: false }, 'a')).toEqual([[36, 1, 2, {}]]);
  });

  test('gives one subscription for one topic, and ends it with its last subscriber', () => {
    const router = new WampRouter();
    const one = new Peer(router).joins();
    const other = new Peer(router).joins();
    expect(one.says(32, 1, {}, 'a')).toEqual([[33, 1, 1]]);
    expect(one.says(32, 2, {}, 'a')).toEqual([[33, 2, 1]]);
    expect(other.says(32, 1, {}, 'a')).toEqual([[33, 1, 1]]);
    expect(one.says(34, 3, 1)).toEqual([[35, 3]]);
    expect(one.says(34, 4, 1)).toEqual([[8, 34, 4, {}, 'wamp.error.no_such_subscription']]);
    one.says(16, 5, {}, 'a', ['x']);
    expect(other.received.splice(0)).toEqual([[36, 1, 1, {}, ['x']]]);
    other.vanishes();
    expect(one.says(32, 6, {}, 'a')).toEqual([[33, 6, 2]]);
  });

  test.each([
    ['a topic with a space', [32, 1, {}, 'a b'], 'wamp.error.invalid_uri'],
    ['an empty component in an exact subscription', [32, 1, {}, 'a..b'], 'wamp.error.invalid_uri'],
    ['an unknown match', [32, 1, { match: 'regex' }, 'a'], 'wamp.error.invalid_argument'],
    ['a publication to a pattern', [16, 1, { acknowledge: true }, 'a.'], 'wamp.error.invalid_uri'],
    ['a publication to a reserved topic', [16, 1, { acknowledge: true }, 'wamp.x'], 'wamp.error.invalid_uri'],
  ])('answers %s with an error', (_what, message, reason) => {
    const peer = new Peer(new WampRouter()).joins();
    expect(peer.says(...message)).toEqual([[8, message[0], 1, {}, reason]]);
    expect(peer.isClosed).toBe(false);
  });

  test('asks what becomes of each delivery', () => {
    const later: { delayUs: number; action: () => void }[] = [];
    const asked: string[] = [];
    const fates = [
      { copies: 0, delaysUs: [] },
      { copies: 2, delaysUs: [0, 5] },
    ];
    const options: RouterOptions = {
      fate: (topic, peer) => {
        asked.push(`${topic}>${peer}`);
        return fates.shift() ?? { copies: 1, delaysUs: [] };
      },
      later: (delayUs, action) => later.push({ delayUs, action }),
    };
    const peer = new Peer(new WampRouter(options), 'node').joins();
    peer.says(32, 1, {}, 'a');
    expect(peer.says(16, 2, { exclude_me: false }, 'a', [1])).toEqual([]);
    expect(peer.says(16, 3, { exclude_me: false }, 'a', [2])).toEqual([[36, 1, 2, {}, [2]]]);
    expect(later.map((entry) => entry.delayUs)).toEqual([5]);
    later[0]?.action();
    expect(peer.received.splice(0)).toEqual([[36, 1, 2, {}, [2]]]);
    peer.says(34, 4, 1);
    later[0]?.action();
    expect(peer.received).toEqual([]);
    expect(asked).toEqual(['a>node', 'a>node']);
  });

  test('takes leave of those who have joined when it is shut down, and closes all connections', () => {
    const router = new WampRouter();
    const [joined, stranger] = [new Peer(router).joins(), new Peer(router)];
    router.shutDown();
    expect(joined.received).toEqual([[6, {}, 'wamp.close.system_shutdown']]);
    expect(stranger.received).toEqual([]);
    expect([joined.isClosed, stranger.isClosed]).toEqual([true, true]);
  });

  test('closes all connections when it ends, and hears nothing from them any more', () => {
    const router = new WampRouter();
    const peer = new Peer(router).joins();
    router.close();
    expect(peer.isClosed).toBe(true);
    expect(peer.says(32, 1, {}, 'a')).toEqual([]);
  });
});
