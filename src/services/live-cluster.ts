// The cluster as it is now: masters, who owns which scheduler, the latest buildsets and their requests, from messages and,
// where there is a database at hand, from its rows.
//
// It subscribes first and reads then, so that nothing falls in between: "already too late to subscribe" does not happen.
// It reads again when a message does not follow what is known, when messages may have been missed, and once in a while,
// since the last message of all may be the one that was lost. What it reads may come from a replica that lags: it is folded
// in by rank, so what is old takes nothing back, and what is missing comes with a later read.

import type { JsonObject } from '../core/json.js';
import {
  LIVE_BUILDREQUESTS,
  LIVE_BUILDSETS,
  LIVE_MASTERS,
  LIVE_SCHEDULERS,
  LiveEntities,
} from '../data/live-entities.js';
import type { ClusterSnapshot } from '../db/snapshot.js';
import type { MessageQueue, ReceivedMessage } from '../mq/message-queue.js';
import type { Runtime } from '../runtime/runtime.js';
import { LoneTask } from '../periodic/lone-task.js';
import { Subscription } from './subscription.js';

export interface LiveClusterOptions {
  /** Reads the database; null where there is none: then there are only messages, from now on. */
  readonly load: (() => Promise<ClusterSnapshot>) | null;
  /** How often to read it without a reason. */
  readonly pollMs: number;
  /** How many buildsets to keep, and ten times as many requests. */
  readonly keep: number;
  /** Called with each state that is new, from whichever source; `word` is its kind: masters, schedulers, … */
  readonly onState: (word: string, state: JsonObject) => void;
}

/** Counts since the start. */
export interface LiveStatistics {
  /** Reads of the database. */
  readonly loads: number;
  /** Messages that showed that something was missing. */
  readonly gaps: number;
  /** Messages that came late or twice. */
  readonly stale: number;
}

const RETRY_MS = 5_000;

export class LiveCluster {
  readonly masters = new LiveEntities(LIVE_MASTERS);
  readonly schedulers = new LiveEntities(LIVE_SCHEDULERS);
  readonly buildsets: LiveEntities;
  readonly buildrequests: LiveEntities;
  readonly #options: LiveClusterOptions;
  readonly #subscriptions: readonly Subscription[];
  readonly #reading: LoneTask;
  readonly #counts = { loads: 0, gaps: 0, stale: 0 };

  constructor(runtime: Runtime, mq: MessageQueue, options: LiveClusterOptions) {
    this.#options = options;
    this.buildsets = new LiveEntities(LIVE_BUILDSETS, options.keep);
    this.buildrequests = new LiveEntities(LIVE_BUILDREQUESTS, 10 * options.keep);
    this.#subscriptions = this.#entities.map(
      (entities) =>
        new Subscription(runtime, mq, [entities.kind.word, null, null], (message) =>
          this.#hear(entities, message),
        ),
    );
    const task = { name: 'the live cluster', spacingMs: options.pollMs, retryMs: RETRY_MS };
    this.#reading = new LoneTask(runtime, task, () => this.#load());
  }

  get statistics(): LiveStatistics {
    return { ...this.#counts };
  }

  /** Begins to listen and to read. */
  start(): void {
    for (const subscription of this.#subscriptions) subscription.start();
    if (this.#options.load !== null) this.#reading.start();
  }

  /** Nothing changes any more once this resolves. */
  async stop(): Promise<void> {
    await Promise.all([
      ...this.#subscriptions.map((subscription) => subscription.stop()),
      this.#reading.stop(),
    ]);
  }

  get #entities(): readonly LiveEntities[] {
    return [this.masters, this.schedulers, this.buildsets, this.buildrequests];
  }

  /** Null = something may have been missed: the subscription is in force from now on, or again. */
  #hear(entities: LiveEntities, message: ReceivedMessage | null): void {
    if (message === null) return this.#reading.wake();
    const { word, idField } = entities.kind;
    const before = entities.get(Number(message.body[idField]));
    const folded = entities.hear(message.key, message.body);
    if (folded === 'stale') this.#counts.stale++;
    if (folded === 'gap') {
      this.#counts.gaps++;
      this.#reading.wake();
    }
    const state = entities.get(Number(message.body[idField]));
    if (state !== undefined && state !== before) this.#options.onState(word, state);
  }

  async #load(): Promise<void> {
    const { load, onState } = this.#options;
    if (load === null) return;
    const snapshot = await load();
    this.#counts.loads++;
    const lists = [snapshot.masters, snapshot.schedulers, snapshot.buildsets, snapshot.buildrequests];
    for (const [i, entities] of this.#entities.entries()) {
      for (const state of entities.load(lists[i] ?? [])) onState(entities.kind.word, state);
    }
  }
}
