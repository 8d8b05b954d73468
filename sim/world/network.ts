// The network: links between nodes, the streams over them, and how machines find out that a stream is broken.
//
// Only strings cross it. What a fault does to a link (block, slow down, lose, duplicate, reorder) is a condition that its
// undo takes away again; conditions of several faults add up, and a link is open only when nobody blocks it.
//
// A machine notices a silent peer (a blocked link in either direction, or the peer's machine down) by keep-alive: 8 to
// 10 s after the silence began its end gives up with 'timeout', if the silence lasted. Each end decides for itself, so one
// may know before the other. A process that crashes resets its streams at once; its machine, if it crashes too, cannot.

import { assert } from '../../src/core/assert.js';
import type { Kernel, LifeEvent, Process } from '../kernel/kernel.js';
import { ConnectionAttempt, type ConnectHandlers, type Listener } from './connection-attempt.js';
import { Link, Path, type LinkStats } from './link.js';
import type { NetworkProfile } from './network-profile.js';
import { Stream, type Socket, type StreamEnd, type StreamSide } from './stream.js';
import { undoOnce } from './undo.js';

export { NETWORK_PROFILES, type NetworkName, type NetworkProfile } from './network-profile.js';
export type { CloseReason, Socket } from './stream.js';
export type { ConnectHandlers } from './connection-attempt.js';

/** Longest silence that a machine bears, microseconds. */
export const SILENCE_TIMEOUT_US = 10_000_000;

/** How much earlier an end may give up, depending on the phase of its keep-alive. */
const EARLIER_US: readonly number[] = [0, 500_000, 1_000_000, 2_000_000];

export interface NetworkStats extends LinkStats {
  /** Streams opened; connections refused; connections that got no answer. */
  opened: number;
  refused: number;
  unreachable: number;
  /** Ends that found their stream broken. */
  brokenStreams: number;
}

export class Network {
  readonly kernel: Kernel;
  readonly stats: NetworkStats = {
    segments: 0,
    lost: 0,
    duplicated: 0,
    reordered: 0,
    opened: 0,
    refused: 0,
    unreachable: 0,
    brokenStreams: 0,
  };
  readonly #profile: NetworkProfile;
  readonly #links = new Map<string, Link>();
  readonly #paths = new Map<string, Path>();
  readonly #listeners = new Map<string, Listener>();
  readonly #streams = new Set<Stream>();
  /** Nodes whose machine is down, and since when. */
  readonly #downSinceUs = new Map<string, number>();
  #streamCount = 0;

