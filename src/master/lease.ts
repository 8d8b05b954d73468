// The lease of this process: how long it may believe that nobody has ended its claims.
//
// Belief is evaluated, not remembered. It holds until the instant at which the last successful renewal was *sent*, plus
// the lease, less a margin, on the monotonic clock. An observer ends claims only after it saw no renewal for a whole lease:
//   (60 - 5) s / 0.99 = 55.6 s  <  60 s / 1.01 = 59.4 s   with clocks whose rates are within 1 %.
// The wall clock may shorten that, since it runs on where a monotonic clock stops (a suspended machine); never lengthen it.

import type { Clock } from '../runtime/clock.js';

/** Taken off the lease. */
export const LEASE_MARGIN_MS = 5_000;

/** When something was sent, by both clocks. */
export interface SentAt {
  readonly monotonicMs: number;
  readonly wallMs: number;
}

export class Lease {
  protected readonly clock: Clock;
  readonly #trustMs: number;
  #incarnation: number | null = null;
  #sentAt: SentAt = { monotonicMs: 0, wallMs: 0 };

  constructor(clock: Clock, leaseMs: number) {
    this.clock = clock;
    this.#trustMs = leaseMs - LEASE_MARGIN_MS;
  }

  /** The incarnation that this process lives in, null before it began and after it ended. */
  get incarnation(): number | null {
    return this.#incarnation;
  }

  /** Both clocks, to be read just before a renewal is sent. */
  now(): SentAt {
    return { monotonicMs: this.clock.monotonicMs(), wallMs: this.clock.wallMs() };
  }

  /** A new incarnation was begun by a statement sent at `sentAt`. */
  begin(incarnation: number, sentAt: SentAt): void {
    this.#incarnation = incarnation;
    this.#sentAt = sentAt;
  }

  /** A renewal of the current incarnation, sent at `sentAt`, has succeeded. */
  renewed(sentAt: SentAt): void {
    this.#sentAt = sentAt;
  }

  /** Nothing is believed any more. */
  end(): void {
    this.#incarnation = null;
  }

  /** Whether claims of `incarnation` may be believed in at this instant. */
  isTrusted(incarnation: number): boolean {
    if (incarnation !== this.#incarnation) return false;
    const { monotonicMs, wallMs } = this.#sentAt;
    return (
      this.clock.monotonicMs() < monotonicMs + this.#trustMs && this.clock.wallMs() < wallMs + this.#trustMs
    );
  }
}
