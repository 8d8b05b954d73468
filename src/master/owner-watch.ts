// What this process has seen of other incarnations, and since when it has seen them unable to renew.
//
// Each renewal raises the beat of its incarnation, and an incarnation that is superseded keeps its last beat. So one whose
// beat stands still has not renewed, whether it is the current one, inactive or superseded by a restart of its machine.
// Time is counted on this process's own monotonic clock from the *reply* that first showed the beat; nobody's wall clock
// is asked.

import type { Ownership } from '../db/claims.js';
import type { Clock } from '../runtime/clock.js';

interface Sight {
  readonly beat: number;
  readonly sinceMs: number;
  readonly lastMs: number;
}

/** What is seen of the owner of something. */
export type SeenOwner = Pick<
  Ownership,
  'isFree' | 'ownerMasterid' | 'ownerIncarnation' | 'ownerBeat' | 'masterLastActive'
>;

/** An incarnation that may be ended, and what was seen of it. */
export interface Suspect {
  readonly masterid: number;
  readonly incarnation: number;
  readonly seenBeat: number;
}

export class OwnerWatch {
  protected readonly clock: Clock;
  protected readonly leaseMs: number;
  #sights = new Map<string, Sight>();

  constructor(clock: Clock, leaseMs: number) {
    this.clock = clock;
    this.leaseMs = leaseMs;
  }

  /**
   * Takes in what a reply that has just arrived says of the owners of schedulers, and returns those that have been unable
   * to renew for a whole lease: what is sent to end them from now on is in time.
   */
  observe(ownerships: readonly SeenOwner[]): readonly Suspect[] {
    const now = this.clock.monotonicMs();
    const sights = new Map<string, Sight>();
    const suspects: Suspect[] = [];
    for (const ownership of ownerships) {
      const { ownerMasterid: masterid, ownerIncarnation: incarnation, ownerBeat: beat } = ownership;
      if (ownership.isFree || masterid === null || incarnation === null || beat === null) continue;
      const key = `${masterid}/${incarnation}`;
      if (sights.has(key)) continue;
      const before = this.#sights.get(key);
      const sight = { beat, sinceMs: before?.beat === beat ? before.sinceMs : now, lastMs: now };
      sights.set(key, sight);
      if (this.isOver(sight.sinceMs, ownership)) suspects.push({ masterid, incarnation, seenBeat: beat });
    }
    // A scheduler that a reconfiguration replaces is not looked at for a while; the wait for its owner does not begin anew.
    for (const [key, sight] of this.#sights) {
      if (!sights.has(key) && now - sight.lastMs < this.leaseMs) sights.set(key, sight);
    }
    this.#sights = sights;
    return suspects;
  }

  /** Whether an owner that has stood still since `sinceMs` may be ended now. */
  protected isOver(sinceMs: number, _owner: SeenOwner): boolean {
    return this.clock.monotonicMs() - sinceMs >= this.leaseMs;
  }
}
