// The WebSocket class of a simulated process: the standard interface over a stream of the simulated network. One string
// sent is one string received. The upgrade handshake is left out: a stream that is open is an open WebSocket, and a
// router that is paused shows itself by its silence.
//
// As in the real ones: a connection that fails or breaks gives an error event and then a close event (1006); one that the
// peer closed gives a close event (1000); after `close()` the close event comes in an event of its own, and nothing else.

import { assert } from '../../src/core/assert.js';
import type { Process } from '../kernel/kernel.js';
import type { Network, Socket } from './network.js';

/** The port that WebSocket servers listen on. */
export const WEB_SOCKET_PORT = 'wamp';

const CONNECTING = 0;
const OPEN = 1;
const CLOSING = 2;
const CLOSED = 3;

interface CloseEvent {
  readonly code: number;
  readonly reason: string;
  readonly wasClean: boolean;
}

/** A WebSocket of `process`. The host of its URL is the name of a node: `ws://router/`. */
export class SimulatedWebSocket {
  onopen: ((event: object) => unknown) | null = null;
  onmessage: ((event: { readonly data: string }) => unknown) | null = null;
  onerror: ((event: object) => unknown) | null = null;
  onclose: ((event: CloseEvent) => unknown) | null = null;
  readonly url: string;
  readonly #process: Process;
  readonly #attempt: { cancel(): void };
  readonly #protocols: readonly string[];
  #readyState = CONNECTING;
  #socket: Socket | null = null;

  constructor(network: Network, process: Process, url: string, protocols: readonly string[]) {
    process.assertCurrent('WebSocket');
    this.url = url;
    this.#process = process;
    this.#protocols = protocols;
    this.#attempt = network.connect(process, hostOf(url), WEB_SOCKET_PORT, {
      onOpen: (socket) => this.#opened(socket),
      onFail: () => this.#over(1006),
    });
  }

  get readyState(): number {
    return this.#readyState;
  }

  /** The first that was asked for: servers here speak it. */
  get protocol(): string {
    return this.#socket === null ? '' : (this.#protocols[0] ?? '');
  }

  /** Dropped unless the connection is open. */
  send(data: string): void {
    if (this.#readyState === OPEN) this.#socket?.send(data);
  }

  close(): void {
    if (this.#readyState >= CLOSING) return;
    this.#readyState = CLOSING;
    if (this.#socket === null) this.#attempt.cancel();
    else this.#socket.close();
    this.#process.setTimer(() => this.#over(1000), 1);
  }

  #opened(socket: Socket): void {
    if (this.#readyState !== CONNECTING) return socket.close();
    this.#readyState = OPEN;
    this.#socket = socket;
    socket.onData((data) => {
      if (this.#readyState === OPEN) this.onmessage?.({ data });
    });
    socket.onClose((reason) => {
      if (this.#readyState === OPEN) this.#over(reason === 'closed' ? 1000 : 1006);
    });
    this.onopen?.({});
  }

  #over(code: 1000 | 1006): void {
    if (this.#readyState === CLOSED) return;
    this.#readyState = CLOSED;
    if (code !== 1000) this.onerror?.({});
    this.onclose?.({ code, reason: '', wasClean: code === 1000 });
  }
}

/** The class to inject into what `process` runs. */
export function webSocketClass(
  network: Network,
  process: Process,
): new (url: string, protocols: string[]) => SimulatedWebSocket {
  return class extends SimulatedWebSocket {
    constructor(url: string, protocols: string[]) {
      super(network, process, url, protocols);
    }
  };
}

function hostOf(url: string): string {
  const host = /^wss?:\/\/([^/:?#]+)/.exec(url)?.[1];
  assert(host !== undefined, `a WebSocket URL is ws://<node>/, got ${JSON.stringify(url)}`);
  return host;
}
