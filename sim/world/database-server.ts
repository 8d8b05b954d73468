// The database server as a process of the world: what PostgreSQL is to the masters, on one node.
//
// It owns the sessions; transactions, locks and storage are beside it in database/ and in sql-engine.ts. The engine is the
// server's disk: a server that crashes and is started again on the same engine finds what was committed, and nothing else.
// Conditions (slow, refusing) belong to the process and end with it.

import type { SqlValue, StatementResult } from '../../src/db/driver.js';
import type { Kernel, Process } from '../kernel/kernel.js';
import { Conditions, type ConditionStats } from './database/conditions.js';
import { LockTable, type LockHolder } from './database/locks.js';
import { statementResult } from './database/result.js';
import type { RowChange } from './database/row-changes.js';
import {
  ServerSession,
  type ClientStatement,
  type SessionHost,
  type SessionStats,
} from './database/server-session.js';
import { Transactions, type TransactionStats, type Write } from './database/transactions.js';
import { SQL_PORT, type Client, type StatementText } from './database/wire.js';
import type { Network } from './network.js';
import type { SqlEngine } from './sql-engine.js';
import { undoOnce } from './undo.js';

export type { RowChange } from './database/row-changes.js';

/** One commit that changed rows of observed tables. */
export interface Commit {
  /** True time, integer microseconds. */
  readonly atUs: number;
  /** Whose session committed. */
  readonly client: Client;
  readonly rows: readonly RowChange[];
}

export interface DatabaseStats extends SessionStats, TransactionStats, ConditionStats {
  /** Sessions opened so far. */
  sessions: number;
  refusedSessions: number;
}

export class DatabaseServer {
  readonly #host: Host;
  readonly #process: Process;

  /** Listens on port `sql` of the node of `process`. */
  constructor(kernel: Kernel, network: Network, process: Process, engine: SqlEngine) {
    this.#process = process;
    this.#host = new Host(kernel, process, engine);
    process.onDeath(() => engine.rollbackSavepoint());
    network.listen(process, SQL_PORT, (socket) => {
      const { conditions, sessions } = this.#host;
      if (conditions.admits(sessions.size)) {
        sessions.add(new ServerSession(this.#host, socket));
        this.#host.opened += 1;
      } else {
        this.#host.refused += 1;
        socket.close();
      }
    });
  }

  /** `listener` hears of every commit that changed observed rows, in the order of commits, at its instant. */
  onCommit(listener: (commit: Commit) => void): void {
    this.#host.listeners.push(listener);
  }

  /** From now on its sessions may only read. */
  refuseWrites(): void {
    this.#host.isReadOnly = true;
  }

  /** `listener` hears of the writes of every commit, in the order of commits, at its instant. There may be one. */
  onWrites(listener: (writes: readonly Write[]) => void): void {
    this.#host.transactions.onWrites = listener;
  }

  /** Makes what another server has committed part of this database, at once and outside all sessions. */
  replay(writes: readonly Write[]): void {
    const { engine, transactions } = this.#host;
    for (const { sql, values } of writes) transactions.autocommit(engine.prepare(sql), values);
    transactions.takeChanges();
  }

  /** How often things happened since this server was started. */
  get stats(): DatabaseStats {
    const { stats, transactions, conditions, opened, refused } = this.#host;
    return {
      ...stats,
      ...transactions.stats,
      ...conditions.stats,
      sessions: opened,
      refusedSessions: refused,
    };
  }

  /** Sessions open now. */
  get openSessions(): number {
    return this.#host.sessions.size;
  }

  /** What faults may put in force. */
  get conditions(): Conditions {
    return this.#host.conditions;
  }

  /** Takes these locks as an operator's session would, as they become free, and holds them until it is undone. */
  holdLocks(names: readonly string[]): () => void {
    const { locks } = this.#host;
    const holders = names.map((name) => {
      const holder = { lockGranted: () => undefined };
      locks.request(holder, name);
      return holder;
    });
    return undoOnce(() => {
      for (const holder of holders) for (const next of locks.releaseAll(holder)) next.lockGranted();
    });
  }

  /** Ends all sessions, as an administrator may; returns how many there were. For an event of the world. */
  cutSessions(): number {
    const sessions = [...this.#host.sessions];
    const { kernel } = this.#host;
    for (const session of sessions) kernel.atProcess(kernel.nowUs, this.#process, () => session.end());
    return sessions.length;
  }

  /** Reads what is committed now, outside time and traffic: for the harness. */
  query(sql: string, values: readonly SqlValue[] = []): StatementResult {
    const { engine, transactions } = this.#host;
    return statementResult(transactions.autocommit(engine.prepare(sql), values));
  }
}

/** What the sessions share. */
class Host implements SessionHost {
  readonly kernel: Kernel;
  readonly process: Process;
  readonly engine: SqlEngine;
  readonly transactions: Transactions;
  readonly locks = new LockTable<LockHolder>();
  readonly conditions: Conditions;
  readonly sessions = new Set<ServerSession>();
  readonly listeners: ((commit: Commit) => void)[] = [];
  readonly stats: SessionStats = {
    statements: 0,
    lockWaits: 0,
    lockTimeouts: 0,
    deadlocks: 0,
    statementTimeouts: 0,
    idleTimeouts: 0,
  };
  readonly statements = new WeakMap<StatementText, ClientStatement>();
  isReadOnly = false;
  opened = 0;
  refused = 0;

  constructor(kernel: Kernel, process: Process, engine: SqlEngine) {
    this.kernel = kernel;
    this.process = process;
    this.engine = engine;
    this.transactions = new Transactions(engine);
    this.conditions = new Conditions(kernel.decisions);
  }

  committed(client: Client): void {
    const rows = this.transactions.takeChanges();
    if (rows.length === 0) return;
    for (const listener of this.listeners) listener({ atUs: this.kernel.nowUs, client, rows });
  }

  ended(session: ServerSession): void {
    this.sessions.delete(session);
  }
}
