// The database port as the rest of the control plane sees it: transactions, batches of reads, and the one retry policy.
//
// Policy: a retryable error with a definite outcome is tried again, with growing jittered pauses, until the deadline. An
// unknown outcome (the connection went during COMMIT) is tried again only if the caller made that safe: by an operation
// id, whose result is stored in the transaction itself and looked up first, or by declaring the work idempotent.
// Everything else is the caller's at once. An aborted signal ends the trying. An error that ends it says that the outcome is
// unknown if that of any attempt was.

import { StandinError } from '../core/errors.js';
import { decodeJson, encodeJson } from '../core/json.js';
import { sleep, wallSeconds } from '../runtime/clock.js';
import type { Runtime } from '../runtime/runtime.js';
import { DatabaseError, type Driver, type Session, type Statement, type StatementResult } from './driver.js';
import { Loans } from './loans.js';
import type { ReplicaReads } from './replica.js';
import { textOf } from './row.js';
import { SessionPool } from './session-pool.js';
import { SharedReads } from './shared-reads.js';
import { rollBack, Transaction } from './transaction.js';

export interface TransactionOptions {
  /**
   * An id that is unique to this piece of work, the same at each attempt and each later call. Its result, which must be
   * JSON, is stored with it; work that has been done already is not done again.
   */
  readonly operation?: string;
  /** The work may be done twice without harm. */
  readonly isIdempotent?: boolean;
  /** A unique violation may mean that another found-or-inserted the same row: try again, a few times, and find it. */
  readonly retriesUniqueViolation?: boolean;
  /** How long to go on trying, default 30 s. */
  readonly deadlineMs?: number;
  /** Ends the trying with the signal's reason. */
  readonly signal?: AbortSignal;
}

const POOL_SIZE = 4;
const ATTEMPT_LIMIT_MS = 15_000;
const DEFAULT_DEADLINE_MS = 30_000;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2_000;
/** Who was first is found at the next attempt, unless yet another came first there; after so many it is no race. */
const UNIQUE_VIOLATION_RETRIES = 3;

export class Database implements ReplicaReads {
  readonly #driver: Driver;
  readonly #runtime: Runtime;
  readonly #pool: SessionPool;
  readonly #loans: Loans;
  readonly #shared = new SharedReads((statements) => this.read(statements));
  #isStopped = false;

  constructor(driver: Driver, runtime: Runtime) {
    this.#driver = driver;
    this.#runtime = runtime;
    this.#pool = new SessionPool(driver, POOL_SIZE);
    this.#loans = new Loans(runtime.clock, ATTEMPT_LIMIT_MS);
  }

