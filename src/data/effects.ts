// Effects: what a scheduler does by itself, each in one transaction that its claim fences.
//
// 1. The first batch locks the scheduler's row and compares (masterid, incarnation, epoch, link): a zombie ends here.
// 2. The second writes: buildsets and requests, state, classifications; it deletes exactly the rows that were consumed.
// 3. The third announces and commits.
// A retry after an unknown outcome looks the operation up first. So an effect happens once or not at all.

import { StandinError } from '../core/errors.js';
import { present } from '../core/assert.js';
import { insertBuildsetStatements, type NewBuildset } from '../db/buildsets.js';
import { changeOfRow, type Change } from '../db/changes.js';
import type { Claim } from '../db/claims.js';
import type { DatabaseConnector } from '../db/connector.js';
import type { Row, Statement } from '../db/driver.js';
import { acknowledgeStatement } from '../db/queues.js';
import { booleanOf, integerOf, textOf } from '../db/row.js';
import { classificationsOf, SchedulerDisabledError } from '../db/schedulers.js';
import { findSourceStampIn, type SourceStamp } from '../db/sourcestamps.js';
import type { Transaction } from '../db/transaction.js';
import { wallSeconds, type Clock } from '../runtime/clock.js';
import type { EventWriter } from './event-writer.js';
import { buildsetEvents, countBuildsetEvents } from './events.js';

/** A buildset of an effect: a stamp is the id of one that exists, or what identifies it. */
export interface BuildsetDraft extends Omit<NewBuildset, 'sourcestampids' | 'schedulerid' | 'submittedAt'> {
  readonly stamps: readonly (number | { readonly stamp: SourceStamp; readonly spareId: number })[];
}

/** The writes of one effect, collected before they are committed together. */
export class Effect {
  /** State key to JSON text. */
  readonly state = new Map<string, string>();
  readonly buildsets: BuildsetDraft[] = [];
  /** Change id to importance. */
  readonly classified = new Map<number, boolean>();
  /** Classifications that are consumed. */
  readonly flushed: number[] = [];
  /** Messages of the scheduler's durable queue that are consumed. */
  readonly acknowledged: number[] = [];

  get isEmpty(): boolean {
    const writes = this.state.size + this.buildsets.length + this.classified.size;
    return writes + this.flushed.length + this.acknowledged.length === 0;
  }
}

/** On whose behalf an effect is committed. */
export interface Actor {
  readonly name: string;
  readonly objectid: number;
  readonly claim: Claim;
  /** Aborts when the claim is lost; then nothing is tried again. */
  readonly signal: AbortSignal;
}

/** Rows that an effect consumed were not all there: somebody else consumed them. Nothing was done. */
export class EffectConflictError extends StandinError {
  constructor(name: string, what: string) {
    super('effect-conflict', `an effect of scheduler '${name}' found fewer ${what} than it had read`);
  }
}

export class EffectCommitter {
  protected readonly db: DatabaseConnector;
  protected readonly writer: EventWriter;
  readonly #clock: Clock;
  #operations = 0;

  constructor(db: DatabaseConnector, writer: EventWriter, clock: Clock) {
    this.db = db;
    this.writer = writer;
    this.#clock = clock;
  }

  /**
   * Commits all of an effect, once.
   * @throws ClaimLostError, SchedulerDisabledError, EffectConflictError, or DatabaseError when the trying ended.
   */
  async commit(actor: Actor, effect: Effect): Promise<void> {
    const { claim } = actor;
    const eventIds = await this.writer.takeIds(countEvents(effect));
    const operation = `${claim.masterid}.${claim.incarnation}.${claim.serviceid}.${++this.#operations}`;
    await this.db.database.transaction((tx) => this.write(tx, actor, effect, eventIds), {
      operation,
      retriesUniqueViolation: effect.buildsets.some((buildset) =>
        buildset.stamps.some((stamp) => typeof stamp !== 'number'),
      ),
      signal: actor.signal,
    });
  }

