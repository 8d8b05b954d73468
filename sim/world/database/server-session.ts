// One session at the simulated database server: a state machine over the statements of the request under way.
//
// A statement arrives, may stall (a decision, or a condition of the server), may wait for its lock, and is executed; then
// comes the next. A write waits for each row that it changes as for a lock of that row's name. All of it happens in the one event of the request unless something stalls or waits; what the statements
// cost without stalling delays the reply only. Other sessions run in between wherever this one stalls, waits, or is idle
// between two requests of a transaction.
//
// Time-outs, in virtual time: a statement 5 s, a wait for a lock 5 s (both fail the statement), idle in a transaction
// 10 s (ends the session). A session that ends, for whatever reason, is rolled back and gives its locks back.

import { present } from '../../../src/core/assert.js';
import { DatabaseError, type SqlValue } from '../../../src/db/driver.js';
import type { DecisionStream } from '../../kernel/decisions.js';
import type { EventHandle, Kernel, Process } from '../../kernel/kernel.js';
import type { Socket } from '../stream.js';
import type { PreparedSql, SqlEngine } from '../sql-engine.js';
import type { Conditions } from './conditions.js';
import type { LockHolder, LockTable } from './locks.js';
import type { Transaction, Transactions } from './transactions.js';
import { resultWithoutRows, type SqlResult } from './result.js';
import { READY, SqlReply, SqlRequest, decodeGreeting } from './wire.js';
import type { Client, SessionState, StatementText, WireError, WireStatement } from './wire.js';

export const STATEMENT_TIMEOUT_US = 5_000_000;
export const LOCK_TIMEOUT_US = 5_000_000;
export const IDLE_TIMEOUT_US = 10_000_000;

const STATEMENT_COST_US = 200;
const COMMIT_COST_US = 1_000;
const STALL_PPM = 20_000;
const STALLS_US: readonly number[] = [500, 2_000, 8_000, 30_000];

export interface SessionStats {
  statements: number;
  lockWaits: number;
  lockTimeouts: number;
  deadlocks: number;
  statementTimeouts: number;
  idleTimeouts: number;
}

/** What a session needs of its server. */
export interface SessionHost {
  readonly kernel: Kernel;
  readonly process: Process;
  readonly engine: SqlEngine;
  /** No session may write, or take the lock of a row. */
  readonly isReadOnly: boolean;
  readonly transactions: Transactions;
  readonly locks: LockTable<LockHolder>;
  readonly conditions: Conditions;
  readonly stats: SessionStats;
  /** By the texts of the clients, all sessions of a client together. */
  readonly statements: WeakMap<StatementText, ClientStatement>;
  /** `client` has committed; the changes are there to be taken. */
  committed(client: Client): void;
  ended(session: ServerSession): void;
}

/** A statement's text as the server knows it from one client, with the decisions about it. */
export interface ClientStatement {
  readonly prepared: PreparedSql;
  readonly stall: DecisionStream;
  readonly stallLength: DecisionStream;
}

type Phase = 'arrived' | 'started' | 'locked';

export class ServerSession implements LockHolder {
  readonly #host: SessionHost;
  readonly #socket: Socket;
  /** By the number of the text. */
  readonly #statements: (ClientStatement | undefined)[] = [];
  readonly #backlog: SqlRequest[] = [];
  #client: Client | null = null;
  #label = '';
  #hasEnded = false;
  #transaction: Transaction | null = null;
  /** The transaction is that of one statement. */
  #isImplicit = false;

  #request: readonly WireStatement[] | null = null;
  #index = 0;
  #phase: Phase = 'arrived';
  #results: SqlResult[] = [];
  #costUs = 0;
  #startedUs = 0;
  #wait: EventHandle | null = null;
  /** The lock for which the statement waits or has waited. */
  #awaited: string | null = null;

  #idleSinceUs = -1;
  #isIdleWatched = false;

