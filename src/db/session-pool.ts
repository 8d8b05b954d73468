// The sessions of one process: at most `size` at once, opened when needed, handed out first come, first served.
// A session that broke is forgotten; the next caller gets a new one.

import { assert } from '../core/assert.js';
import { DatabaseError, type Driver, type Session } from './driver.js';

interface Waiter {
  readonly resolve: (session: Session) => void;
  readonly reject: (error: unknown) => void;
}

export class SessionPool {
  readonly #driver: Driver;
  readonly #size: number;
  readonly #idle: Session[] = [];
  readonly #waiters: Waiter[] = [];
  #open = 0;
  #isClosed = false;

  constructor(driver: Driver, size: number) {
    assert(size >= 1, 'a pool has at least one session');
    this.#driver = driver;
    this.#size = size;
  }

  /** @throws DatabaseError `connection-lost` when a session cannot be opened, or the pool is closed. */
  async acquire(): Promise<Session> {
    if (this.#isClosed) throw new DatabaseError('connection-lost', 'the database has been stopped');
    for (let session = this.#idle.pop(); session !== undefined; session = this.#idle.pop()) {
      if (session.isOpen) return session;
      this.#open -= 1;
    }
    if (this.#open < this.#size) return this.#openOne();
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
  }

  /** Gives a session back, open or broken. */
  release(session: Session): void {
    if (session.isOpen && !this.#isClosed) {
      const waiter = this.#waiters.shift();
      if (waiter === undefined) this.#idle.push(session);
      else waiter.resolve(session);
      return;
    }
    session.close();
    this.#open -= 1;
    const waiter = this.#waiters.shift();
    if (waiter !== undefined) this.acquire().then(waiter.resolve, waiter.reject);
  }

  /** Closes idle sessions now and the others when they come back; waiting callers are refused. */
  close(): void {
    this.#isClosed = true;
    for (const session of this.#idle.splice(0)) {
      session.close();
      this.#open -= 1;
    }
    for (const waiter of this.#waiters.splice(0)) {
      waiter.reject(new DatabaseError('connection-lost', 'the database has been stopped'));
    }
  }

  async #openOne(): Promise<Session> {
    this.#open += 1;
    try {
      return await this.#driver.open();
    } catch (error) {
      this.#open -= 1;
      const waiter = this.#waiters.shift();
      if (waiter !== undefined) this.acquire().then(waiter.resolve, waiter.reject);
      throw error;
    }
  }
}
