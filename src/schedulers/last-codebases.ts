// What was last seen of each codebase, so that a buildset without a change of it builds a certain revision all the same
// (`createAbsoluteSourceStamps`). Kept in the scheduler's state, and read anew with each activation: what another owner
// wrote meanwhile is not written over.
// @source buildbot master/buildbot/util/codebase.py

import type { JsonObject, JsonValue } from '../core/json.js';
import type { Change } from '../db/changes.js';
import type { CodebaseDefaults } from './codebases.js';

/** The state key. */
export const LAST_CODEBASES = 'lastCodebases';

/** By codebase: repository, branch, revision and lastChange. */
type Seen = Readonly<Record<string, JsonObject>>;

export class LastCodebases {
  #seen: Seen = {};
  /** What has been committed of it. */
  #stored: Seen = {};

  /** Begins with the value of the state. */
  load(stored: JsonValue): void {
    this.#stored = stored as Seen;
    this.#seen = this.#stored;
  }

  /** What the state becomes with a change; null when it tells nothing new. Call `settle` when that has committed. */
  record(change: Change): JsonValue | null {
    const last = this.#stored[change.codebase]?.['lastChange'];
    if (typeof last === 'number' && last >= change.changeid) return null;
    const { repository, branch, revision, changeid } = change;
    this.#seen = {
      ...this.#stored,
      [change.codebase]: { repository, branch, revision, lastChange: changeid },
    };
    return this.#seen;
  }

  settle(): void {
    this.#stored = this.#seen;
  }

  /** What to build of a codebase by what was last seen of it; null when nothing was. */
  of(codebase: string): CodebaseDefaults | null {
    const last = Object.hasOwn(this.#seen, codebase) ? this.#seen[codebase] : undefined;
    if (last === undefined) return null;
    const { repository, branch, revision } = last;
    return { repository, branch, revision } as CodebaseDefaults;
  }
}
