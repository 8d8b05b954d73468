// Plays random interleavings: on the simulated database, on a real PostgreSQL, and one transaction after the other.

import initSqlJs from 'sql.js';
import { present } from '../../src/core/assert.js';
import { DatabaseError, type Driver, type Session, type StatementResult } from '../../src/db/driver.js';
import { sqliteSchema } from '../../src/db/sqlite/dialect.js';
import type { SqlEngine } from '../../sim/world/sql-engine.js';
import { DatabaseWorld } from '../world/database-world.js';
import { BEGIN, COMMIT, isTransaction, ROLLBACK, type Move, type Play, type Refusal } from './moves.js';
import { MODEL_SCHEMA, type Connection } from './script.js';
import { answeredOrWaiting, serverProcess } from './server-waits.js';

const STEP_MS = 100;
const END_S = 30;
/** What is compared at the end. */
const TABLES = ['accounts', 'schedulers', 'effects', 'names'] as const;
const AS_IN_THE_BEGINNING = [
  BEGIN,
  ...TABLES.map((table) => `DELETE FROM ${table}`),
  ...MODEL_SCHEMA.filter((sql) => sql.startsWith('INSERT')),
  COMMIT,
];
const EVERYTHING = TABLES.map((table) => `SELECT * FROM ${table} ORDER BY id`);

