// The WAMP router on real WebSockets: a development router, and what tests with real processes talk to.
//
// It speaks `wamp.2.json` on any path. A peer that vanishes is noticed by TCP keep-alive; one that does not read what it
// subscribed to is cut off when its backlog has grown too long: a router that keeps everything for the slowest dies of it.

import { WebSocketServer, type WebSocket } from 'ws';
import { deferred } from '../deferred.js';
import { StandinError } from '../../core/errors.js';
import { WampRouter, type RouterConnection, type RouterStatistics } from '../wamp-router.js';

export interface RouterServerOptions {
  readonly host: string;
  /** 0 for any that is free. */
  readonly port: number;
  /** The one realm that exists; null for any. */
  readonly realm: string | null;
}

const SUBPROTOCOL = 'wamp.2.json';
const KEEP_ALIVE_MS = 10_000;
const CLOSE_TIMEOUT_MS = 2_000;
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;
const MAX_BACKLOG_BYTES = 64 * 1024 * 1024;

export class RouterServer {
  readonly #router: WampRouter;
  readonly #server: WebSocketServer;

  private constructor(router: WampRouter, server: WebSocketServer) {
    this.#router = router;
    this.#server = server;
  }

  /** @throws StandinError `cannot-listen` when the address cannot be had */
  static async listen({ host, port, realm }: RouterServerOptions): Promise<RouterServer> {
    const router = new WampRouter(realm === null ? {} : { realms: [realm] });
    const options = {
      host,
      port,
      perMessageDeflate: false,
      maxPayload: MAX_MESSAGE_BYTES,
      closeTimeout: CLOSE_TIMEOUT_MS,
      handleProtocols: (offered: ReadonlySet<string>) => offered.has(SUBPROTOCOL) && SUBPROTOCOL,
    };
    const server = new WebSocketServer(options);
    const listening = deferred<void>();
    server.on('listening', () => listening.resolve());
    server.on('error', (error: NodeJS.ErrnoException) =>
      listening.reject(new StandinError('cannot-listen', `cannot listen on ${host}:${port} (${error.code})`)),
    );
    server.on('connection', (socket, request) => serve(router, socket, request.socket));
    await listening.promise;
    return new RouterServer(router, server);
  }

  /** The port that it listens on. */
  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  get statistics(): Readonly<RouterStatistics> {
    return this.#router.statistics;
  }

  /** Takes leave of everybody; resolves when no connection is open any more, within seconds. */
  close(): Promise<void> {
    const closed = deferred<void>();
    this.#server.close(() => closed.resolve());
    this.#router.shutDown();
    return closed.promise;
  }
}

/** What is wanted of the TCP connection below a WebSocket. */
interface Transport {
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
  setKeepAlive(isOn: boolean, delayMs: number): unknown;
}

function serve(router: WampRouter, socket: WebSocket, transport: Transport): void {
  // What ends a connection is told by its close event.
  socket.on('error', () => undefined);
  if (socket.protocol !== SUBPROTOCOL) return socket.close(1002, `expected the subprotocol ${SUBPROTOCOL}`);
  transport.setKeepAlive(true, KEEP_ALIVE_MS);
  const connection: RouterConnection = {
    peer: `${transport.remoteAddress}:${transport.remotePort}`,
    send: (text) => {
      if (socket.bufferedAmount > MAX_BACKLOG_BYTES) socket.terminate();
      else socket.send(text);
    },
    close: () => socket.close(),
    onText: (listener) => socket.on('message', (data) => listener(textOf(data))),
    onClose: (listener) => socket.on('close', listener),
  };
  router.accept(connection);
}

/** Binary frames too are taken for text: what is no JSON ends the session. */
function textOf(data: { toString(): string }): string {
  return data.toString();
}
