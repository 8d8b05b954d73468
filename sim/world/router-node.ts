// The router as a node of the simulation: it can crash, pause and restart, and forgets everything with its process.
//
// What becomes of each delivery is decided here while a condition is in force: dropped, doubled, delayed (hence out of
// order), held back until another one overtakes it. Each is a decision of its own, named by topic and subscriber, and
// drawn only while its condition is in force. Two more conditions strike all deliveries to one subscriber: those of a
// subscription that the router has forgotten never come, those to a slow one queue up.
// Conditions may overlap; the highest probability counts. They belong to the node: a restart does not end them, save that
// a subscriber's next connection has all its subscriptions.

import type { RoutingKey } from '../../src/core/routing-key.js';
import { DEFAULT_TOPIC_PREFIX, TopicSpace } from '../../src/mq/wamp-topic.js';
import type { Kernel, Node, Process } from '../kernel/kernel.js';
import { HeldDeliveries } from './held-deliveries.js';
import type { Network } from './network.js';
import { WEB_SOCKET_PORT } from './simulated-websocket.js';
import { WampRouter, type Fate, type RouterConnection } from '../../src/mq/wamp-router.js';

/** Deliveries by what became of them, since the beginning of the run. */
export interface RouterNodeStatistics {
  delivered: number;
  dropped: number;
  duplicated: number;
  delayed: number;
  /** Held back until another one had overtaken them. */
  reordered: number;
  /** Of a subscription that had been forgotten. */
  forgotten: number;
  /** That had to wait for those before them to a slow subscriber. */
  backlogged: number;
  /** Processes started. */
  starts: number;
}

/** What a condition calls for each delivery that it strikes. */
export type OnHit = () => void;

interface Condition {
  readonly ppm: number;
  readonly maxDelayMs: number;
  readonly onHit: OnHit;
}

/** Which deliveries overtake one that is held back: of the same topic, or any to the same subscriber. */
export type ReorderScope = 'same-topic' | 'any-topic';

/** A subscriber that gets nothing whose key begins with this word; any word if null. */
interface Forgotten {
  readonly peer: string;
  readonly word: string | null;
  readonly onHit: OnHit;
}

/** A subscriber that takes one message in so long. */
interface Slow {
  readonly peer: string;
  readonly intervalMs: number;
  readonly onHit: OnHit;
}

/** What masters publish under. */
const TOPICS = new TopicSpace(DEFAULT_TOPIC_PREFIX);
/** The second copy of a doubled delivery is late by up to this. */
const DUPLICATE_DELAY_MS = 1_000;

export class RouterNode {
  readonly statistics: RouterNodeStatistics = {
    delivered: 0,
    dropped: 0,
    duplicated: 0,
    delayed: 0,
    reordered: 0,
    forgotten: 0,
    backlogged: 0,
    starts: 0,
  };
  readonly node: Node;
  readonly #kernel: Kernel;
  readonly #network: Network;
  readonly #drops = new Set<Condition>();
  readonly #duplicates = new Set<Condition>();
  readonly #delays = new Set<Condition>();
  readonly #reorders = new Set<Condition & { readonly scope: ReorderScope }>();
  readonly #forgotten = new Set<Forgotten>();
  readonly #slow = new Set<Slow>();
  /** When the next delivery to a subscriber may leave, if there is a backlog. */
  readonly #busyUntilUs = new Map<string, number>();
  #held: HeldDeliveries | null = null;
  readonly #lossListeners: ((node: string, key: RoutingKey) => void)[] = [];

  /** `node` is down until `start`; WebSockets reach it as `ws://<its name>/`. */
  constructor(kernel: Kernel, network: Network, node: Node) {
    this.#kernel = kernel;
    this.#network = network;
    this.node = node;
  }

  /** The URL that WebSockets connect to. */
  get url(): string {
    return `ws://${this.node.name}/`;
  }

  /** Starts a new router on the node, which must be down. */
  start(): void {
    this.statistics.starts++;
    this.#kernel.start(this.node, (process) => this.#main(process));
  }

  /** `listener` hears of each message to a node that a condition drops, or makes late. */
  onLost(listener: (node: string, key: RoutingKey) => void): void {
    this.#lossListeners.push(listener);
  }

