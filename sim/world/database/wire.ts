// What crosses the wire between a session of the driver and the simulated database server.
//
// The driver greets with its name, the server answers READY (or closes); both are texts. Then each request is answered by
// one reply, in order; these are sealed messages. A reply that nobody asked for is a notice: the server closes the session
// and says why.

import type { DatabaseErrorCode, SqlValue, Statement } from '../../../src/db/driver.js';
import { statementKind, type StatementKind } from '../../../src/db/statement-kind.js';
import { hashText, mixNumber } from '../fingerprint.js';
import type { SealedMessage } from '../stream.js';
import { mixResult, mixValues, type SqlResult } from './result.js';

/** The port at which a database server listens. */
export const SQL_PORT = 'sql';

/** The server's answer to a greeting. */
export const READY = 'ready';

/** Who opened the session. */
export interface Client {
  readonly node: string;
  readonly incarnation: number;
}

export function encodeGreeting(client: Client): string {
  return JSON.stringify([client.node, client.incarnation]);
}

export function decodeGreeting(text: string): Client {
  const [node, incarnation] = JSON.parse(text) as [string, number];
  return { node, incarnation };
}

/** The text of a statement, with what follows from it. */
export interface StatementText {
  readonly sql: string;
  /** From 0, among the texts of its driver. */
  readonly number: number;
  readonly kind: StatementKind;
  readonly hash: number;
}

/** The texts that one driver has sent. */
export class StatementTexts {
  readonly #known = new Map<string, StatementText>();

  of(sql: string): StatementText {
    let text = this.#known.get(sql);
    if (text === undefined) {
      text = { sql, number: this.#known.size, kind: statementKind(sql), hash: hashText(sql) };
      this.#known.set(sql, text);
    }
    return text;
  }
}

export interface WireStatement {
  readonly text: StatementText;
  readonly values: readonly SqlValue[];
  readonly lock: string | null;
}

/** Statements to be executed in order. */
export class SqlRequest implements SealedMessage {
  readonly statements: readonly WireStatement[];
  readonly hash: number;

  constructor(batch: readonly Statement[], texts: StatementTexts) {
    let hash = 0;
    this.statements = batch.map(({ sql, values, lock = null }) => {
      const text = texts.of(sql);
      hash = mixValues(Math.imul(hash ^ text.hash, 0x01000193), values);
      if (lock !== null) hash = mixNumber(hash, hashText(lock));
      return { text, values: values.slice(), lock };
    });
    this.hash = hash;
  }

  describe(): string {
    return this.statements.map(({ text: { sql } }) => titleOf(sql)).join('; ');
  }
}

/** The session's state: outside a transaction, in one, or in a spoiled one. */
export type SessionState = 'idle' | 'open' | 'spoiled';

const STATES: readonly SessionState[] = ['idle', 'open', 'spoiled'];

export type WireError = readonly [code: DatabaseErrorCode, message: string];

export class SqlReply implements SealedMessage {
  readonly state: SessionState;
  /** Of the statements up to the one that failed. */
  readonly results: readonly SqlResult[];
  readonly error: WireError | null;
  readonly hash: number;

  constructor(state: SessionState, results: readonly SqlResult[], error: WireError | null) {
    this.state = state;
    this.results = results;
    this.error = error;
    let hash = mixNumber(0, STATES.indexOf(state));
    for (const result of results) hash = mixResult(hash, result);
    this.hash = error === null ? hash : mixNumber(hash, hashText(error.join(' ')));
  }

  describe(): string {
    return this.error === null ? this.state : `${this.state} ${this.error[0]}`;
  }
}

/** The verb of a statement and its table: `UPDATE masters`. */
function titleOf(sql: string): string {
  const [, verb = '', table = ''] =
    /^\s*(\w+)(?:[^']*?\b(?:FROM|INTO|UPDATE|TABLE)\s+(\w+))?/i.exec(
      sql.replace(/^\s*UPDATE/i, 'UPDATE UPDATE'),
    ) ?? [];
  return table === '' ? verb : `${verb} ${table}`;
}