  constructor(host: SessionHost, socket: Socket) {
    this.#host = host;
    this.#socket = socket;
    socket.onData((text) => this.#greeted(text));
    socket.onMessage((message) => {
      if (message instanceof SqlRequest) this.#receive(message);
    });
    socket.onClose(() => this.end());
  }

  /** Rolls back, gives the locks back and closes; harmless when it has ended. */
  end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#wait?.cancel();
    this.#request = null;
    this.#closeTransaction('rollback');
    this.#socket.close();
    this.#host.ended(this);
  }

  /** The lock for which this session waits is now its own. */
  lockGranted(): void {
    this.#wait?.cancel();
    this.#phase = 'locked';
    this.#wait = this.#after(0, () => this.#advance());
  }

  #greeted(text: string): void {
    if (this.#hasEnded || this.#client !== null) return;
    this.#client = decodeGreeting(text);
    this.#label = `${this.#client.node}#${this.#client.incarnation}`;
    this.#socket.send(READY);
  }

  #receive(request: SqlRequest): void {
    if (this.#hasEnded || this.#client === null) return;
    this.#backlog.push(request);
    if (this.#request === null) this.#advance();
  }

  /** Goes on until every request is answered, or one stalls or waits. */
  #advance(): void {
    while (!this.#hasEnded && this.#host.process.isAlive) {
      const request = this.#request ?? this.#nextRequest();
      if (request === null) return;
      const statement = request[this.#index];
      try {
        if (statement === undefined) this.#reply(null);
        else if (!this.#step(statement)) return;
      } catch (error) {
        if (!(error instanceof DatabaseError)) throw error;
        this.#reply([error.code, error.message]);
      }
    }
  }

  #nextRequest(): readonly WireStatement[] | null {
    const request = this.#backlog.shift()?.statements ?? null;
    if (request === null) return null;
    this.#request = request;
    this.#index = 0;
    this.#results = [];
    this.#costUs = 0;
    this.#idleSinceUs = -1;
    return request;
  }

  /** False when the statement stalls or waits; `#advance` is called again then. */
  #step(statement: WireStatement): boolean {
    if (!this.#admit(statement)) return false;
    const result = this.#execute(statement);
    if (result === null) return false;
    this.#results.push(result);
    this.#index += 1;
    this.#phase = 'arrived';
    return true;
  }

  #admit(statement: WireStatement): boolean {
    if (this.#phase === 'arrived') {
      this.#phase = 'started';
      this.#awaited = null;
      this.#startedUs = this.#host.kernel.nowUs;
      const stallUs = this.#stallOf(statement);
      if (stallUs > 0) {
        this.#stall(stallUs);
        return false;
      }
    }
    const { lock } = statement;
    return this.#phase === 'locked' || lock === null || this.#lock(lock);
  }

  #stallOf(statement: WireStatement): number {
    const { prepared, stall, stallLength } = this.#statementOf(statement);
    const { conditions } = this.#host;
    let stallUs = conditions.slowUs;
    if (prepared.kind === 'commit') stallUs += conditions.commitStallUs(this.#presentClient().node);
    if (stall.chance(STALL_PPM)) stallUs += STALLS_US[stallLength.choose(STALLS_US.length)] ?? 0;
    return stallUs;
  }

