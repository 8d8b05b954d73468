// A stream between two processes: ordered and reliable until it breaks, as TCP is, with the two ends that hold it.
//
// Each end knows only what its own machine can know. An end is *attached* as long as its machine believes in the
// connection; a stream whose ends disagree is half open, and the attached one learns of it by a reset when it next sends
// (or by keep-alive, see network.ts). An end's machine goes on while its process is paused: the process hears of what
// arrived, and of the break, when it resumes.
//
// Order: per end, data arrives in the order in which it was sent, and the close after all data that was sent before it.
// Arrival times never decrease, and events of one instant run in the order of scheduling: so one event a segment, without
// a closure, takes the next segment from the inbox.
//
// What is sent is a text, or a message that is sealed: immutable through and through, so that handing it over shares as
// little as copying its bytes would, at a fraction of the cost.

import type { Kernel, Process } from '../kernel/kernel.js';
import type { Subject } from '../kernel/trace.js';
import { hashText } from './fingerprint.js';
import { nextRetransmissionUs, type Path } from './link.js';

/** A message whose maker promises that neither it nor anything in it ever changes. */
export type SealedMessage = Subject;

export type CloseReason = 'closed' | 'reset' | 'timeout';

/** One end of a stream, as its process sees it. */
export interface Socket {
  /**
   * Sends one message, in `afterUs` from now (0) if nothing sent before takes longer. Never throws; dropped when the
   * socket is closed or its process is dead.
   */
  send(data: string | SealedMessage, afterUs?: number): void;
  /** Orderly: the peer's `onClose('closed')` comes after what was sent before; this end hears nothing any more. */
  close(): void;
  /** Sets the one listener of texts; those that arrive without one are dropped. */
  onData(listener: (text: string) => void): void;
  /** Sets the one listener of sealed messages; those that arrive without one are dropped. */
  onMessage(listener: (message: SealedMessage) => void): void;
  /** Sets the one listener; called at most once, and not after `close()`. */
  onClose(listener: (reason: CloseReason) => void): void;
  readonly isOpen: boolean;
  readonly process: Process;
  readonly peerNode: string;
}

/** What the ends need of the network. */
export interface StreamHost {
  readonly kernel: Kernel;
  readonly stats: { brokenStreams: number };
  isHostDown(node: string): boolean;
  /** Neither end is attached any more. */
  ended(stream: Stream): void;
}

/** What lies in an inbox: what was sent, or the end of the stream. */
type Segment = TextMessage | SealedMessage | Ending;

class Ending {
  readonly reason: CloseReason;

  constructor(reason: CloseReason) {
    this.reason = reason;
  }
}

class TextMessage implements SealedMessage {
  readonly text: string;
  readonly hash: number;

  constructor(text: string) {
    this.text = text;
    this.hash = hashText(text);
  }

  describe(): string {
    return `${this.text.length} characters`;
  }
}

const CLOSED = new Ending('closed');
const RESET = new Ending('reset');

export class Stream {
  readonly client: StreamEnd;
  readonly server: StreamEnd;

  constructor(host: StreamHost, number: number, client: StreamSide, server: StreamSide) {
    this.client = new StreamEnd(host, this, `${client.path.label}#${number}`, client);
    this.server = new StreamEnd(host, this, `${server.path.label}#${number}`, server);
  }

  peerOf(end: StreamEnd): StreamEnd {
    return end === this.client ? this.server : this.client;
  }

  get isDetached(): boolean {
    return !this.client.isAttached && !this.server.isAttached;
  }

  /** Breaks at both ends, now. */
  cut(): void {
    this.client.breakOff('reset');
    this.server.breakOff('reset');
  }
}

/** The process of an end, and the way from it to the other one. */
export interface StreamSide {
  readonly process: Process;
  readonly path: Path;
}

export class StreamEnd implements Socket {
  readonly process: Process;
  readonly path: Path;
  /** `from>to:port#number`, of what this end sends. */
  readonly label: string;
  /** The machine of this end believes in the connection. */
  isAttached = true;
  /** The earliest instant at which the next segment to this end may arrive. */
  arrivalUs = 0;
  readonly #host: StreamHost;
  readonly #stream: Stream;
  #onData: ((text: string) => void) | null = null;
  #onMessage: ((message: SealedMessage) => void) | null = null;
  #onClose: ((reason: CloseReason) => void) | null = null;
  /** The process has closed this end or knows that it broke. */
  #isFinished = false;
  readonly #inbox: Segment[] = [];
  #taken = 0;
  /** Segments that a blocked link or a dead machine keeps from arriving, oldest first, and since when. */
  #unsent: Segment[] = [];
  #unsentSinceUs = 0;
  #isFlushPlanned = false;
  readonly #deliver = (): void => this.#deliverNext();

  constructor(host: StreamHost, stream: Stream, label: string, side: StreamSide) {
    this.#host = host;
    this.#stream = stream;
    this.label = label;
    this.process = side.process;
    this.path = side.path;
  }

