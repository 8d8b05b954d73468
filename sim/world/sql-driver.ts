// The database driver of a simulated master: Driver over a stream of the network to a DatabaseServer.
//
// A session sends one request at a time, in the order of the calls, as `pg` does. When its stream ends, the calls under
// way reject with `connection-lost` (or with what the server said last); their outcome is unknown exactly if what was sent
// and not answered contained a COMMIT or a write outside a transaction.

import { DatabaseError, type Driver, type Session } from '../../src/db/driver.js';
import type { Statement, StatementResult } from '../../src/db/driver.js';
import type { Process } from '../kernel/kernel.js';
import { statementResult } from './database/result.js';
import { READY, SQL_PORT, SqlReply, SqlRequest, StatementTexts, encodeGreeting } from './database/wire.js';
import type { Network, Socket } from './network.js';

const CONNECT_TIMEOUT_MS = 5_000;

export class SimulatedDriver implements Driver {
  readonly #network: Network;
  readonly #process: Process;
  readonly #serverNode: string;
  readonly #texts = new StatementTexts();

  constructor(network: Network, process: Process, serverNode: string) {
    this.#network = network;
    this.#process = process;
    this.#serverNode = serverNode;
  }

  /** @throws DatabaseError `connection-lost` when the server has not greeted within 5 s, or refuses. */
  open(): Promise<Session> {
    return new Promise((resolve, reject) => {
      const process = this.#process;
      let opening: Socket | null = null;
      const fail = (reason: string): void => {
        timer.cancel();
        attempt.cancel();
        opening?.close();
        reject(
          new DatabaseError('connection-lost', `cannot reach the database on ${this.#serverNode}: ${reason}`),
        );
      };
      const timer = process.setTimer(() => fail('no answer within 5 s'), CONNECT_TIMEOUT_MS);
      const greet = (socket: Socket): void => {
        opening = socket;
        socket.onClose((reason) => fail(reason));
        socket.onData((text) => {
          if (text !== READY) return;
          timer.cancel();
          resolve(new SimulatedSession(socket, this.#texts));
        });
        socket.send(encodeGreeting({ node: process.node.name, incarnation: process.incarnation }));
      };
      const attempt = this.#network.connect(process, this.#serverNode, SQL_PORT, {
        onOpen: greet,
        onFail: fail,
      });
    });
  }
}

interface Call {
  readonly batch: readonly Statement[];
  readonly resolve: (results: readonly StatementResult[]) => void;
  readonly reject: (error: DatabaseError) => void;
  /** Sent, and its outcome is unknown until it is answered. */
  isRisky: boolean;
}

class SimulatedSession implements Session {
  readonly #socket: Socket;
  readonly #calls: Call[] = [];
  readonly #texts: StatementTexts;
  #isInTransaction = false;
  #lastWords: DatabaseError | null = null;
  #hasEnded = false;

  constructor(socket: Socket, texts: StatementTexts) {
    this.#socket = socket;
    this.#texts = texts;
    socket.onMessage((message) => {
      if (message instanceof SqlReply) this.#receive(message);
    });
    socket.onClose((reason) => this.#end(reason));
  }

  get isOpen(): boolean {
    return !this.#hasEnded;
  }

  run(batch: readonly Statement[]): Promise<readonly StatementResult[]> {
    return new Promise((resolve, reject) => {
      const call: Call = { batch, resolve, reject, isRisky: false };
      if (this.#hasEnded) {
        reject(this.#lastWords ?? lost('the session is closed', false));
        return;
      }
      this.#calls.push(call);
      if (this.#calls.length === 1) this.#send(call);
    });
  }

  close(): void {
    this.#socket.close();
    this.#end('closed by this side');
  }

  #send(call: Call): void {
    const request = new SqlRequest(call.batch, this.#texts);
    let isInTransaction = this.#isInTransaction;
    for (const { text } of request.statements) {
      const { kind } = text;
      if (kind === 'commit' || (!isInTransaction && (kind === 'write' || kind === 'schema')))
        call.isRisky = true;
      if (kind === 'begin') isInTransaction = true;
      else if (kind === 'commit' || kind === 'rollback') isInTransaction = false;
    }
    this.#socket.send(request);
  }

  #receive(reply: SqlReply): void {
    const error = reply.error === null ? null : new DatabaseError(...reply.error);
    // A notice answers nothing: an idle session may be ended while a request is on its way to it.
    if (error?.code === 'idle-timeout') {
      this.#lastWords = error;
      return;
    }
    const call = this.#calls.shift();
    if (call === undefined) return;
    this.#isInTransaction = reply.state !== 'idle';
    if (error === null) call.resolve(reply.results.map(statementResult));
    else call.reject(error);
    const next = this.#calls[0];
    if (next !== undefined) this.#send(next);
  }

  #end(reason: string): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    for (const call of this.#calls.splice(0)) {
      call.reject(this.#lastWords ?? lost(`the connection to the database ended: ${reason}`, call.isRisky));
    }
  }
}

function lost(message: string, isRisky: boolean): DatabaseError {
  return new DatabaseError('connection-lost', message, !isRisky);
}
