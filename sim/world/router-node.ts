// The router as a node of the simulation: it can crash, pause and restart, and forgets everything with its process.
//
// What becomes of each delivery is decided here while a condition is in force: dropped, doubled, delayed (hence out of
// order). Each is a decision of its own, named by topic and subscriber, and drawn only while its condition is in force.
// Conditions may overlap; the highest probability counts. They belong to the node: a restart does not end them.

import type { RoutingKey } from '../../src/core/routing-key.js';
import { DEFAULT_TOPIC_PREFIX, TopicSpace } from '../../src/mq/wamp-topic.js';
import type { Kernel, Node, Process } from '../kernel/kernel.js';
import type { Network } from './network.js';
import { WEB_SOCKET_PORT } from './simulated-websocket.js';
import { WampRouter, type Fate, type RouterConnection } from '../../src/mq/wamp-router.js';

/** Deliveries by what became of them, since the beginning of the run. */
export interface RouterNodeStatistics {
  delivered: number;
  dropped: number;
  duplicated: number;
  delayed: number;
  /** Processes started. */
  starts: number;
}

interface Condition {
  readonly ppm: number;
  readonly maxDelayMs: number;
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
    starts: 0,
  };
  readonly node: Node;
  readonly #kernel: Kernel;
  readonly #network: Network;
  readonly #drops = new Set<Condition>();
  readonly #duplicates = new Set<Condition>();
  readonly #delays = new Set<Condition>();
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
  setDrop(ppm: number): () => void {
    return impose(this.#drops, { ppm, maxDelayMs: 0 });
  }

  /** Each delivery is doubled with this probability; the second copy comes up to a second later. Returns the undo. */
  setDuplicate(ppm: number): () => void {
    return impose(this.#duplicates, { ppm, maxDelayMs: DUPLICATE_DELAY_MS });
  }

  /** Each delivery is late by 1 to `maxDelayMs` with this probability, and others overtake it. Returns the undo. */
  setDelay(ppm: number, maxDelayMs: number): () => void {
    return impose(this.#delays, { ppm, maxDelayMs });
  }

  #main(process: Process): void {
    const router = new WampRouter({
      fate: (topic, peer) => this.#fate(topic, peer),
      later: (delayUs, action) => void this.#kernel.atProcess(this.#kernel.nowUs + delayUs, process, action),
    });
    this.#network.listen(process, WEB_SOCKET_PORT, (socket) => {
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
    const fate = this.#drawFate(`${topic}>${peer}`);
    if (fate.delaysUs[0] !== 0) this.#lose(topic, peer);
    return fate;
  }

  #lose(topic: string, peer: string): void {
    const key = TOPICS.keyOf(topic);
    if (key !== null) for (const listener of this.#lossListeners) listener(peer, key);
  }

  #drawFate(entity: string): Fate {
    if (this.#strikes('router.drop', entity, this.#drops)) return this.#count('dropped', entity, []);
    const delayUs = this.#strikes('router.delay', entity, this.#delays)
      ? this.#drawDelayUs('router.delay-time', entity, this.#delays)
      : 0;
    if (this.#strikes('router.duplicate', entity, this.#duplicates)) {
      const again = this.#drawDelayUs('router.duplicate-time', entity, this.#duplicates);
      return this.#count('duplicated', entity, [delayUs, delayUs + again]);
    }
    return this.#count(delayUs > 0 ? 'delayed' : 'delivered', entity, [delayUs]);
  }

  #strikes(site: string, entity: string, conditions: ReadonlySet<Condition>): boolean {
    if (conditions.size === 0) return false;
    const ppm = Math.max(...[...conditions].map((condition) => condition.ppm));
    return this.#kernel.decisions.stream(site, entity).chance(ppm);
  }

  #drawDelayUs(site: string, entity: string, conditions: ReadonlySet<Condition>): number {
    const maxDelayMs = Math.max(1, ...[...conditions].map((condition) => condition.maxDelayMs));
    return (1 + this.#kernel.decisions.stream(site, entity).choose(maxDelayMs)) * 1_000;
  }

  #count(
    outcome: 'delivered' | 'dropped' | 'duplicated' | 'delayed',
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

function impose(conditions: Set<Condition>, condition: Condition): () => void {
  conditions.add(condition);
  return () => void conditions.delete(condition);
}