  /**
   * Reads outside a transaction: one round trip, each statement on its own; tried again freely, for `deadlineMs` (default
   * 30 s).
   */
  read(
    statements: readonly Statement[],
    deadlineMs = DEFAULT_DEADLINE_MS,
  ): Promise<readonly StatementResult[]> {
    return this.#retrying({ isIdempotent: true, deadlineMs }, () =>
      this.#onSession((session) => session.run(statements)),
    );
  }

  /** One read, which shares its round trip with those that are asked for in the same turn; tried again for 30 s. */
  readShared(statement: Statement): Promise<StatementResult> {
    return this.#shared.read(statement);
  }

  /** Reads as of one instant: one round trip, tried again for 30 s. A single statement needs no transaction for that. */
  readTogether(statements: readonly Statement[]): Promise<readonly StatementResult[]> {
    return statements.length === 1 ? this.read(statements) : this.batch(statements);
  }

  /** Runs the statements as one transaction in one round trip. They must be safe to run twice. */
  batch(
    statements: readonly Statement[],
    options: TransactionOptions = {},
  ): Promise<readonly StatementResult[]> {
    if (statements.length === 1 && statements[0]?.lock === undefined) return this.#alone(statements, options);
    const whole = [{ sql: 'BEGIN', values: [] }, ...statements, { sql: 'COMMIT', values: [] }];
    return this.#retrying({ ...options, isIdempotent: true }, async () =>
      (await this.#onSession((session) => this.#runOrRollBack(session, whole))).slice(1, -1),
    );
  }

  /** One statement is a transaction by itself: it needs no BEGIN and no COMMIT. */
  #alone(statement: readonly Statement[], options: TransactionOptions): Promise<readonly StatementResult[]> {
    return this.#retrying({ ...options, isIdempotent: true }, () =>
      this.#onSession((session) => session.run(statement)),
    );
  }

  /**
   * Runs `work` in a serializable transaction and commits it. `work` may run several times.
   * @throws DatabaseError when the trying ended; with `isDefinite` false the work may have been done all the same.
   */
  transaction<T>(work: (tx: Transaction) => Promise<T>, options: TransactionOptions = {}): Promise<T> {
    return this.#retrying(options, (isAfterUnknown) =>
      this.#onSession((session) =>
        this.#attempt(session, work, isAfterUnknown ? options : { ...options, isFirst: true }),
      ),
    );
  }

  /** A session of the caller's own, outside the pool; the caller closes it. */
  openReserved(): Promise<Session> {
    return this.#driver.open();
  }

  /** Closes all pooled sessions; nothing is tried again. */
  stop(): void {
    this.#isStopped = true;
    this.#pool.close();
    this.#loans.stop();
  }

  async #attempt<T>(
    session: Session,
    work: (tx: Transaction) => Promise<T>,
    options: TransactionOptions & { readonly isFirst?: boolean },
  ): Promise<T> {
    const tx = new Transaction(session);
    try {
      if (options.operation !== undefined && options.isFirst !== true) {
        const done = await tx.one('SELECT result FROM operations WHERE id = ?', [options.operation]);
        if (done !== null) {
          await tx.rollback();
          return decodeJson(textOf(done, 'result'), 'the result of an operation') as T;
        }
      }
      const value = await work(tx);
      if (options.operation !== undefined) tx.tail(this.#recordOperation(options.operation, value));
      await tx.commit();
      return value;
    } catch (error) {
      await tx.rollback();
      throw error;
    }
  }

  #recordOperation(operation: string, value: unknown): Statement {
    return {
      sql: 'INSERT INTO operations (id, result, done_at) VALUES (?, ?, ?)',
      values: [operation, encodeJson(value ?? null, 'result'), wallSeconds(this.#runtime.clock)],
    };
  }

  async #runOrRollBack(session: Session, batch: readonly Statement[]): Promise<readonly StatementResult[]> {
    try {
      return await session.run(batch);
    } catch (error) {
      await rollBack(session);
      throw error;
    }
  }

  /** Lends a pooled session, and cuts it when the loan lasts too long: a server that never answers holds nobody up. */
  async #onSession<T>(work: (session: Session) => Promise<T>): Promise<T> {
    const session = await this.#pool.acquire();
    this.#loans.begin(session);
    try {
      return await work(session);
    } finally {
      this.#loans.end(session);
      this.#pool.release(session);
    }
  }

  async #retrying<T>(
    options: TransactionOptions,
    attempt: (isAfterUnknown: boolean) => Promise<T>,
  ): Promise<T> {
    const { clock, random } = this.#runtime;
    const deadline = clock.monotonicMs() + (options.deadlineMs ?? DEFAULT_DEADLINE_MS);
    let pauseMs = FIRST_PAUSE_MS;
    let isAfterUnknown = false;
    let isUnknown = false;
    let uniqueViolations = 0;
    for (;;) {
      if (options.signal?.aborted === true) throw options.signal.reason;
      try {
        return await attempt(isAfterUnknown);
      } catch (error) {
        const delayMs = pauseMs + random.integer(pauseMs);
        if (isUniqueViolation(error)) uniqueViolations += 1;
        const isOver = this.#isStopped || clock.monotonicMs() + delayMs > deadline;
        if (isOver || !mayRetry(error, options, uniqueViolations))
          throw isUnknown ? withoutCertainty(error) : error;
        isUnknown ||= !error.isDefinite;
        isAfterUnknown ||= isUnknown || isUniqueViolation(error);
        await sleep(clock, delayMs, options.signal);
        pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
      }
    }
  }
}

/** The last attempt failed for certain, but an earlier one may have succeeded: so may the whole. */
function withoutCertainty(error: unknown): unknown {
  return error instanceof DatabaseError ? new DatabaseError(error.code, error.message, false) : error;
}

function mayRetry(
  error: unknown,
  options: TransactionOptions,
  uniqueViolations: number,
): error is StandinError {
  if (!(error instanceof StandinError)) return false;
  if (isUniqueViolation(error)) {
    if (options.retriesUniqueViolation === true) return uniqueViolations <= UNIQUE_VIOLATION_RETRIES;
    return options.operation !== undefined && uniqueViolations === 1; // it may be the operation's own id: look it up
  }
  if (!error.isRetryable) return false;
  return error.isDefinite || options.isIdempotent === true || options.operation !== undefined;
}

function isUniqueViolation(error: unknown): boolean {
  return error instanceof StandinError && error.code === 'unique-violation';
}
