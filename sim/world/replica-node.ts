// A replica of the simulated database on a node of its own: it does again what the primary has committed, in that order,
// later.
//
// One commit is done again in one event, so that a reader sees all of it or nothing: what the replica holds is what the
// primary held at some instant. The order of commits is the serial order of the transactions, and ids are no accident of
// the engine, so that the same writes give the same rows. It takes no writes of its own, and goes on when the primary does
// not: then it holds what it has.

import type { EventHandle, Kernel } from '../kernel/kernel.js';
import type { Write } from './database/transactions.js';
import { DatabaseServer } from './database-server.js';
import type { Network } from './network.js';
import type { SqlEngine } from './sql-engine.js';
import { undoOnce } from './undo.js';

/** The node of the replica. */
export const REPLICA_NODE = 'replica';

/** How far it is behind when nothing is wrong. */
const USUAL_LAG_US = 50_000;

interface Committed {
  readonly atUs: number;
  readonly writes: readonly Write[];
}

export class ReplicaNode {
  readonly #kernel: Kernel;
  readonly #server: DatabaseServer;
  readonly #waiting: Committed[] = [];
  readonly #lags = new Set<{ readonly us: number }>();
  #next: EventHandle | null = null;
  #lateCommits = 0;

  /** `engine`: empty, with the schema of the primary's. */
  constructor(kernel: Kernel, network: Network, engine: SqlEngine) {
    this.#kernel = kernel;
    const node = kernel.addNode(REPLICA_NODE, { offsetMs: 0, driftPpm: 0 });
    const process = kernel.start(node, () => undefined);
    this.#server = new DatabaseServer(kernel, network, process, engine);
    this.#server.refuseWrites();
  }

  /** Will do again what `primary` commits from now on. */
  follow(primary: Pick<DatabaseServer, 'onWrites'>): void {
    primary.onWrites((writes) => {
      this.#waiting.push({ atUs: this.#kernel.nowUs, writes });
      this.#catchUpLater();
    });
  }

  /** Puts it so far behind, at least, until it is undone; then it catches up. */
  lag(us: number): () => void {
    const lag = { us };
    this.#lags.add(lag);
    return undoOnce(() => {
      this.#lags.delete(lag);
      this.#catchUpLater();
    });
  }

  /** Commits that it got to know later than usual, since the beginning of the run. */
  get lateCommits(): number {
    return this.#lateCommits;
  }

  /** The server that answers reads. */
  get server(): DatabaseServer {
    return this.#server;
  }

  get #lagUs(): number {
    return Math.max(USUAL_LAG_US, ...[...this.#lags].map(({ us }) => us));
  }

  #catchUpLater(): void {
    this.#next?.cancel();
    const first = this.#waiting[0];
    if (first === undefined) return;
    const { nowUs } = this.#kernel;
    this.#next = this.#kernel.at(Math.max(nowUs, first.atUs + this.#lagUs), () => this.#catchUp());
  }

  #catchUp(): void {
    const { nowUs } = this.#kernel;
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (next.atUs + this.#lagUs > nowUs) break;
      this.#waiting.shift();
      if (nowUs - next.atUs > USUAL_LAG_US) this.#lateCommits += 1;
      this.#server.replay(next.writes);
    }
    this.#catchUpLater();
  }
}