  #stall(stallUs: number): void {
    if (stallUs >= STATEMENT_TIMEOUT_US)
      this.#timeOutAt(this.#startedUs + STATEMENT_TIMEOUT_US, 'statement-timeout');
    else this.#wait = this.#after(stallUs, () => this.#advance());
  }

  #lock(name: string): boolean {
    if (this.#transaction === null) {
      throw new DatabaseError('bad-statement', `the lock ${name} can only be taken inside a transaction`);
    }
    if (this.#transaction.isSpoiled) return true;
    this.#host.transactions.look(this.#transaction);
    return this.#acquire(name);
  }

  /** False when it waits. @throws DatabaseError `deadlock`. */
  #acquire(name: string): boolean {
    switch (this.#host.locks.request(this, name)) {
      case 'granted':
        return true;
      case 'deadlock':
        this.#host.stats.deadlocks += 1;
        throw new DatabaseError('deadlock', `waiting for the lock ${name} would be a deadlock`);
      case 'waiting':
        this.#awaited = name;
        this.#waitForLock();
        return false;
    }
  }

  #waitForLock(): void {
    this.#host.stats.lockWaits += 1;
    const byLock = this.#host.kernel.nowUs + LOCK_TIMEOUT_US;
    const byStatement = this.#startedUs + STATEMENT_TIMEOUT_US;
    if (byStatement < byLock) this.#timeOutAt(byStatement, 'statement-timeout');
    else this.#timeOutAt(byLock, 'lock-timeout');
  }

  #timeOutAt(atUs: number, code: 'lock-timeout' | 'statement-timeout'): void {
    this.#wait = this.#host.kernel.atProcess(atUs, this.#host.process, () => {
      this.#host.locks.withdraw(this);
      if (code === 'lock-timeout') this.#host.stats.lockTimeouts += 1;
      else this.#host.stats.statementTimeouts += 1;
      this.#reply([code, `${code === 'lock-timeout' ? 'a lock' : 'a statement'} was not done within 5 s`]);
      this.#advance();
    });
  }

  /** Null when it waits. */
  #execute(statement: WireStatement): SqlResult | null {
    const { prepared } = this.#statementOf(statement);
    this.#host.stats.statements += 1;
    this.#costUs += prepared.kind === 'commit' ? COMMIT_COST_US : STATEMENT_COST_US;
    switch (prepared.kind) {
      case 'begin':
        return this.#beginTransaction();
      case 'commit':
        return this.#fatedly(() => this.#closeTransaction('commit'));
      case 'rollback':
        return this.#closeTransaction('rollback');
      default:
        return this.#executeSql(prepared, statement);
    }
  }

  #executeSql(prepared: PreparedSql, { values, lock }: WireStatement): SqlResult | null {
    const { transactions, engine, locks, isReadOnly } = this.#host;
    if (isReadOnly && (prepared.kind !== 'read' || lock !== null))
      throw new DatabaseError('bad-statement', `a replica takes no writes and no locks: ${prepared.sql}`);
    if (this.#transaction === null) {
      if (prepared.kind === 'read' || locks.isEmpty) {
        if (prepared.kind === 'read') return transactions.autocommit(prepared, values);
        return this.#fatedly(() => {
          const result = transactions.autocommit(prepared, values);
          if (engine.lastChanges > 0) this.#host.committed(this.#presentClient());
          return result;
        });
      }
      this.#transaction = transactions.begin();
      this.#isImplicit = true;
    }
    for (const name of [lock, this.#awaited]) {
      if (name !== null && !this.#transaction.isSpoiled)
        transactions.assertUntouched(this.#transaction, name);
    }
    const result = this.#executeInside(this.#transaction, prepared, values);
    if (result !== null && this.#isImplicit) this.#closeTransaction('commit');
    return result;
  }

  /** Does what commits, unless a condition says otherwise; null when that ends the session. @throws DatabaseError */
  #fatedly(commit: () => SqlResult): SqlResult | null {
    const fate = this.#host.conditions.commitFate(this.#presentClient().node);
    switch (fate) {
      case 'done':
        return commit();
      case 'cut-before':
        this.end();
        return null;
      case 'cut-after':
        commit();
        this.end();
        return null;
      default:
        throw new DatabaseError(fate, 'the server has ended this transaction in favour of others');
    }
  }

  /** Null when a row that it would change is another transaction's, for which it waits. */
  #executeInside(
    transaction: Transaction,
    prepared: PreparedSql,
    values: readonly SqlValue[],
  ): SqlResult | null {
    const { transactions } = this.#host;
    const result = transactions.execute(transaction, prepared, values);
    if (prepared.kind !== 'write') return result;
    const rows = transactions.rowsChangedLast();
    for (const row of rows) {
      if (this.#acquire(row)) continue;
      transactions.undoLast(transaction);
      return null;
    }
    for (const row of rows) transactions.assertUntouched(transaction, row);
    return result;
  }

  #beginTransaction(): SqlResult {
    if (this.#transaction !== null) throw new DatabaseError('bad-statement', 'BEGIN inside a transaction');
    this.#transaction = this.#host.transactions.begin();
    return EMPTY_RESULT;
  }

  /** A commit that fails leaves the transaction open, spoiled, with its locks, as every failed statement does. */
  #closeTransaction(how: 'commit' | 'rollback'): SqlResult {
    const transaction = this.#transaction;
    if (transaction === null) {
      if (how === 'commit') throw new DatabaseError('bad-statement', 'COMMIT outside a transaction');
      return EMPTY_RESULT;
    }
    const { transactions, locks } = this.#host;
    const hasWritten = transaction.written !== 0;
    if (how === 'commit') transactions.commit(transaction);
    else transactions.rollback(transaction);
    this.#transaction = null;
    this.#isImplicit = false;
    if (how === 'commit' && hasWritten) this.#host.committed(this.#presentClient());
    for (const next of locks.releaseAll(this)) next.lockGranted();
    return EMPTY_RESULT;
  }

  /** Answers the request; an error spoils the transaction, also one that came before the statement was executed. */
  #reply(error: WireError | null): void {
    if (error !== null && this.#transaction !== null) this.#host.transactions.spoil(this.#transaction);
    if (error !== null && this.#isImplicit) this.#closeTransaction('rollback');
    const state = this.#state();
    const { kernel, process } = this.#host;
    const reply = new SqlReply(state, this.#results, error);
    kernel.trace.add(kernel.nowUs, process.node.name, 'sql', this.#label, reply);
    this.#socket.send(reply, this.#costUs);
    this.#request = null;
    this.#phase = 'arrived';
    if (state !== 'idle' && this.#backlog.length === 0) this.#watchIdle();
    if (state === 'open') this.#host.conditions.isOpen(this.#presentClient().node);
  }

  #state(): SessionState {
    if (this.#transaction === null) return 'idle';
    return this.#transaction.isSpoiled ? 'spoiled' : 'open';
  }

  /** One event watches many idle spells: it looks when this one began, and comes again when it is too early. */
  #watchIdle(): void {
    this.#idleSinceUs = this.#host.kernel.nowUs + this.#costUs;
    if (this.#isIdleWatched) return;
    this.#isIdleWatched = true;
    this.#after(this.#costUs + IDLE_TIMEOUT_US, () => this.#checkIdle());
  }

  #checkIdle(): void {
    this.#isIdleWatched = false;
    if (this.#hasEnded || this.#idleSinceUs < 0 || this.#transaction === null) return;
    const leftUs = this.#idleSinceUs + IDLE_TIMEOUT_US - this.#host.kernel.nowUs;
    if (leftUs > 0) {
      this.#isIdleWatched = true;
      this.#after(leftUs, () => this.#checkIdle());
      return;
    }
    this.#host.stats.idleTimeouts += 1;
    const { kernel, process } = this.#host;
    kernel.trace.add(kernel.nowUs, process.node.name, 'sql', `${this.#label} idle-timeout`);
    this.#socket.send(new SqlReply('idle', [], ['idle-timeout', 'idle in a transaction for 10 s']));
    this.end();
  }

  #statementOf({ text }: WireStatement): ClientStatement {
    return (this.#statements[text.number] ??= this.#known(text));
  }

  #known(text: StatementText): ClientStatement {
    let statement = this.#host.statements.get(text);
    if (statement === undefined) this.#host.statements.set(text, (statement = this.#prepare(text)));
    return statement;
  }

  #prepare({ sql }: StatementText): ClientStatement {
    const prepared = this.#host.engine.prepare(sql);
    const entity = `${this.#presentClient().node}>${prepared.id}`;
    const { decisions } = this.#host.kernel;
    const stall = decisions.stream('sql.stall', entity);
    return { prepared, stall, stallLength: decisions.stream('sql.stall-length', entity) };
  }

  #presentClient(): Client {
    return present(this.#client, 'the greeting of a session');
  }

  #after(delayUs: number, action: () => void): EventHandle {
    return this.#host.kernel.atProcess(this.#host.kernel.nowUs + delayUs, this.#host.process, action);
  }
}

const EMPTY_RESULT = resultWithoutRows(0);