/** What all connections of one play have in common. */
class Notes {
  readonly committed: Connection[] = [];
  readonly committedAtMs: number[] = [];
  readonly refused = new Map<Connection, Refusal>();
  readonly sights = new Map<number, string>();
  readonly #nowMs: () => number;
  begun = 0;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  hasCommitted(on: Connection): void {
    this.committed.push(on);
    this.committedAtMs.push(this.#nowMs());
  }

  wasRefused(on: Connection, error: DatabaseError, at: number): void {
    this.refused.set(on, { error, at, rolledBackAfter: -1, atMs: this.#nowMs() });
  }

  play(left: string): Play {
    const { committed, committedAtMs, refused, sights } = this;
    return { committed, committedAtMs, refused, sights, left };
  }
}

/** One connection: it does its moves one after the other, each when its turn has come. */
class Player {
  readonly #session: Session;
  readonly #on: Connection;
  readonly #moves: readonly Move[];
  readonly #notes: Notes;
  #tail = Promise.resolve();

  constructor(session: Session, on: Connection, moves: readonly Move[], notes: Notes) {
    this.#session = session;
    this.#on = on;
    this.#moves = moves;
    this.#notes = notes;
  }

  /** It is the turn of the move at `index`; resolves when it has been answered. */
  turn(index: number): Promise<void> {
    this.#notes.begun = Math.max(this.#notes.begun, index + 1);
    this.#tail = this.#tail.then(() => this.#do(index));
    return this.#tail;
  }

  async #do(index: number): Promise<void> {
    const move = this.#moves[index];
    if (move === undefined) return;
    if (this.#notes.refused.has(this.#on)) return this.#giveUp();
    try {
      const { sql, lock } = move;
      const [result] = await this.#session.run([{ sql, values: [], ...(lock !== undefined && { lock }) }]);
      this.#notes.sights.set(index, sightOf(result));
      const isDone = sql === COMMIT || !isTransaction(this.#moves, this.#on);
      if (isDone) this.#notes.hasCommitted(this.#on);
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error;
      this.#notes.wasRefused(this.#on, error, index);
      const isLast = !this.#moves.slice(index + 1).some(({ on }) => on === this.#on);
      if (isLast) await this.#giveUp();
    }
  }

  async #giveUp(): Promise<void> {
    const refusal = this.#notes.refused.get(this.#on);
    if (refusal === undefined || refusal.rolledBackAfter >= 0) return;
    refusal.rolledBackAfter = this.#notes.begun;
    if (isTransaction(this.#moves, this.#on)) await this.#session.run([{ sql: ROLLBACK, values: [] }]);
  }
}

/** One move each tenth of a second of virtual time: what does not wait has been answered by then. */
export async function playSimulated(engine: SqlEngine, moves: readonly Move[]): Promise<Play> {
  const world = new DatabaseWorld(engine);
  const notes = new Notes(() => world.kernel.nowUs / 1000);
  for (const name of new Set(moves.map(({ on }) => on))) {
    world.client(name, async ({ driver, until }) => {
      const player = new Player(await driver.open(), name, moves, notes);
      const answers: Promise<void>[] = [];
      for (const [index, { on }] of moves.entries()) {
        if (on !== name) continue;
        await until((index + 1) * STEP_MS);
        answers.push(player.turn(index));
      }
      await Promise.all(answers);
    });
  }
  const complaints = await world.run(END_S);
  if (complaints.length > 0) throw new Error(complaints.join('; '));
  return notes.play(JSON.stringify(EVERYTHING.map((sql) => valuesOf(world.server.query(sql).rows))));
}

/** A real server with the small database; its sessions are opened once. */
export class Server {
  readonly #observer: Session;
  readonly #seats: ReadonlyMap<Connection, { readonly session: Session; readonly pid: number }>;

  private constructor(
    observer: Session,
    seats: ReadonlyMap<Connection, { readonly session: Session; readonly pid: number }>,
  ) {
    this.#observer = observer;
    this.#seats = seats;
  }

  static async open(driver: Driver): Promise<Server> {
    const seats = new Map<Connection, { readonly session: Session; readonly pid: number }>();
    for (const on of ['a', 'b', 'c'] as const) {
      const session = await driver.open();
      seats.set(on, { session, pid: await serverProcess(session) });
    }
    return new Server(await driver.open(), seats);
  }

  close(): void {
    this.#observer.close();
    for (const { session } of this.#seats.values()) session.close();
  }

  /** Nothing of an earlier play is left, also of one that failed: else each of those after it would fail, and none by itself. */
  async #begin(): Promise<void> {
    for (const { session } of this.#seats.values()) await session.run([{ sql: ROLLBACK, values: [] }]);
    await this.#surely(AS_IN_THE_BEGINNING);
  }

  /** As long as another test has an old transaction, the server may see a conflict with a play that is over: tries again. */
  async #surely(batch: readonly string[]): Promise<readonly StatementResult[]> {
    for (;;) {
      try {
        return await this.#observer.run(batch.map((sql) => ({ sql, values: [] })));
      } catch (error) {
        await this.#observer.run([{ sql: ROLLBACK, values: [] }]);
        if (!(error instanceof DatabaseError) || !error.isRetryable) throw error;
      }
    }
  }

  /** Each move as soon as the one before it has been answered or waits for a lock. */
  async play(moves: readonly Move[]): Promise<Play> {
    await this.#begin();
    const notes = new Notes(() => performance.now());
    const players = new Map<Connection, Player>();
    const answers: Promise<void>[] = [];
    for (const [index, { on }] of moves.entries()) {
      const seat = present(this.#seats.get(on), 'a seat');
      const player = players.get(on) ?? new Player(seat.session, on, moves, notes);
      players.set(on, player);
      const answer = player.turn(index);
      answers.push(answer);
      await answeredOrWaiting(answer, this.#observer, seat.pid);
    }
    await Promise.all(answers);
    const left = await this.#surely(EVERYTHING);
    return notes.play(JSON.stringify(left.map(({ rows }) => valuesOf(rows))));
  }
}

/** What the statements of these connections give when each does all of its own, up to `until`, before the next begins. */
export async function playInTurn(
  moves: readonly Move[],
  order: readonly Connection[],
  until = moves.length,
): Promise<{ readonly sights: ReadonlyMap<number, string>; readonly left: string }> {
  const database = new (await initSqlJs()).Database();
  try {
    for (const sql of sqliteSchema(MODEL_SCHEMA)) database.exec(sql);
    const query = (sql: string): StatementResult['rows'] => {
      const [result] = database.exec(sql);
      const { columns = [], values = [] } = result ?? {};
      return values.map((row) => Object.fromEntries(columns.map((column, i) => [column, row[i] as number])));
    };
    const sights = new Map<number, string>();
    for (const name of order) {
      for (const [index, { on, sql }] of moves.entries()) {
        if (on !== name || [BEGIN, COMMIT, ROLLBACK].includes(sql)) continue;
        if (name === order.at(-1) && index >= until) break;
        sights.set(
          index,
          attempt(() => {
            const rows = query(sql);
            return sightOf({ rows, changes: sql.startsWith('SELECT') ? 0 : database.getRowsModified() });
          }),
        );
      }
    }
    return { sights, left: JSON.stringify(EVERYTHING.map((sql) => valuesOf(query(sql)))) };
  } finally {
    database.close();
  }
}

function attempt(work: () => string): string {
  try {
    return work();
  } catch {
    return 'refused';
  }
}

function sightOf(result: StatementResult | undefined): string {
  return JSON.stringify([valuesOf(result?.rows ?? []), result?.changes ?? 0]);
}

function valuesOf(rows: StatementResult['rows']): readonly unknown[] {
  return rows.map((row) => Object.values(row));
}
