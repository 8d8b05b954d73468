// One round trip to PostgreSQL: any number of statements sent together, answered together.
//
// `pg` sends one query, waits for its answer, and sends the next (its pipeline mode too waits for none, but goes on after an
// error). Here the extended protocol is used as it is meant: parse, bind, describe and execute for each statement, then one
// Sync. The server skips everything between an error and the Sync, so that the first statement that fails ends the batch.
// Statements are not kept prepared: that would save a tenth of a millisecond each, and fail after a change of the schema
// or behind a connection pooler.

import type { Connection, Submittable } from 'pg';
import type { PostgresStatement } from './dialect.js';

/** What the server answered to one statement. */
export interface Answer {
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly (string | null)[])[];
  /** `SELECT 3`, `INSERT 0 1`, `COMMIT` … */
  readonly tag: string;
}

export interface Column {
  readonly name: string;
  /** The object id of its type. */
  readonly dataTypeID: number;
}

/** To be given to `Client.query`, which calls everything but `answers`. */
export class RoundTrip implements Submittable {
  /** Of the statements that succeeded, in order; resolves when the server is ready again, rejects with the first error. */
  readonly answers: Promise<readonly Answer[]>;
  readonly #statements: readonly PostgresStatement[];
  readonly #answered: Answer[] = [];
  #columns: readonly Column[] = [];
  #rows: (readonly (string | null)[])[] = [];
  #resolve: (answers: readonly Answer[]) => void = () => undefined;
  #reject: (error: Error) => void = () => undefined;

  constructor(statements: readonly PostgresStatement[]) {
    this.#statements = statements;
    this.answers = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** How many statements have succeeded so far. */
  get progress(): number {
    return this.#answered.length;
  }

  submit(connection: Connection): void {
    connection.stream.cork();
    for (const { text, values, types } of this.#statements) {
      connection.parse({ name: '', text, types: [...types] }, true);
      connection.bind({ portal: '', statement: '', values: [...values] }, true);
      connection.describe({ type: 'P', name: '' }, true);
      connection.execute({ portal: '' }, true);
    }
    connection.sync();
    connection.stream.uncork();
  }

  handleRowDescription({ fields }: { readonly fields: readonly Column[] }): void {
    this.#columns = fields;
  }

  handleDataRow({ fields }: { readonly fields: readonly (string | null)[] }): void {
    this.#rows.push(fields);
  }

  handleCommandComplete({ text }: { readonly text: string }): void {
    this.#answered.push({ columns: this.#columns, rows: this.#rows, tag: text });
    this.#columns = [];
    this.#rows = [];
  }

  handleEmptyQuery(): void {
    this.handleCommandComplete({ text: '' });
  }

  handleReadyForQuery(): void {
    this.#resolve(this.#answered);
  }

  /** Of the server, of the connection, or of whoever gives up waiting; harmless when it has ended. */
  handleError(error: Error): void {
    this.#reject(error);
  }
}
