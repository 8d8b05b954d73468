// The driver on PostgreSQL, through `pg`.
//
// A session sends a batch in one round trip, with one exception: outside a transaction each write stands for itself, so a
// batch goes on behind it only when it is known to have succeeded. What the port promises and the server does not is done
// here: a transaction of which anything failed, its COMMIT included, is spoiled until ROLLBACK.
//
// The outcome of calls under way when the connection ends is unknown exactly if what was sent and not answered contained a
// COMMIT or a write outside a transaction.

import type { Client } from 'pg';
import { assert, present } from '../../core/assert.js';
import { Mutex } from '../../core/mutex.js';
import {
  DatabaseError,
  type Driver,
  type Row,
  type Session,
  type SqlValue,
  type Statement,
  type StatementResult,
} from '../driver.js';
import { SCHEMA } from '../schema.js';
import { parameterCount, statementKind, type StatementKind } from '../statement-kind.js';
import {
  bindValues,
  codeOfState,
  lockStatement,
  numberParameters,
  parseValue,
  postgresSchema,
  READ_ONLY_SETTINGS,
  SESSION_SETTINGS,
  type PostgresStatement,
} from './dialect.js';
import { RoundTrip, type Answer } from './round-trip.js';

const CONNECT_TIMEOUT_MS = 5_000;
const KEEP_ALIVE_MS = 10_000;

export interface PostgresOptions {
  /** `postgres://user:password@host:port/database`; what it leaves out is taken from the environment, as libpq does. */
  readonly url: string;
  /** The schema (namespace) in which the tables are; default: what the server's search_path says. */
  readonly namespace?: string;
  /** Sessions for reading only, also on a standby: transactions are read-only and REPEATABLE READ. Default false. */
  readonly isReadOnly?: boolean;
}

export class PostgresDriver implements Driver {
  readonly #options: PostgresOptions;
  readonly #texts = new Texts();

  constructor(options: PostgresOptions) {
    this.#options = options;
  }

  /** @throws DatabaseError `connection-lost` when the server has not greeted within 5 s, or refuses. */
  async open(): Promise<Session> {
    const { default: pg } = await import('pg'); // takes longer to load than most processes that never open it live
    const client = new pg.Client({
      connectionString: this.#options.url,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      keepAlive: true,
      keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
    });
    const session = new PostgresSession(client, this.#texts);
    try {
      await client.connect();
      await client.query(this.#settingsQuery());
    } catch (error) {
      session.close();
      throw new DatabaseError('connection-lost', `cannot reach the database: ${messageOf(error)}`);
    }
    return session;
  }

  /**
   * Creates all tables of `schema` in the namespace, and the namespace if it is not there, in one transaction.
   * @throws DatabaseError when a table exists already.
   */
  async createSchema(schema: readonly string[] = SCHEMA): Promise<void> {
    const { namespace } = this.#options;
    const tables = postgresSchema(schema);
    const whole =
      namespace === undefined ? tables : [`CREATE SCHEMA IF NOT EXISTS ${quoted(namespace)}`, ...tables];
    const session = await this.open();
    try {
      await session.run(['BEGIN', ...whole, 'COMMIT'].map((sql) => ({ sql, values: [] })));
    } finally {
      session.close();
    }
  }

  /** `schema` as PostgreSQL takes it. */
  translate(schema: readonly string[]): readonly string[] {
    return postgresSchema(schema);
  }

  /** There is nothing to close but sessions, which are their callers' own. */
  close(): void {}

  #settingsQuery(): { text: string; values: string[]; query_timeout: number } {
    const { namespace, isReadOnly = false } = this.#options;
    const path = namespace === undefined ? {} : { search_path: quoted(namespace) };
    const settings = Object.entries({ ...SESSION_SETTINGS, ...(isReadOnly && READ_ONLY_SETTINGS), ...path });
    const calls = settings.map((_, i) => `set_config($${2 * i + 1}, $${2 * i + 2}, false)`);
    return { text: `SELECT ${calls.join(', ')}`, values: settings.flat(), query_timeout: CONNECT_TIMEOUT_MS };
  }
}

interface Text {
  readonly kind: StatementKind;
  readonly numbered: string;
  readonly parameters: number;
}

/** What is known of each text, once. */
class Texts {
  readonly #known = new Map<string, Text>();

