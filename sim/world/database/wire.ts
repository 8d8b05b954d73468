// What crosses the wire between a session of the driver and the simulated database server: JSON texts.
//
// The driver greets with its name, the server answers READY (or closes). Then each request is answered by one reply, in
// order. A statement's text crosses once in a session; later requests name it by number. A reply that nobody asked for is
// a notice: the server closes the session and says why.

import type { DatabaseErrorCode, SqlValue, StatementResult } from '../../../src/db/driver.js';

/** The port at which a database server listens. */
export const SQL_PORT = 'sql';

/** The server's answer to a greeting. */
export const READY = 'ready';

/** Who opened the session. */
export interface Client {
  readonly node: string;
  readonly incarnation: number;
}

/** Number of the statement's text, values, lock, and the text when it crosses for the first time. */
export type WireStatement = readonly [
  text: number,
  values: readonly SqlValue[],
  lock: string | null,
  sql?: string,
];

/** The session's state: outside a transaction, in one, or in a spoiled one. */
export type SessionState = 'idle' | 'open' | 'spoiled';

export type WireError = readonly [code: DatabaseErrorCode, message: string];

export interface Reply {
  readonly state: SessionState;
  /** Of the statements up to the one that failed. */
  readonly results: readonly StatementResult[];
  readonly error: WireError | null;
}

export function encodeGreeting(client: Client): string {
  return JSON.stringify([client.node, client.incarnation]);
}

export function decodeGreeting(text: string): Client {
  const [node, incarnation] = JSON.parse(text) as [string, number];
  return { node, incarnation };
}

export function encodeRequest(statements: readonly WireStatement[]): string {
  return JSON.stringify(statements);
}

export function decodeRequest(text: string): readonly WireStatement[] {
  return JSON.parse(text) as readonly WireStatement[];
}

/** `results`: JSON texts, one a statement. */
export function encodeReply(
  state: SessionState,
  results: readonly string[],
  error: WireError | null,
): string {
  return `["${state}",[${results.join(',')}],${error === null ? 'null' : JSON.stringify(error)}]`;
}

export function decodeReply(text: string): Reply {
  const [state, results, error] = JSON.parse(text) as [
    SessionState,
    readonly StatementResult[],
    WireError | null,
  ];
  return { state, results, error };
}
