// The classified changes of a scheduler as its owner knows them. They are read in pages, in the background of an activation,
// so that a fail-over takes as long with ten thousand of them as with ten; after that this memory is exact, since only the
// owner classifies and flushes, and says so here when that has committed.

import type { Change } from '../db/changes.js';

/** A change that has been classified and not been built. */
export interface WaitingChange {
  readonly change: Change;
  readonly important: boolean;
}

/** Reads at most `limit` of them after change `afterId`, by id. */
export type ReadWaiting = (page: {
  readonly afterId: number;
  readonly limit: number;
}) => Promise<readonly WaitingChange[]>;

const PAGE = 500;

export class WaitingChanges {
  readonly #byId = new Map<number, WaitingChange>();

  /** Reads all that waits: one page more than it has full ones. */
  async load(read: ReadWaiting): Promise<void> {
    let afterId = 0;
    for (;;) {
      const page = await read({ afterId, limit: PAGE });
      for (const waiting of page) this.#byId.set(waiting.change.changeid, waiting);
      if (page.length < PAGE) return;
      afterId = page.at(-1)?.change.changeid ?? afterId;
    }
  }

  add(waiting: WaitingChange): void {
    this.#byId.set(waiting.change.changeid, waiting);
  }

  remove(changes: readonly Change[]): void {
    for (const { changeid } of changes) this.#byId.delete(changeid);
  }

  clear(): void {
    this.#byId.clear();
  }

  /** All of them, by id. */
  get all(): readonly WaitingChange[] {
    return [...this.#byId.values()].sort((a, b) => a.change.changeid - b.change.changeid);
  }
}
