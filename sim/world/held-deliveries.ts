// Deliveries that wait to be overtaken: each leaves right after the next one that may overtake it, or when it has waited
// long enough. They belong to one process of the router and end with it.

import type { Kernel, Process } from '../kernel/kernel.js';

/** Who waits, for what, and how it leaves; leaving twice is harmless. */
interface Held {
  readonly peer: string;
  /** Only this topic overtakes it; any if null. */
  readonly topic: string | null;
  readonly leave: () => void;
}

/** What is not overtaken leaves after this. */
const LONGEST_US = 5_000_000;

export class HeldDeliveries {
  readonly #kernel: Kernel;
  readonly #process: Process;
  readonly #held = new Set<Held>();
  /** What the next call of `later` is for; null = an ordinary delay. */
  #next: Omit<Held, 'leave'> | null = null;

  constructor(kernel: Kernel, process: Process) {
    this.#kernel = kernel;
    this.#process = process;
  }

  /** The delivery that `later` is given next waits until it is overtaken; returns how long at most, in microseconds. */
  hold(peer: string, topic: string | null): number {
    this.#next = { peer, topic };
    return LONGEST_US;
  }

  /** A delivery of `topic` to `peer` leaves now: those that waited for it leave after it. */
  overtake(peer: string, topic: string): void {
    for (const held of this.#held) {
      if (held.peer === peer && (held.topic ?? topic) === topic) this.#after(0, held.leave);
    }
  }

  /** Carries out `action`, the sending of a delivery, when its time has come. */
  later(delayUs: number, action: () => void): void {
    const next = this.#next;
    this.#next = null;
    if (next === null) return this.#after(delayUs, action);
    const held: Held = {
      ...next,
      leave: () => {
        if (this.#held.delete(held)) action();
      },
    };
    this.#held.add(held);
    this.#after(delayUs, held.leave);
  }

  #after(delayUs: number, action: () => void): void {
    this.#kernel.atProcess(this.#kernel.nowUs + delayUs, this.#process, action);
  }
}
