// Reads that may be answered by a replica: a copy of the database that follows its commits, seconds behind.
//
// What is read there was true once, at one instant, and may be so no longer. So it is good for lists and live views, and for
// nothing that decides: an effect, a claim or a queue asks the primary. The types see to that. Whatever decides takes a
// `Database`, or a connector on one, and a `Replica` is neither: it begins no transaction and writes nothing.

import type { Runtime } from '../runtime/runtime.js';
import { Database } from './database.js';
import type { Driver, Statement, StatementResult } from './driver.js';

/** What lists and live views are read through: the primary or a replica. */
export interface ReplicaReads {
  /**
   * Reads all of it as of one instant, which may be in the past and is none that never was. One round trip, tried again
   * for 30 s. @throws DatabaseError
   */
  readTogether(statements: readonly Statement[]): Promise<readonly StatementResult[]>;
}

export class Replica implements ReplicaReads {
  readonly #database: Database;

  /** `driver`: sessions on the replica. */
  constructor(driver: Driver, runtime: Runtime) {
    this.#database = new Database(driver, runtime);
  }

  readTogether(statements: readonly Statement[]): Promise<readonly StatementResult[]> {
    return this.#database.readTogether(statements);
  }

  /** Closes all sessions; nothing is tried again. */
  stop(): void {
    this.#database.stop();
  }
}
