// Whose turn it is: one at a time, first come, first served.

interface Waiter<T> {
  readonly who: T;
  readonly enter: () => void;
}

export class Turns<T> {
  #holder: T | null = null;
  #waiters: Waiter<T>[] = [];

  /** Resolves when it is the turn of `who`, or when `who` has left while it waited. */
  async enter(who: T): Promise<void> {
    if (this.#holder === null) this.#holder = who;
    else await new Promise<void>((enter) => this.#waiters.push({ who, enter }));
  }

  /** Ends the turn of `who`, or its waiting; harmless when it does neither. */
  leave(who: T): void {
    if (this.#holder !== who) {
      const left = this.#waiters.filter((waiter) => waiter.who === who);
      this.#waiters = this.#waiters.filter((waiter) => waiter.who !== who);
      for (const waiter of left) waiter.enter();
      return;
    }
    const next = this.#waiters.shift();
    this.#holder = next?.who ?? null;
    next?.enter();
  }
}
