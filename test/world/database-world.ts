// A world with a database server `db` and client nodes, for the tests of the server and its driver.

import { DatabaseError, type Session, type SqlValue, type StatementResult } from '../../src/db/driver.js';
import { Decisions } from '../../sim/kernel/decisions.js';
import { Kernel, type Process } from '../../sim/kernel/kernel.js';
import { Trace } from '../../sim/kernel/trace.js';
import { DatabaseServer, type Commit } from '../../sim/world/database-server.js';
import { NETWORK_PROFILES, Network } from '../../sim/world/network.js';
import { SimulatedDriver } from '../../sim/world/sql-driver.js';
import type { SqlEngine } from '../../sim/world/sql-engine.js';

export const SECOND = 1_000_000;

export const TEST_SCHEMA: readonly string[] = [
  'CREATE TABLE schedulers (id INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, note TEXT UNIQUE)',
  'CREATE TABLE notes (id INTEGER PRIMARY KEY, note TEXT NOT NULL)',
  "INSERT INTO schedulers VALUES (1, 5, 'one'), (2, 5, 'two')",
];

/** What a client's script may do. */
export interface ClientPorts {
  readonly process: Process;
  readonly driver: SimulatedDriver;
  /** Resolves at this many milliseconds of true time (clocks have no drift here). */
  until(atMs: number): Promise<void>;
  note(what: string): void;
}

export class DatabaseWorld {
  readonly kernel: Kernel;
  readonly network: Network;
  readonly engine: SqlEngine;
  readonly notes: string[] = [];
  readonly commits: Commit[] = [];
  server: DatabaseServer;

  constructor(engine: SqlEngine, seed: string | null = null, drain: 'tick' | 'immediate' = 'tick') {
    engine.reset();
    this.engine = engine;
    this.kernel = new Kernel({
      decisions: new Decisions(seed),
      trace: new Trace(),
      drain,
      maxEvents: 1_000_000,
    });
    this.network = new Network(this.kernel, NETWORK_PROFILES.local);
    this.kernel.addNode('db', { offsetMs: 0, driftPpm: 0 });
    this.server = this.startServer();
  }

  startServer(): DatabaseServer {
    const process = this.kernel.start(this.kernel.node('db'), () => undefined);
    const server = new DatabaseServer(this.kernel, this.network, process, this.engine);
    server.onCommit((commit) => this.commits.push(commit));
    this.server = server;
    return server;
  }

  crashServer(cause: string): void {
    this.kernel.crash(this.kernel.node('db'), cause);
  }

  /** Starts node `name` at true time 0 and runs `script` there; what it throws is noted. */
  client(name: string, script: (ports: ClientPorts) => Promise<void>): void {
    const node = this.kernel.addNode(name, { offsetMs: 0, driftPpm: 0 });
    this.kernel.start(node, (process) => {
      const note = (what: string): void => {
        this.notes.push(`${name} ${what} @${Math.floor(this.kernel.nowUs / 1000)}`);
      };
      const until = (atMs: number): Promise<void> =>
        new Promise((resolve) => void process.setTimer(resolve, atMs - Math.floor(this.kernel.nowUs / 1000)));
      const driver = new SimulatedDriver(this.network, process, 'db');
      script({ process, driver, until, note }).catch((error: unknown) => note(`throws ${describe(error)}`));
    });
  }

  at(atMs: number, action: () => void): void {
    this.kernel.at(atMs * 1000, action);
  }

  async run(seconds: number): Promise<readonly string[]> {
    await this.kernel.run(seconds * SECOND);
    return this.notes;
  }

  epoch(id: number): SqlValue | undefined {
    return this.server.query('SELECT epoch FROM schedulers WHERE id = ?', [id]).rows[0]?.['epoch'];
  }
}

/** One statement a round trip. */
export async function sql(session: Session, text: string, ...values: SqlValue[]): Promise<StatementResult> {
  const [result] = await session.run([{ sql: text, values }]);
  if (result === undefined) throw new Error('a statement has a result');
  return result;
}

export const LOCK_1 = {
  sql: 'SELECT epoch FROM schedulers WHERE id = 1',
  values: [],
  lock: 'row:schedulers:1',
};
export const LOCK_2 = {
  sql: 'SELECT epoch FROM schedulers WHERE id = 2',
  values: [],
  lock: 'row:schedulers:2',
};
export const RAISE_1 = { sql: 'UPDATE schedulers SET epoch = epoch + 1 WHERE id = 1', values: [] };
export const BEGIN = { sql: 'BEGIN', values: [] };
export const COMMIT = { sql: 'COMMIT', values: [] };
export const ROLLBACK = { sql: 'ROLLBACK', values: [] };

/** The outcome of a call: 'ok', or its code, and '?' when it is unknown whether it took effect. */
export async function outcome(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return 'ok';
  } catch (error) {
    return describe(error);
  }
}

function describe(error: unknown): string {
  if (error instanceof DatabaseError) return error.isDefinite ? error.code : `${error.code}?`;
  return String(error);
}
