// State that only the holder of a claim reads and writes: each access locks the row of its service and compares the claim
// first, so that what a new owner reads is the last that was written, and a zombie writes nothing.

import { decodeJson, encodeJson, type JsonValue } from '../core/json.js';
import type { Claim, ServiceKind } from '../db/claims.js';
import type { DatabaseConnector } from '../db/connector.js';
import { textOf } from '../db/row.js';

/** On whose behalf state is used. */
export interface StateOwner {
  /** In errors. */
  readonly name: string;
  readonly objectid: number;
  readonly claim: Claim;
  /** Aborts when the claim is lost; then nothing is tried again. */
  readonly signal: AbortSignal;
}

export class FencedState {
  readonly #db: DatabaseConnector;
  readonly #kind: ServiceKind;

  constructor(db: DatabaseConnector, kind: ServiceKind) {
    this.#db = db;
    this.#kind = kind;
  }

  /** A value, or null when there is none. @throws ClaimLostError, DatabaseError */
  async read({ name, objectid, claim, signal }: StateOwner, key: string): Promise<JsonValue> {
    const claims = this.#db.claims(this.#kind);
    const batch = [claims.fenceStatement(claim), this.#db.state.getStatement(objectid, key)];
    const [fence, found] = await this.#db.database.batch(batch, { signal });
    claims.checkFence(fence, claim, `reading '${key}' of '${name}'`);
    const row = found?.rows[0];
    return row === undefined ? null : decodeJson(textOf(row, 'value_json'), `state '${key}'`);
  }

  /** Writes a value. @throws ClaimLostError, DatabaseError, NotJsonError */
  async write({ name, objectid, claim, signal }: StateOwner, key: string, value: JsonValue): Promise<void> {
    const claims = this.#db.claims(this.#kind);
    const statement = this.#db.state.setStatement(objectid, key, encodeJson(value, `state '${key}'`));
    await this.#db.database.transaction(
      async (tx) => {
        const [fence] = await tx.run([claims.fenceStatement(claim)]);
        claims.checkFence(fence, claim, `writing '${key}' of '${name}'`);
        tx.tail(statement);
      },
      { isIdempotent: true, signal },
    );
  }
}