  constructor(kernel: Kernel, profile: NetworkProfile) {
    this.kernel = kernel;
    this.#profile = profile;
    kernel.onLife((event) => this.#followLife(event));
  }

  /** `accept` is called, in an event of `process`, with each stream opened to `port` of its node, until it dies. */
  listen(process: Process, port: string, accept: (socket: Socket) => void): void {
    const key = `${process.node.name}:${port}`;
    const before = this.#listeners.get(key);
    assert(before === undefined || !before.process.isAlive, `a process already listens on ${key}`);
    this.#listeners.set(key, { process, accept });
  }

  /** Opens a stream to `port` of `toNode`. One of the handlers is called, later, unless this is cancelled first. */
  connect(process: Process, toNode: string, port: string, handlers: ConnectHandlers): { cancel(): void } {
    if (!process.isAlive) return { cancel: () => undefined };
    process.assertCurrent('Network.connect');
    this.kernel.node(toNode);
    const from = process.node.name;
    const route = { port, there: this.#path(from, toNode, port), back: this.#path(toNode, from, port) };
    return new ConnectionAttempt(this, process, route, handlers);
  }

  /** Nothing sent by `from` reaches `to` until it is undone; what is on its way arrives. */
  block(from: string, to: string): () => void {
    const link = this.#link(from, to);
    link.blocks += 1;
    if (link.blocks === 1) {
      link.blockedSinceUs = this.kernel.nowUs;
      for (const stream of this.#between(from, to)) this.#watch(stream.client, stream.server);
    }
    return undoOnce(() => this.#unblock(link));
  }

  /** Breaks all streams between two nodes now: both ends see a reset. Returns how many there were. */
  cut(nodeA: string, nodeB: string): number {
    const streams = this.#between(nodeA, nodeB);
    for (const stream of streams) stream.cut();
    return streams.length;
  }

  /**
   * Breaks off all streams between `node` and `peer` at the end of `node` alone, now, as after a time-out there; the other
   * end believes in them until it sends something. Returns how many there were.
   */
  halfClose(node: string, peer: string): number {
    const ends = this.#between(node, peer)
      .map(({ client, server }) => (client.process.node.name === node ? client : server))
      .filter((end) => end.isAttached);
    for (const end of ends) end.breakOff('timeout');
    return ends.length;
  }

  /** Every segment from `from` to `to` takes `extraUs` longer until it is undone. */
  slow(from: string, to: string, extraUs: number): () => void {
    return this.#condition(from, to, 'extraUs', extraUs);
  }

  /** `ppm` of a million segments more than usual are lost, and sent again, until it is undone. */
  setLoss(from: string, to: string, ppm: number): () => void {
    return this.#condition(from, to, 'lossPpm', ppm);
  }

  /** `ppm` of a million segments more than usual are overtaken, hence delayed, until it is undone. */
  setReorder(from: string, to: string, ppm: number): () => void {
    return this.#condition(from, to, 'reorderPpm', ppm);
  }

  /** `ppm` of a million segments more than usual arrive twice, which is only counted, until it is undone. */
  setDuplicate(from: string, to: string, ppm: number): () => void {
    return this.#condition(from, to, 'duplicatePpm', ppm);
  }

  /** True when nothing blocks either direction and both machines are up (their processes may not be). */
  isReachable(nodeA: string, nodeB: string): boolean {
    if (this.#downSinceUs.has(nodeA) || this.#downSinceUs.has(nodeB)) return false;
    return !this.#link(nodeA, nodeB).isBlocked && !this.#link(nodeB, nodeA).isBlocked;
  }

  /** Streams that at least one end believes in. */
  get openStreams(): number {
    return this.#streams.size;
  }

  // What follows is for the files beside this one.

  isHostDown(node: string): boolean {
    return this.#downSinceUs.has(node);
  }

  listenerOf(node: string, port: string): Listener | undefined {
    return this.#listeners.get(`${node}:${port}`);
  }

  open(client: StreamSide, server: StreamSide): Stream {
    const stream = new Stream(this, ++this.#streamCount, client, server);
    this.#streams.add(stream);
    this.stats.opened += 1;
    return stream;
  }

  ended(stream: Stream): void {
    this.#streams.delete(stream);
  }

  #unblock(link: Link): void {
    link.blocks -= 1;
    if (link.blocks > 0) return;
    link.blockedSinceUs = -1;
    for (const stream of this.#between(link.from, link.to)) endAt(stream, link.from).planFlush();
  }

  #condition(
    from: string,
    to: string,
    name: 'extraUs' | 'lossPpm' | 'reorderPpm' | 'duplicatePpm',
    by: number,
  ) {
    const link = this.#link(from, to);
    link[name] += by;
    return undoOnce(() => {
      link[name] -= by;
    });
  }

  #followLife(event: LifeEvent): void {
    if (event.kind === 'start') this.#machineUp(event.node);
    else if (event.kind === 'crash') this.#processDied(event.node, event.detail.startsWith('host'));
    else if (event.kind === 'exit') this.#processDied(event.node, false);
  }

  #machineUp(node: string): void {
    if (!this.#downSinceUs.delete(node)) return;
    for (const stream of this.#at(node)) stream.peerOf(endAt(stream, node)).planFlush();
  }

  #processDied(node: string, isHost: boolean): void {
    for (const [key, listener] of this.#listeners) {
      if (!listener.process.isAlive) this.#listeners.delete(key);
    }
    if (isHost) this.#downSinceUs.set(node, this.kernel.nowUs);
    for (const stream of this.#at(node)) {
      const end = endAt(stream, node);
      end.processDied(isHost);
      if (isHost) this.#watch(stream.peerOf(end));
    }
  }

  /** Keep-alive of these ends, for a silence that begins now. */
  #watch(...ends: readonly StreamEnd[]): void {
    const sinceUs = this.kernel.nowUs;
    for (const end of ends) {
      const phase = this.kernel.decisions.stream('net.keep-alive', end.path.label).choose(EARLIER_US.length);
      const atUs = sinceUs + SILENCE_TIMEOUT_US - (EARLIER_US[phase] ?? 0);
      this.kernel.at(atUs, () => this.#probe(end, sinceUs));
    }
  }

  #probe(end: StreamEnd, sinceUs: number): void {
    if (!end.isAttached) return;
    if (this.#isSilentSince(end, sinceUs)) end.breakOff('timeout');
    else if (!this.#isSilentSince(end, this.kernel.nowUs) && !end.isPeerAttached) end.breakOff('reset');
  }

  /** Whether something that began at `sinceUs` or before keeps `end` from hearing of its peer. */
  #isSilentSince(end: StreamEnd, sinceUs: number): boolean {
    const { from, to } = end.path.link;
    const starts = [
      this.#link(from, to).blockedSinceUs,
      this.#link(to, from).blockedSinceUs,
      this.#downSinceUs.get(to),
    ];
    return starts.some((start) => start !== undefined && start >= 0 && start <= sinceUs);
  }

  #between(nodeA: string, nodeB: string): readonly Stream[] {
    return this.#at(nodeA).filter(
      (stream) => stream.client.peerNode === nodeB || stream.server.peerNode === nodeB,
    );
  }

  #at(node: string): readonly Stream[] {
    return [...this.#streams].filter(
      ({ client, server }) => client.peerNode === node || server.peerNode === node,
    );
  }

  #link(from: string, to: string): Link {
    const key = `${from}>${to}`;
    let link = this.#links.get(key);
    if (link === undefined) this.#links.set(key, (link = new Link(from, to)));
    return link;
  }

  #path(from: string, to: string, port: string): Path {
    const key = `${from}>${to}:${port}`;
    let path = this.#paths.get(key);
    if (path === undefined) {
      const world = { decisions: this.kernel.decisions, profile: this.#profile, stats: this.stats };
      this.#paths.set(key, (path = new Path(this.#link(from, to), port, world)));
    }
    return path;
  }
}

/** The end of `stream` whose process runs at `node`. */
function endAt(stream: Stream, node: string): StreamEnd {
  return stream.client.path.link.from === node ? stream.client : stream.server;
}