  of(sql: string): Text {
    let text = this.#known.get(sql);
    if (text === undefined) {
      text = { kind: statementKind(sql), numbered: numberParameters(sql), parameters: parameterCount(sql) };
      this.#known.set(sql, text);
    }
    return text;
  }
}

type TransactionState = 'none' | 'open' | 'spoiled';

/** A statement of the round trip that is being put together. */
interface Step {
  readonly statement: Statement;
  readonly kind: StatementKind;
  /** What goes to the server: the lock, if any, and the statement. */
  readonly sent: readonly PostgresStatement[];
  /** The state of the transaction before it. */
  readonly before: TransactionState;
}

class PostgresSession implements Session {
  readonly #client: Client;
  readonly #texts: Texts;
  readonly #calls = new Mutex();
  #transaction: TransactionState = 'none';
  #underWay: RoundTrip | null = null;
  /** Why the session is over; null while it is open. */
  #end: DatabaseError | null = null;

  constructor(client: Client, texts: Texts) {
    this.#client = client;
    this.#texts = texts;
    client.on('error', (error) => this.#ended(faultOf(error)));
    client.on('end', () => this.#ended(closed('the server')));
  }

  get isOpen(): boolean {
    return this.#end === null;
  }

  run(batch: readonly Statement[]): Promise<readonly StatementResult[]> {
    return this.#calls.run(async () => {
      const results: StatementResult[] = [];
      while (results.length < batch.length) {
        results.push(...(await this.#roundTrip(this.#nextSteps(batch.slice(results.length)))));
      }
      return results;
    });
  }

  close(): void {
    this.#ended(closed('this side'));
  }

  /** Whoever calls from now on hears `reason`; whose call is under way hears it too. */
  #ended(reason: DatabaseError): void {
    if (this.#end !== null) return;
    this.#end = reason;
    this.#underWay?.handleError(reason);
    this.#client.end().catch(() => undefined); // it is of no use either way
  }

  /** As many of the statements as can go in one round trip: at least one. @throws DatabaseError when the first cannot. */
  #nextSteps(batch: readonly Statement[]): readonly Step[] {
    const steps: Step[] = [];
    let state = this.#transaction;
    for (const statement of batch) {
      const { kind } = this.#texts.of(statement.sql);
      if (steps.length > 0 && kind === 'begin') break;
      try {
        steps.push(this.#step(statement, state));
      } catch (error) {
        if (steps.length > 0) break; // those before it run first, and may fail first
        if (state === 'open') this.#transaction = 'spoiled';
        throw error;
      }
      state = stateAfter(kind, state);
      if (state === 'none' && kind !== 'read') break;
    }
    return steps;
  }

  /** @throws DatabaseError for a statement that must not reach the server. */
  #step(statement: Statement, before: TransactionState): Step {
    const { sql, values, lock } = statement;
    const { kind, numbered, parameters } = this.#texts.of(sql);
    if (before === 'spoiled' && kind !== 'rollback') {
      throw new DatabaseError('transaction-aborted', 'a statement of this transaction failed: roll it back');
    }
    if (kind === 'refused') throw new DatabaseError('bad-statement', `not portable: ${sql}`);
    if (kind === 'begin' && before === 'open')
      throw new DatabaseError('bad-statement', 'BEGIN inside a transaction');
    if (kind === 'commit' && before === 'none')
      throw new DatabaseError('bad-statement', 'COMMIT outside a transaction');
    if (lock !== undefined && before === 'none') {
      throw new DatabaseError('bad-statement', `the lock ${lock} can only be taken inside a transaction`);
    }
    if (values.length !== parameters) {
      throw new DatabaseError('bad-statement', `${sql} takes ${parameters} values, got ${values.length}`);
    }
    const locks = lock === undefined ? [] : [lockStatement(lock)];
    return { statement, kind, sent: [...locks, bindValues(numbered, values)], before };
  }

  async #roundTrip(steps: readonly Step[]): Promise<readonly StatementResult[]> {
    if (this.#end !== null) throw this.#end;
    const trip = new RoundTrip(steps.flatMap((step) => step.sent));
    this.#underWay = trip;
    this.#client.query(trip);
    let answers: readonly Answer[];
    try {
      answers = await trip.answers;
    } catch (error) {
      throw this.#failed(faultOf(error), steps, trip.progress);
    } finally {
      this.#underWay = null;
    }
    const last = present(steps.at(-1), 'a step');
    this.#transaction = stateAfter(last.kind, last.before);
    return resultsOf(steps, answers);
  }

  /** What the caller hears of `fault`, which came after `progress` answers. */
  #failed(fault: DatabaseError, steps: readonly Step[], progress: number): DatabaseError {
    const failed = stepAt(steps, progress);
    if (failed.before !== 'none') this.#transaction = 'spoiled';
    const isLost = fault.code === 'connection-lost';
    if (isLost || fault.code === 'idle-timeout') this.#ended(fault);
    const isUnknown = isLost && steps.some(isLasting);
    return new DatabaseError(fault.code, `${fault.message} (in ${failed.statement.sql})`, !isUnknown);
  }
}

function stateAfter(kind: StatementKind, before: TransactionState): TransactionState {
  if (kind === 'begin') return 'open';
  return kind === 'commit' || kind === 'rollback' ? 'none' : before;
}

/** Whether the step, once done, is done for good. */
function isLasting({ kind, before }: Step): boolean {
  return kind === 'commit' || (before === 'none' && (kind === 'write' || kind === 'schema'));
}

/** The step that was next after `progress` answers. */
function stepAt(steps: readonly Step[], progress: number): Step {
  let answered = 0;
  for (const step of steps) {
    answered += step.sent.length;
    if (answered > progress) return step;
  }
  return present(steps.at(-1), 'a step');
}

function resultsOf(steps: readonly Step[], answers: readonly Answer[]): readonly StatementResult[] {
  let answered = 0;
  return steps.map(({ kind, sent }) => {
    answered += sent.length;
    const { columns, rows, tag } = present(answers[answered - 1], 'an answer');
    assert(kind !== 'commit' || tag === 'COMMIT', `COMMIT was answered by ${tag}`);
    const changes = kind === 'write' ? Number(/\d+$/.exec(tag)?.[0] ?? 0) : 0;
    return { rows: rows.map((row) => rowOf(columns, row)), changes };
  });
}

function rowOf(columns: Answer['columns'], texts: Answer['rows'][number]): Row {
  const row: Record<string, SqlValue> = {};
  columns.forEach(({ name, dataTypeID }, i) => (row[name] = parseValue(texts[i] ?? null, dataTypeID)));
  return row;
}

/** What an error of `pg` means: the server's have a severity and a SQLSTATE, all others are of the connection. */
function faultOf(error: unknown): DatabaseError {
  if (error instanceof DatabaseError) return error;
  const { code, severity } = error as { readonly code?: unknown; readonly severity?: unknown };
  const isServers = typeof code === 'string' && severity !== undefined;
  return new DatabaseError(isServers ? codeOfState(code) : 'connection-lost', messageOf(error));
}

/** Some errors of the network have a code and no message. */
function messageOf(error: unknown): string {
  const { message, code } = error as { readonly message?: unknown; readonly code?: unknown };
  return String(message === undefined || message === '' ? code : message);
}

function closed(by: string): DatabaseError {
  return new DatabaseError('connection-lost', `the session was closed by ${by}`);
}

function quoted(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`;
}
