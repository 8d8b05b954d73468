// What this process has seen of other incarnations, and since when it has seen them unable to renew.
//
// Each renewal raises the beat of its incarnation, and an incarnation that is superseded keeps its last beat. So one whose
// beat stands still has not renewed, whether it is the current one, inactive or superseded by a restart of its machine.
// Time is counted on this process's own monotonic clock from the *reply* that first showed the beat; nobody's wall clock
// is asked.

import type { Ownership } from '../db/claims.js';
import type { Clock } from '../runtime/clock.js';

interface Sight {
  beat: number;
  /** The reply that first showed this beat. */
  sinceMs: number;
  /** The last look that showed this owner, and its number. */
  lastMs: number;
  look: number;
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
  readonly #sights = new Map<string, Sight>();
  #look = 0;

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
    const look = ++this.#look;
    const suspects: Suspect[] = [];
    for (const ownership of ownerships) {
      const { ownerMasterid: masterid, ownerIncarnation: incarnation, ownerBeat: beat } = ownership;
      if (ownership.isFree || masterid === null || incarnation === null || beat === null) continue;
      const sight = this.#sightOf(`${masterid}/${incarnation}`, beat, now);
      if (sight.look === look) continue; // it owns several
      sight.look = look;
      sight.lastMs = now;
      if (this.isOver(sight.sinceMs, ownership)) suspects.push({ masterid, incarnation, seenBeat: beat });
    }
    // A scheduler that a reconfiguration replaces is not looked at for a while; the wait for its owner does not begin anew.
    for (const [key, sight] of this.#sights) {
      if (sight.look !== look && now - sight.lastMs >= this.leaseMs) this.#sights.delete(key);
    }
    return suspects;
  }

  /** What is remembered of an owner that now shows `beat`. */
  #sightOf(key: string, beat: number, now: number): Sight {
    let sight = this.#sights.get(key);
    if (sight === undefined) this.#sights.set(key, (sight = { beat, sinceMs: now, lastMs: now, look: 0 }));
    if (sight.beat === beat) return sight;
    sight.beat = beat;
    sight.sinceMs = now;
    return sight;
  }

  /** Whether an owner that has stood still since `sinceMs` may be ended now. */
  protected isOver(sinceMs: number, _owner: SeenOwner): boolean {
    return this.clock.monotonicMs() - sinceMs >= this.leaseMs;
  }
}
