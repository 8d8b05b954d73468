// The cluster as it is now: masters, who owns which scheduler, the latest buildsets and their requests, from messages and,
// where there is a database at hand, from its rows.
//
// It follows the database (see follower.ts), and reads it again when a message does not follow what is known. What it reads
// may come from a replica that lags: it is folded in by rank, so what is old takes nothing back, and what is missing comes
// with a later read.

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
import { Follower } from './follower.js';
import { Poll } from './poll.js';

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
  readonly #follower: Follower;
  readonly #polling: LoneTask;
  readonly #counts = { loads: 0, gaps: 0, stale: 0 };

  constructor(runtime: Runtime, mq: MessageQueue, options: LiveClusterOptions) {
    this.#options = options;
    this.buildsets = new LiveEntities(LIVE_BUILDSETS, options.keep);
    this.buildrequests = new LiveEntities(LIVE_BUILDREQUESTS, 10 * options.keep);
    const poll = new Poll(runtime.logger);
    const timing = { name: 'the live cluster', spacingMs: options.pollMs };
    this.#polling = new LoneTask(runtime, timing, () => poll.tell());
    this.#follower = new Follower(runtime, mq, {
      name: 'the live cluster',
      filters: this.#entities.map(({ kind }) => [kind.word, null, null]),
      every: poll,
      retryMs: RETRY_MS,
      hear: (message) => this.#hear(message),
      read: () => this.#load(),
    });
  }

  get statistics(): LiveStatistics {
    return { ...this.#counts };
  }

  /** Begins to listen and to read. */
  start(): void {
    if (this.#options.load !== null) this.#polling.start();
    this.#follower.start();
  }

  /** Nothing changes any more once this resolves. */
  async stop(): Promise<void> {
    await Promise.all([this.#polling.stop(), this.#follower.stop()]);
  }

  get #entities(): readonly LiveEntities[] {
    return [this.masters, this.schedulers, this.buildsets, this.buildrequests];
  }

  /** True when the message shows that something is missing. */
  #hear({ key, body }: ReceivedMessage): boolean {
    const entities = this.#entities.find(({ kind }) => kind.word === key[0]);
    if (entities === undefined) return false;
    const { word, idField } = entities.kind;
    const before = entities.get(Number(body[idField]));
    const folded = entities.hear(key, body);
    if (folded === 'stale') this.#counts.stale++;
    if (folded === 'gap') this.#counts.gaps++;
    const state = entities.get(Number(body[idField]));
    if (state !== undefined && state !== before) this.#options.onState(word, state);
    return folded === 'gap';
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
