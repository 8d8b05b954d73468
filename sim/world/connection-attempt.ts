// One attempt to open a stream: it asks at 0, 1, 3 and 7 s, and gives up at 10 s.
//
// A node whose process is down refuses after one round trip; a node whose machine is down, or that cannot be reached or
// cannot answer, says nothing. The listener has the connection one way after the request that got through, the caller a
// round trip after it; a listener that is paused accepts when it resumes, and the caller does not notice.

import type { EventHandle, Kernel, Process } from '../kernel/kernel.js';
import type { Path } from './link.js';
import type { Socket, Stream, StreamEnd } from './stream.js';

const ASK_AGAIN_US: readonly number[] = [1_000_000, 3_000_000, 7_000_000];
const GIVE_UP_US = 10_000_000;

export interface ConnectHandlers {
  onOpen(socket: Socket): void;
  /** 'refused', 'timeout', or 'reset' when the stream broke while it was opened. */
  onFail(reason: string): void;
}

export interface Listener {
  readonly process: Process;
  readonly accept: (socket: Socket) => void;
}

/** What an attempt needs of the network. */
export interface AttemptHost {
  readonly kernel: Kernel;
  readonly stats: { refused: number; unreachable: number };
  isHostDown(node: string): boolean;
  listenerOf(node: string, port: string): Listener | undefined;
  open(client: { process: Process; path: Path }, server: { process: Process; path: Path }): Stream;
}

/** The way there and the way back. */
export interface Route {
  readonly port: string;
  readonly there: Path;
  readonly back: Path;
}

export class ConnectionAttempt {
  readonly #host: AttemptHost;
  readonly #process: Process;
  readonly #route: Route;
  readonly #handlers: ConnectHandlers;
  readonly #retries: EventHandle[];
  /** It got an answer, failed, or was cancelled. */
  #isSettled = false;
  #isCancelled = false;

  constructor(host: AttemptHost, process: Process, route: Route, handlers: ConnectHandlers) {
    this.#host = host;
    this.#process = process;
    this.#route = route;
    this.#handlers = handlers;
    const { kernel } = host;
    this.#retries = ASK_AGAIN_US.map((us) => kernel.at(kernel.nowUs + us, () => this.#ask()));
    this.#retries.push(kernel.at(kernel.nowUs + GIVE_UP_US, () => this.#failAt(kernel.nowUs, 'timeout')));
    this.#ask();
  }

  /** No handler will be called any more; a stream that has opened meanwhile is closed. */
  cancel(): void {
    this.#isCancelled = true;
    this.#settle();
  }

  #ask(): void {
    const { there } = this.#route;
    if (this.#isSettled || there.link.isBlocked || this.#host.isHostDown(there.link.to)) return;
    const { kernel } = this.#host;
    kernel.at(kernel.nowUs + there.transitUs(), () => this.#arrive());
  }

  #arrive(): void {
    const { kernel } = this.#host;
    const { there, back, port } = this.#route;
    if (this.#isSettled || !this.#process.isAlive) return;
    if (back.link.isBlocked || this.#host.isHostDown(there.link.to)) return;
    const answerUs = kernel.nowUs + back.transitUs();
    const listener = this.#host.listenerOf(there.link.to, port);
    if (listener === undefined) {
      this.#failAt(answerUs, 'refused');
      return;
    }
    this.#settle();
    const { client, server } = this.#host.open(
      { process: this.#process, path: there },
      { process: listener.process, path: back },
    );
    client.arrivalUs = answerUs;
    kernel.trace.add(kernel.nowUs, there.link.to, 'net.open', client.label);
    kernel.atProcess(kernel.nowUs, listener.process, () => listener.accept(server));
    kernel.atProcess(answerUs, this.#process, () => this.#opened(client));
  }

  #opened(client: StreamEnd): void {
    if (this.#isCancelled) client.close();
    else if (client.isOpen) this.#handlers.onOpen(client);
    else this.#handlers.onFail('reset');
  }

  #failAt(atUs: number, reason: 'refused' | 'timeout'): void {
    if (this.#isSettled) return;
    this.#settle();
    this.#host.stats[reason === 'refused' ? 'refused' : 'unreachable'] += 1;
    this.#host.kernel.atProcess(atUs, this.#process, () => {
      if (!this.#isCancelled) this.#handlers.onFail(reason);
    });
  }

  #settle(): void {
    this.#isSettled = true;
    for (const retry of this.#retries) retry.cancel();
  }
}
