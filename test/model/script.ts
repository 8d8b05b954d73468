// An interleaving script: what connections do to one small database, in which order, and what must come of it.
//
// Each step is sent when the one before it has been answered or is seen to wait; a connection that waits sends its later
// steps when it has been answered. A script is run on the simulated database and on a real PostgreSQL, and both must do
// what it says. Where the simulation does otherwise, the script says what, and why that is right.

import type { DatabaseErrorCode, Row, SqlValue, StatementResult } from '../../src/db/driver.js';
import { DatabaseError, type Session, type Statement } from '../../src/db/driver.js';

export type Connection = 'a' | 'b' | 'c';

/** Whether what a connection did was committed, or the first error that it got. */
export type Outcome = 'commits' | DatabaseErrorCode;

/** Rows as lists of their values. */
export type Sight = readonly (readonly SqlValue[])[];

export interface Step {
  readonly on: Connection;
  readonly sql: string;
  readonly lock?: string;
  /** The rows that it must give; in a script that `differs`, perhaps others in the simulation. */
  readonly sees?: Sight;
  readonly seesSimulated?: Sight;
}

export interface Script {
  readonly name: string;
  readonly steps: readonly Step[];
  /** What becomes of each connection; several when that is for the database to choose. */
  readonly outcomes: readonly Outcomes[];
  /** The rows of a table at the end, and what they must be. */
  readonly leaves?: { readonly sql: string; readonly sees: Sight; readonly seesSimulated?: Sight };
  /** Where the simulation does otherwise. */
  readonly differs?: { readonly outcomes?: Outcomes; readonly because: string };
}

export type Outcomes = Readonly<Partial<Record<Connection, Outcome>>>;

/** What happened. */
export interface Observation {
  readonly outcomes: Outcomes;
  /** By the number of the step; steps that failed saw nothing. */
  readonly sights: ReadonlyMap<number, Sight>;
  readonly left: Sight;
}

/** The database of all scripts. */
export const MODEL_SCHEMA: readonly string[] = [
  'CREATE TABLE accounts (id INTEGER PRIMARY KEY, amount INTEGER NOT NULL)',
  'CREATE TABLE schedulers (id INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, enabled INTEGER NOT NULL)',
  'CREATE TABLE effects (id INTEGER PRIMARY KEY, epoch INTEGER NOT NULL)',
  'CREATE TABLE names (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)',
  'CREATE TABLE messages (id {{commit_ordered_id}}, body TEXT NOT NULL)',
  'INSERT INTO accounts VALUES (1, 100), (2, 100)',
  'INSERT INTO schedulers VALUES (1, 5, 1), (2, 5, 1)',
];

/** All of its tables. */
export const MODEL_TABLES: ReadonlySet<string> = new Set([
  'accounts',
  'schedulers',
  'effects',
  'names',
  'messages',
]);

/** Follows the steps while they are answered, in whatever order that is. */
export class Recorder {
  readonly #outcomes = new Map<Connection, Outcome>();
  readonly #sights = new Map<number, Sight>();

  /** Sends step `number` on `session`; resolves when it has been answered. */
  async send(session: Session, step: Step, number: number): Promise<void> {
    const statement: Statement = { sql: step.sql, values: [] };
    try {
      const [result] = await session.run([
        step.lock === undefined ? statement : { ...statement, lock: step.lock },
      ]);
      if (!this.#outcomes.has(step.on)) this.#outcomes.set(step.on, 'commits');
      if (step.sees !== undefined) this.#sights.set(number, sightOf(result));
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error;
      const first = this.#outcomes.get(step.on);
      if (first === undefined || first === 'commits') this.#outcomes.set(step.on, error.code);
    }
  }

  record(left: StatementResult | undefined): Observation {
    return { outcomes: Object.fromEntries(this.#outcomes), sights: this.#sights, left: sightOf(left) };
  }
}

/** The connections of a script, in order. */
export function connectionsOf(script: Script): readonly Connection[] {
  return (['a', 'b', 'c'] as const).filter((name) => script.steps.some(({ on }) => on === name));
}

export function sightOf(result: StatementResult | undefined): Sight {
  return (result?.rows ?? []).map((row: Row) => Object.values(row));
}
