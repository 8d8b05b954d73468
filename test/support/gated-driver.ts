// A driver between a process and its database, that a test can close, cut and make fail.

import { DatabaseError, type Driver, type Session, type Statement } from '../../src/db/driver.js';

/** Looks at each batch; throws instead of it, or returns 'lose-reply' to let it happen and lose the connection then. */
export type Interference = (batch: readonly Statement[]) => 'lose-reply' | void;

export class GatedDriver implements Driver {
  /** Every batch that arrived here, as its statements' first words. */
  readonly batches: string[] = [];
  readonly #driver: Driver;
  readonly #sessions = new Set<Session>();
  #isCut = false;
  #interference: Interference = () => undefined;

  constructor(driver: Driver) {
    this.#driver = driver;
  }

  /** From now on the database cannot be reached; `mend` ends that. */
  cut(): void {
    this.#isCut = true;
    for (const session of this.#sessions) session.close();
    this.#sessions.clear();
  }

  mend(): void {
    this.#isCut = false;
  }

  /** Asks `interference` before each batch from now on. */
  interfere(interference: Interference): void {
    this.#interference = interference;
  }

  async open(): Promise<Session> {
    if (this.#isCut) throw new DatabaseError('connection-lost', 'the database cannot be reached');
    const session = await this.#driver.open();
    this.#sessions.add(session);
    return new GatedSession(session, (batch) => {
      this.batches.push(batch.map(({ sql }) => /\w+/.exec(sql)?.[0] ?? '').join(' '));
      return this.#interference(batch);
    });
  }
}

class GatedSession implements Session {
  readonly #session: Session;
  readonly #interference: Interference;

  constructor(session: Session, interference: Interference) {
    this.#session = session;
    this.#interference = interference;
  }

  get isOpen(): boolean {
    return this.#session.isOpen;
  }

  async run(batch: readonly Statement[]): Promise<Awaited<ReturnType<Session['run']>>> {
    const what = this.#interference(batch);
    const results = await this.#session.run(batch);
    if (what !== 'lose-reply') return results;
    this.#session.close();
    throw new DatabaseError('connection-lost', 'the reply was lost', false);
  }

  close(): void {
    this.#session.close();
  }
}
