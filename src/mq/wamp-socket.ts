// What wampy takes for its WebSocket: an adapter around the real one (or the simulated one) with a single, certain end.
//
// A connection ends once: by the peer, by an error, by wampy, or by `end`. From then on nothing of the real socket
// reaches wampy, wampy is told by `onclose` (so that it rejects what is in flight), and `onEnd` is called. wampy's own
// handlers are asynchronous and may fail on what a router sends; such a failure would be an unhandled rejection, and is
// the end of the connection instead.

import { describeError } from '../core/errors.js';
import type { WebSocketLike } from './web-socket.js';

const MAX_BACKLOG_BYTES = 16 * 1024 * 1024;

export interface SocketEvents {
  /** Something arrived from the peer. */
  onHeard(): void;
  /** The connection is over; called once. */
  onEnd(reason: string): void;
}

export class WampSocket {
  // Set by wampy.
  onopen: (() => unknown) | null = null;
  onmessage: ((event: { readonly data: unknown }) => unknown) | null = null;
  onclose: ((event: object) => unknown) | null = null;
  onerror: ((event: object) => unknown) | null = null;

  readonly #real: WebSocketLike;
  readonly #events: SocketEvents;
  #hasEnded = false;

  constructor(real: WebSocketLike, events: SocketEvents) {
    this.#real = real;
    this.#events = events;
    real.onopen = () => this.#forward(() => this.onopen?.());
    real.onmessage = (event: { readonly data: unknown }) => {
      events.onHeard();
      this.#forward(() => this.onmessage?.(event));
    };
    // An error is always followed by a close, except in some implementations when connecting fails.
    real.onerror = () => this.end('connection failed');
    real.onclose = () => this.end('connection closed');
  }

  get readyState(): number {
    return this.#hasEnded ? 3 : this.#real.readyState;
  }

  get protocol(): string {
    return this.#real.protocol;
  }

  /** A peer that does not read is as good as gone: what piles up for it ends the connection, as a full buffer must. */
  send(data: string): void {
    if (this.#hasEnded) return;
    if ((this.#real.bufferedAmount ?? 0) > MAX_BACKLOG_BYTES) this.end('the router does not read');
    else this.#real.send(data);
  }

  /** Tells wampy something that did not come from the peer. */
  tell(data: string): void {
    if (!this.#hasEnded) this.#forward(() => this.onmessage?.({ data }));
  }

  /** wampy closes after GOODBYE and ABORT, and on what it takes for a violation of the protocol. */
  close(): void {
    this.end('session closed');
  }

  /** Ends the connection at once; harmless when it is over. */
  end(reason: string): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#detach();
    this.#real.close();
    this.#forward(() => this.onclose?.({ code: 1000, reason }));
    this.#events.onEnd(reason);
  }

  #detach(): void {
    const ignore = (): void => undefined;
    this.#real.onopen = ignore;
    this.#real.onmessage = ignore;
    this.#real.onclose = ignore;
    // Some implementations throw an error event without listener: it is listened to until the last.
    this.#real.onerror = ignore;
  }

  #forward(handler: () => unknown): void {
    const fail = (error: unknown): void => this.end(`protocol failure (${describeError(error)})`);
    try {
      Promise.resolve(handler()).catch(fail);
    } catch (error) {
      fail(error);
    }
  }
}
