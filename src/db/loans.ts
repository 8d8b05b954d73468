// A watch over sessions that are lent out: one that is not given back in time is closed, whatever it waits for. One timer
// serves all loans, since hardly any ever gets so far.

import type { Clock, Timer } from '../runtime/clock.js';
import type { Session } from './driver.js';

export class Loans {
  readonly #clock: Clock;
  readonly #limitMs: number;
  /** When each session was lent, the longest first. */
  readonly #since = new Map<Session, number>();
  #timer: Timer | null = null;

  constructor(clock: Clock, limitMs: number) {
    this.#clock = clock;
    this.#limitMs = limitMs;
  }

  /** The session is lent from now on. */
  begin(session: Session): void {
    this.#since.set(session, this.#clock.monotonicMs());
    if (this.#timer === null) this.#arm(this.#limitMs);
  }

  /** It has been given back. */
  end(session: Session): void {
    this.#since.delete(session);
  }

  /** No timer is left behind once all sessions have been given back. */
  stop(): void {
    if (this.#since.size === 0) this.#timer?.cancel();
  }

  #arm(delayMs: number): void {
    this.#timer = this.#clock.setTimer(() => this.#look(), delayMs);
  }

  #look(): void {
    this.#timer = null;
    const now = this.#clock.monotonicMs();
    for (const [session, since] of this.#since) {
      if (now - since < this.#limitMs) {
        this.#arm(since + this.#limitMs - now);
        return;
      }
      this.#since.delete(session);
      session.close();
    }
  }
}
