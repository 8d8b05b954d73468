// The clients outside that bring the changes of a plan in: a hook that calls one master, and the next one when that
// cannot take the change or does not answer, under the same key, until one has taken it.

import type { NewChange } from '../../src/db/changes.js';
import type { Kernel } from '../kernel/kernel.js';
import type { Cluster } from '../world/cluster.js';
import { insist } from './insist.js';
import type { PlannedChange } from '../explore/planned-changes.js';

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
        this.#send(
          toNewChange(change, this.#kernel.epochMs),
          `${index}:${change.revision}`,
          change.viaMaster,
        ),
      );
    }
  }

  #send(change: NewChange, key: string, viaMaster: number): void {
    const ask = (master: string, settle: (isAdded: boolean) => void): boolean =>
      this.#cluster.addChange(master, change, key, settle);
    insist({ kernel: this.#kernel, masters: this.#masters, ask, onDone: () => undefined }, viaMaster);
  }
}

function toNewChange(change: PlannedChange, epochMs: number): NewChange {
  return {
    author: change.author,
    branch: change.branch,
    revision: change.revision,
    files: change.files,
    comments: change.comments ?? '',
    repository: change.repository ?? '',
    when: Math.floor((epochMs + change.atMs) / 1000),
  };
}
