// Since when each node has been healthy: what a disturbance broke must have been mended once a node was healthy for long
// enough, and from then on it is held to everything.

import type { HealthHistoryEvent } from './history.js';

/** How long a node must have been healthy: three probes of the link to the router, a reconnection, and twice that. */
const RECOVERY_US = 60_000_000;

export class Calm {
  readonly #healthySinceUs = new Map<string, number>();

  learn({ node, isHealthy, atUs }: HealthHistoryEvent): void {
    if (isHealthy) this.#healthySinceUs.set(node, atUs);
    else this.#healthySinceUs.delete(node);
  }

  /** True when this node has had the time to mend whatever was broken. */
  isCalm(node: string, atUs: number): boolean {
    const sinceUs = this.#healthySinceUs.get(node);
    return sinceUs !== undefined && atUs - sinceUs >= RECOVERY_US;
  }
}
