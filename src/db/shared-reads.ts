// Single reads that are asked for in the same turn share one round trip: what looks at the database at the same instant
// costs as much as one look. An error is everybody's.

import { present } from '../core/assert.js';
import type { Statement, StatementResult } from './driver.js';

interface Asked {
  readonly statement: Statement;
  readonly resolve: (result: StatementResult) => void;
  readonly reject: (error: unknown) => void;
}

export class SharedReads {
  readonly #read: (statements: readonly Statement[]) => Promise<readonly StatementResult[]>;
  #asked: Asked[] = [];

  /** `read` does several reads in one round trip. */
  constructor(read: (statements: readonly Statement[]) => Promise<readonly StatementResult[]>) {
    this.#read = read;
  }

  /** The result of one read. */
  read(statement: Statement): Promise<StatementResult> {
    return new Promise((resolve, reject) => {
      this.#asked.push({ statement, resolve, reject });
      if (this.#asked.length === 1) void Promise.resolve().then(() => this.#send());
    });
  }

  /** Never rejects. */
  async #send(): Promise<void> {
    const asked = this.#asked;
    this.#asked = [];
    try {
      const results = await this.#read(asked.map(({ statement }) => statement));
      for (const [i, { resolve }] of asked.entries()) resolve(present(results[i], 'a result'));
    } catch (error) {
      for (const { reject } of asked) reject(error);
    }
  }
}
