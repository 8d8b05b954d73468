// Named exclusive locks: who holds which, and who waits for it, first come first served.
//
// An owner waits for at most one lock. A request that would close a circle of waits is refused (the requester is the
// victim), so there never is one. It knows no time: time-outs withdraw requests from outside.

import { assert } from '../../../src/core/assert.js';

export type LockAnswer = 'granted' | 'waiting' | 'deadlock';

/** Who may hold a lock of the server. */
export interface LockHolder {
  /** The lock for which it waits is now its own. */
  lockGranted(): void;
}

interface Lock<Owner> {
  readonly name: string;
  holder: Owner;
  readonly queue: Owner[];
}

export class LockTable<Owner> {
  readonly #locks = new Map<string, Lock<Owner>>();
  readonly #held = new Map<Owner, Lock<Owner>[]>();
  readonly #waiting = new Map<Owner, Lock<Owner>>();

  /** Nobody holds a lock. */
  get isEmpty(): boolean {
    return this.#locks.size === 0;
  }

  /** Requests the lock `name` for `owner`, who waits for none; 'granted' at once when it holds it already. */
  request(owner: Owner, name: string): LockAnswer {
    assert(!this.#waiting.has(owner), 'an owner waits for one lock at a time');
    const lock = this.#locks.get(name);
    if (lock === undefined) {
      this.#give({ name, holder: owner, queue: [] }, owner);
      return 'granted';
    }
    if (lock.holder === owner) return 'granted';
    if (this.#leadsTo(lock, owner)) return 'deadlock';
    lock.queue.push(owner);
    this.#waiting.set(owner, lock);
    return 'waiting';
  }

  /** Takes back the request for which `owner` waits; harmless when it waits for none. */
  withdraw(owner: Owner): void {
    const lock = this.#waiting.get(owner);
    if (lock === undefined) return;
    this.#waiting.delete(owner);
    lock.queue.splice(lock.queue.indexOf(owner), 1);
  }

  /** Takes everything from `owner`. @returns who was granted a lock by that, each once. */
  releaseAll(owner: Owner): readonly Owner[] {
    this.withdraw(owner);
    const released = this.#held.get(owner) ?? [];
    this.#held.delete(owner);
    const granted: Owner[] = [];
    for (const lock of released) {
      const next = lock.queue.shift();
      if (next === undefined) {
        this.#locks.delete(lock.name);
        continue;
      }
      this.#waiting.delete(next);
      this.#give(lock, next);
      granted.push(next);
    }
    return granted;
  }

  #give(lock: Lock<Owner>, owner: Owner): void {
    lock.holder = owner;
    this.#locks.set(lock.name, lock);
    const held = this.#held.get(owner);
    if (held === undefined) this.#held.set(owner, [lock]);
    else held.push(lock);
  }

  /** Whether the holder of `lock` waits, over any number of others, for a lock of `owner`. */
  #leadsTo(lock: Lock<Owner>, owner: Owner): boolean {
    for (
      let next: Lock<Owner> | undefined = lock;
      next !== undefined;
      next = this.#waiting.get(next.holder)
    ) {
      if (next.holder === owner) return true;
    }
    return false;
  }
}