  get isOpen(): boolean {
    return this.isAttached && !this.#isFinished;
  }

  get peerNode(): string {
    return this.path.link.to;
  }

  /** The other end's machine believes in the connection too. */
  get isPeerAttached(): boolean {
    return this.#stream.peerOf(this).isAttached;
  }

  send(data: string | SealedMessage, afterUs = 0): void {
    if (!this.isOpen || !this.process.isAlive) return;
    this.process.assertCurrent('Socket.send');
    this.#transmit(typeof data === 'string' ? new TextMessage(data) : data, afterUs);
  }

  close(): void {
    if (!this.isOpen || !this.process.isAlive) {
      this.#isFinished = true;
      return;
    }
    this.#isFinished = true;
    this.#transmit(CLOSED, 0);
    this.detach();
  }

  onData(listener: (text: string) => void): void {
    this.#onData = listener;
  }

  onMessage(listener: (message: SealedMessage) => void): void {
    this.#onMessage = listener;
  }

  onClose(listener: (reason: CloseReason) => void): void {
    this.#onClose = listener;
  }

  /** The machine of this end forgets the connection; nobody is told. */
  detach(): void {
    if (!this.isAttached) return;
    this.isAttached = false;
    if (this.#stream.isDetached) this.#host.ended(this.#stream);
  }

  /** The machine of this end finds the connection broken, now; its process hears of it as soon as it runs. */
  breakOff(reason: 'reset' | 'timeout'): void {
    if (!this.isAttached) return;
    const { kernel } = this.#host;
    this.#unsent = [];
    this.#host.stats.brokenStreams += 1;
    this.detach();
    kernel.atProcess(kernel.nowUs, this.process, () => this.#finish(reason));
  }

  /** The process of this end has died; `isSilent`: with its machine, so that nothing is sent any more. */
  processDied(isSilent: boolean): void {
    if (isSilent || this.isAttached) this.#unsent = [];
    if (!this.isAttached) return;
    if (!isSilent && !this.#cannotReachPeer()) this.#transmit(RESET, 0);
    this.detach();
  }

  /** What kept segments from arriving may be over: sends them again at their next retransmission. */
  planFlush(): void {
    if (this.#unsent.length === 0 || this.#isFlushPlanned) return;
    this.#isFlushPlanned = true;
    const { kernel } = this.#host;
    kernel.at(nextRetransmissionUs(this.#unsentSinceUs, kernel.nowUs), () => {
      this.#isFlushPlanned = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#cannotReachPeer()) return;
    const segments = this.#unsent;
    this.#unsent = [];
    for (const segment of segments) this.#transmit(segment, 0);
  }

  #transmit(segment: Segment, afterUs: number): void {
    const { kernel } = this.#host;
    if (this.#unsent.length > 0 || this.#cannotReachPeer()) {
      if (this.#unsent.length === 0) this.#unsentSinceUs = kernel.nowUs;
      this.#unsent.push(segment);
      return;
    }
    const peer = this.#stream.peerOf(this);
    const atUs = kernel.nowUs + afterUs + this.path.transitUs();
    if (peer.isAttached) peer.#expect(segment, atUs);
    else if (this.isAttached) this.#refusedAt(atUs + peer.path.transitUs());
  }

  #cannotReachPeer(): boolean {
    return this.path.link.isBlocked || this.#host.isHostDown(this.peerNode);
  }

  /** The peer's machine knows nothing of this connection, and says so. */
  #refusedAt(atUs: number): void {
    this.#host.kernel.at(atUs, () => {
      const peer = this.#stream.peerOf(this);
      if (!peer.path.link.isBlocked) this.breakOff('reset');
    });
  }

  #expect(segment: Segment, atUs: number): void {
    if (atUs > this.arrivalUs) this.arrivalUs = atUs;
    this.#inbox.push(segment);
    this.#host.kernel.atProcess(this.arrivalUs, this.process, this.#deliver);
  }

  #deliverNext(): void {
    const segment = this.#inbox[this.#taken++];
    if (this.#taken === this.#inbox.length) {
      this.#inbox.length = 0;
      this.#taken = 0;
    }
    if (segment === undefined || this.#isFinished) return;
    if (segment instanceof Ending) {
      this.detach();
      this.#finish(segment.reason);
      return;
    }
    const { kernel } = this.#host;
    kernel.trace.add(kernel.nowUs, this.process.node.name, 'deliver', this.label, segment);
    if (segment instanceof TextMessage) this.#onData?.(segment.text);
    else this.#onMessage?.(segment);
  }

  #finish(reason: CloseReason): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    const { kernel } = this.#host;
    kernel.trace.add(kernel.nowUs, this.process.node.name, 'net.close', `${this.label} ${reason}`);
    this.#onClose?.(reason);
  }
}