  /** Each delivery is dropped with this probability. Returns what undoes it. */
  setDrop(ppm: number, onHit: OnHit = ignore): () => void {
    return impose(this.#drops, { ppm, maxDelayMs: 0, onHit });
  }

  /** Each delivery is doubled with this probability; the second copy comes up to a second later. Returns the undo. */
  setDuplicate(ppm: number, onHit: OnHit = ignore): () => void {
    return impose(this.#duplicates, { ppm, maxDelayMs: DUPLICATE_DELAY_MS, onHit });
  }

  /** Each delivery is late by 1 to `maxDelayMs` with this probability, and others overtake it. Returns the undo. */
  setDelay(ppm: number, maxDelayMs: number, onHit: OnHit = ignore): () => void {
    return impose(this.#delays, { ppm, maxDelayMs, onHit });
  }

  /** Each delivery is held back with this probability until one in `scope` overtakes it. Returns the undo. */
  setReorder(ppm: number, scope: ReorderScope, onHit: OnHit = ignore): () => void {
    return impose(this.#reorders, { ppm, maxDelayMs: 0, scope, onHit });
  }

  /**
   * Forgets, without a word, that `peer` has subscribed: to keys that begin with `word`, or to all if it is null. Its next
   * connection begins anew. Returns the undo.
   */
  forget(peer: string, word: string | null, onHit: OnHit = ignore): () => void {
    return impose(this.#forgotten, { peer, word, onHit });
  }

  /** `peer` takes one message every `intervalMs`; the others wait in their order, also after the undo, which is returned. */
  slowDown(peer: string, intervalMs: number, onHit: OnHit = ignore): () => void {
    return impose(this.#slow, { peer, intervalMs, onHit });
  }

  #main(process: Process): void {
    const held = new HeldDeliveries(this.#kernel, process);
    this.#held = held;
    this.#busyUntilUs.clear();
    const router = new WampRouter({
      fate: (topic, peer) => this.#fate(topic, peer),
      later: (delayUs, action) => held.later(delayUs, action),
    });
    this.#network.listen(process, WEB_SOCKET_PORT, (socket) => {
      this.#remember(socket.peerNode);
      const connection: RouterConnection = {
        peer: socket.peerNode,
        send: (text) => socket.send(text),
        close: () => socket.close(),
        onText: (listener) => socket.onData(listener),
        onClose: (listener) => socket.onClose(listener),
      };
      router.accept(connection);
    });
  }

  #fate(topic: string, peer: string): Fate {
    const fate = this.#queued(peer, this.#drawFate(topic, peer));
    if (fate.delaysUs[0] !== 0) this.#lose(topic, peer);
    return fate;
  }

  /** As drawn, but behind the backlog of a slow subscriber. */
  #queued(peer: string, fate: Fate): Fate {
    const { nowUs } = this.#kernel;
    const waitUs = Math.max(0, (this.#busyUntilUs.get(peer) ?? 0) - nowUs);
    const slow = [...this.#slow].filter((one) => one.peer === peer);
    if (slow.length > 0) {
      const intervalMs = Math.max(...slow.map((one) => one.intervalMs));
      this.#busyUntilUs.set(peer, nowUs + waitUs + intervalMs * 1_000);
    }
    if (waitUs === 0 || fate.copies === 0) return fate;
    for (const { onHit } of slow) onHit();
    this.statistics.backlogged++;
    return { copies: fate.copies, delaysUs: fate.delaysUs.map((delayUs) => delayUs + waitUs) };
  }

  #remember(peer: string): void {
    for (const forgotten of this.#forgotten) if (forgotten.peer === peer) this.#forgotten.delete(forgotten);
  }

  #isForgotten(topic: string, peer: string): boolean {
    if (this.#forgotten.size === 0) return false;
    const word = TOPICS.keyOf(topic)?.[0];
    const lost = [...this.#forgotten].filter((one) => one.peer === peer && (one.word ?? word) === word);
    for (const { onHit } of lost) onHit();
    return lost.length > 0;
  }

  #lose(topic: string, peer: string): void {
    const key = TOPICS.keyOf(topic);
    if (key !== null) for (const listener of this.#lossListeners) listener(peer, key);
  }

  #drawFate(topic: string, peer: string): Fate {
    const entity = `${topic}>${peer}`;
    if (this.#isForgotten(topic, peer)) return this.#count('forgotten', entity, []);
    if (this.#strikes('router.drop', entity, this.#drops)) return this.#count('dropped', entity, []);
    const delayUs = this.#strikes('router.delay', entity, this.#delays)
      ? this.#drawDelayUs('router.delay-time', entity, this.#delays)
      : 0;
    if (this.#strikes('router.duplicate', entity, this.#duplicates)) {
      const again = this.#drawDelayUs('router.duplicate-time', entity, this.#duplicates);
      return this.#count('duplicated', entity, [delayUs, delayUs + again]);
    }
    if (delayUs > 0) return this.#count('delayed', entity, [delayUs]);
    if (this.#strikes('router.reorder', entity, this.#reorders)) {
      const scopes = [...this.#reorders].map(({ scope }) => scope);
      const holdUs = this.#held?.hold(peer, scopes.includes('any-topic') ? null : topic) ?? 0;
      return this.#count('reordered', entity, [holdUs]);
    }
    this.#held?.overtake(peer, topic);
    return this.#count('delivered', entity, [0]);
  }

  #strikes(site: string, entity: string, conditions: ReadonlySet<Condition>): boolean {
    if (conditions.size === 0) return false;
    const ppm = Math.max(...[...conditions].map((condition) => condition.ppm));
    if (!this.#kernel.decisions.stream(site, entity).chance(ppm)) return false;
    for (const { onHit } of conditions) onHit();
    return true;
  }

  #drawDelayUs(site: string, entity: string, conditions: ReadonlySet<Condition>): number {
    const maxDelayMs = Math.max(1, ...[...conditions].map((condition) => condition.maxDelayMs));
    return (1 + this.#kernel.decisions.stream(site, entity).choose(maxDelayMs)) * 1_000;
  }

  #count(
    outcome: Exclude<keyof RouterNodeStatistics, 'starts' | 'backlogged'>,
    entity: string,
    delaysUs: readonly number[],
  ): Fate {
    this.statistics[outcome]++;
    if (outcome !== 'delivered') {
      this.#kernel.trace.add(this.#kernel.nowUs, this.node.name, `router.${outcome}`, entity);
    }
    return { copies: delaysUs.length, delaysUs };
  }
}

function ignore(): void {}

function impose<T>(conditions: Set<T>, condition: T): () => void {
  conditions.add(condition);
  return () => void conditions.delete(condition);
}
