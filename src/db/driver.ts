// The lowest layer of the database port: what a real driver (or the simulator) implements, and nothing more.
//
// A session is one connection. `run` is one round trip: its statements run in order, and the first that fails ends the
// batch. Transactions are the plain statements BEGIN, COMMIT and ROLLBACK; between them the isolation is SERIALIZABLE.
// After a failed statement inside a transaction every further one fails with `transaction-aborted` until ROLLBACK.

import { StandinError } from '../core/errors.js';

/** Booleans are stored as 0 and 1, times as integer seconds or milliseconds, JSON as text. */
export type SqlValue = string | number | null;

export type Row = Readonly<Record<string, SqlValue>>;

export interface Statement {
  /** Portable SQL with `?` for values. */
  readonly sql: string;
  readonly values: readonly SqlValue[];
  /**
   * Only inside a transaction: take the exclusive lock of this name first and hold it to the end of the transaction.
   * `row:<table>:<id>` is the lock of that row (SELECT ... FOR UPDATE), any other name an advisory lock.
   */
  readonly lock?: string;
}

export interface StatementResult {
  readonly rows: readonly Row[];
  /** Rows inserted, updated or deleted; 0 for a SELECT. */
  readonly changes: number;
}

export interface Session {
  /** One round trip. @throws DatabaseError of the first statement that failed. */
  run(batch: readonly Statement[]): Promise<readonly StatementResult[]>;
  /** Ends the session at once; calls under way reject with `connection-lost`. Harmless when it is closed already. */
  close(): void;
  /** False once the session was closed by either side. */
  readonly isOpen: boolean;
}

export interface Driver {
  /** Opens a session. @throws DatabaseError `connection-lost` when the server cannot be reached or refuses. */
  open(): Promise<Session>;
}

/** Stable codes of what a database may answer. */
export type DatabaseErrorCode =
  | 'serialization-failure'
  | 'deadlock'
  | 'lock-timeout'
  | 'statement-timeout'
  | 'idle-timeout'
  | 'connection-lost'
  | 'unique-violation'
  | 'constraint-violation'
  | 'transaction-aborted'
  | 'bad-statement';

const RETRYABLE: ReadonlySet<string> = new Set<DatabaseErrorCode>([
  'serialization-failure',
  'deadlock',
  'lock-timeout',
  'statement-timeout',
  'idle-timeout',
  'connection-lost',
]);

/** An answer of the database that is no result. */
export class DatabaseError extends StandinError {
  declare readonly code: DatabaseErrorCode;

  constructor(code: DatabaseErrorCode, message: string, isDefinite = true) {
    super(code, message, { isRetryable: RETRYABLE.has(code), isDefinite });
  }
}