  /** The three batches of one attempt, save COMMIT. */
  protected async write(
    tx: Transaction,
    actor: Actor,
    effect: Effect,
    eventIds: readonly number[],
  ): Promise<null> {
    const [fence] = await tx.run([this.db.schedulers.fenceStatement(actor.claim)]);
    const { enabled } = this.db.schedulers.checkFence(
      fence,
      actor.claim,
      `an effect of scheduler '${actor.name}'`,
    );
    if (!enabled && effect.buildsets.length > 0) throw new SchedulerDisabledError(actor.name);
    const now = wallSeconds(this.#clock);
    const buildsets: NewBuildset[] = [];
    for (const draft of effect.buildsets) {
      const sourcestampids = await resolveStamps(tx, draft, now);
      buildsets.push({ ...draft, sourcestampids, schedulerid: actor.claim.serviceid, submittedAt: now });
    }
    await this.#consume(tx, actor, effect, [
      ...buildsets.flatMap(insertBuildsetStatements),
      ...[...effect.state].map(([key, json]) => this.db.state.setStatement(actor.objectid, key, json)),
      ...[...effect.classified].map(([id, important]) =>
        this.db.schedulers.classifyStatement(actor.claim.serviceid, id, important),
      ),
    ]);
    this.writer.announce(
      tx,
      buildsets.flatMap((buildset) => buildsetEvents(buildset, actor.name)),
      eventIds,
    );
    return null;
  }

  /** The second batch: the writes, then the deletions, whose counts must be those of the rows read. */
  async #consume(tx: Transaction, actor: Actor, effect: Effect, writes: readonly Statement[]): Promise<void> {
    const consumed: { readonly what: string; readonly count: number; readonly statement: Statement }[] = [];
    const { flushed, acknowledged } = effect;
    if (flushed.length > 0) {
      const statement = this.db.schedulers.flushStatement(actor.claim.serviceid, flushed);
      consumed.push({ what: 'classifications', count: flushed.length, statement });
    }
    if (acknowledged.length > 0) {
      consumed.push({
        what: 'messages',
        count: acknowledged.length,
        statement: acknowledgeStatement(acknowledged),
      });
    }
    if (writes.length + consumed.length === 0) return;
    const results = await tx.run([...writes, ...consumed.map(({ statement }) => statement)]);
    for (const [i, { what, count }] of consumed.entries()) {
      const deleted = present(results[writes.length + i], 'deletion').changes;
      if (deleted !== count) throw new EffectConflictError(actor.name, what);
    }
  }

  /** Reads one state value under the fence: the last committed one, or a refusal. The JSON text, or null. */
  async readState(actor: Actor, key: string): Promise<string | null> {
    const rows = await this.#fencedRead(
      actor,
      this.db.state.getStatement(actor.objectid, key),
      `reading '${key}'`,
    );
    return rows[0] === undefined ? null : textOf(rows[0], 'value_json');
  }

  /** The classifications of a scheduler under the fence: change id to importance, ascending. */
  async readClassifications(actor: Actor): Promise<ReadonlyMap<number, boolean>> {
    const statement = this.db.schedulers.classificationsStatement(actor.claim.serviceid);
    const rows = await this.#fencedRead(actor, statement, 'reading classifications');
    return classificationsOf(rows);
  }

  /** Whether the scheduler has a buildset with this trigger key, under the fence. */
  async hasBuilt(actor: Actor, triggerKey: string): Promise<boolean> {
    const values = [actor.claim.serviceid, triggerKey];
    const sql = 'SELECT id FROM buildsets WHERE schedulerid = ? AND trigger_key = ?';
    return (await this.#fencedRead(actor, { sql, values }, 'reading buildsets')).length > 0;
  }

  /** When the scheduler was last enabled or disabled, under the fence: seconds since the epoch, 0 = never. */
  async readSwitchedAt(actor: Actor): Promise<number> {
    const statement = this.db.schedulers.switchedAtStatement(actor.claim.serviceid);
    const rows = await this.#fencedRead(actor, statement, 'reading when it was enabled');
    return integerOf(present(rows[0], 'scheduler'), 'switched_at');
  }

  /** A page of the classified changes of a scheduler, under the fence: by id, after `afterId`. */
  async readWaitingChanges(
    actor: Actor,
    page: { readonly afterId: number; readonly limit: number },
  ): Promise<readonly { readonly change: Change; readonly important: boolean }[]> {
    const statement = this.db.schedulers.waitingChangesStatement(actor.claim.serviceid, page);
    const rows = await this.#fencedRead(actor, statement, 'reading classifications');
    return rows.map((row) => ({ change: changeOfRow(row), important: booleanOf(row, 'important') }));
  }

  async #fencedRead(actor: Actor, statement: Statement, what: string): Promise<readonly Row[]> {
    const { schedulers, database } = this.db;
    const batch = [schedulers.fenceStatement(actor.claim), statement];
    const [fence, found] = await database.batch(batch, { signal: actor.signal });
    schedulers.checkFence(fence, actor.claim, `${what} of scheduler '${actor.name}'`);
    return present(found, 'result').rows;
  }
}

/** The ids of a draft's stamps, inserted where they are new. */
export async function resolveStamps(
  tx: Transaction,
  draft: BuildsetDraft,
  now: number,
): Promise<readonly number[]> {
  const sourcestampids: number[] = [];
  for (const stamp of draft.stamps) {
    sourcestampids.push(
      typeof stamp === 'number' ? stamp : await findSourceStampIn(tx, stamp.stamp, stamp.spareId, now),
    );
  }
  return sourcestampids;
}

function countEvents(effect: Effect): number {
  return effect.buildsets.reduce(
    (count, buildset) => count + countBuildsetEvents(buildset.requests.length),
    0,
  );
}
