// The clients outside that bring the changes of a plan in: a hook that calls one master, and the next one when that
// cannot take the change or does not answer, under the same key, until one has taken it.

import type { NewChange } from '../../src/db/changes.js';
import { WORLD_EPOCH_MS, type Kernel } from '../kernel/kernel.js';
import type { Cluster } from '../world/cluster.js';
import type { PlannedChange } from '../explore/planned-changes.js';

const PATIENCE_US = 20_000_000;
const PAUSE_US = 1_000_000;

export class ChangeSender {
  readonly #kernel: Kernel;
  readonly #cluster: Cluster;
  readonly #masters: readonly string[];

  constructor(kernel: Kernel, cluster: Cluster, masters: readonly string[]) {
    this.#kernel = kernel;
    this.#cluster = cluster;
    this.#masters = masters;
  }

  /** Schedules all changes of a plan; `index` in the plan makes the key. */
  schedule(changes: readonly PlannedChange[]): void {
    for (const [index, change] of changes.entries()) {
      this.#kernel.at(change.atMs * 1000, () =>
        this.#send(toNewChange(change), `${index}:${change.revision}`, change.viaMaster),
      );
    }
  }

  #send(change: NewChange, key: string, attempt: number): void {
    const master = this.#masters[attempt % this.#masters.length] ?? '';
    let isSettled = false;
    const settle = (isAdded: boolean): void => {
      if (isSettled) return;
      isSettled = true;
      patience.cancel();
      if (!isAdded)
        this.#kernel.at(this.#kernel.nowUs + PAUSE_US, () => this.#send(change, key, attempt + 1));
    };
    const patience = this.#kernel.at(this.#kernel.nowUs + PATIENCE_US, () => settle(false));
    if (!this.#cluster.addChange(master, change, key, settle)) settle(false);
  }
}

function toNewChange(change: PlannedChange): NewChange {
  return {
    author: change.author,
    branch: change.branch,
    revision: change.revision,
    files: change.files,
    comments: change.comments ?? '',
    repository: change.repository ?? '',
    when: Math.floor((WORLD_EPOCH_MS + change.atMs) / 1000),
  };
}
