// The adapter between wampy and a WebSocket: one end, and no backlog without bound.

import { expect, test } from 'vitest';
import { WampSocket } from '../../src/mq/wamp-socket.js';
import type { WebSocketLike } from '../../src/mq/web-socket.js';

class StalledSocket implements WebSocketLike {
  readonly readyState = 1;
  readonly protocol = 'wamp.2.json';
  bufferedAmount = 0;
  isClosed = false;
  onopen: ((event: never) => unknown) | null = null;
  onmessage: ((event: never) => unknown) | null = null;
  onclose: ((event: never) => unknown) | null = null;
  onerror: ((event: never) => unknown) | null = null;

  send(data: string): void {
    this.bufferedAmount += data.length;
  }

  close(): void {
    this.isClosed = true;
  }
}

test('a connection to a peer that does not read ends when too much has piled up, once', () => {
  const real = new StalledSocket();
  const ends: string[] = [];
  const socket = new WampSocket(real, { onHeard: () => undefined, onEnd: (reason) => ends.push(reason) });
  const text = 'x'.repeat(1024 * 1024);
  for (let i = 0; i < 30; i++) socket.send(text);
  expect(ends).toEqual(['the router does not read']);
  expect(real.isClosed).toBe(true);
  expect(real.bufferedAmount).toBeLessThan(20 * 1024 * 1024);
  expect(socket.readyState).toBe(3);
});
