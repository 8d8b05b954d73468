// Calls from outside: somebody forces a build, or a build triggers others. They commit on any master, whoever owns the
// scheduler, and touch none of its state.
//
// Each is one transaction: it locks the scheduler's row, so that no call slips past the one that disables it, and finds what
// the same call has done before: a call is done once for each (scheduler, call id), however often it is tried.

import { insertBuildsetStatements, type NewBuildset } from '../db/buildsets.js';
import type { DatabaseConnector } from '../db/connector.js';
import type { Row } from '../db/driver.js';
import { booleanOf, integerOf, integerOrNull } from '../db/row.js';
import { SchedulerDisabledError } from '../db/schedulers.js';
import type { Transaction } from '../db/transaction.js';
import { wallSeconds, type Clock } from '../runtime/clock.js';
import { resolveStamps, type BuildsetDraft } from './effects.js';
import type { EventWriter } from './event-writer.js';
import { buildsetEvents, type Event } from './events.js';

/** The scheduler that is called. */
export interface Called {
  readonly schedulerid: number;
  readonly name: string;
}

/** The ids of a buildset and, by builder id, of its requests. */
export interface CalledBuildset {
  readonly bsid: number;
  readonly brids: ReadonlyMap<number, number>;
}

export class CallCommitter {
  readonly #db: DatabaseConnector;
  readonly #writer: EventWriter;
  readonly #clock: Clock;

  constructor(db: DatabaseConnector, writer: EventWriter, clock: Clock) {
    this.#db = db;
    this.#writer = writer;
    this.#clock = clock;
  }

  /**
   * Adds the buildset of a call, or finds the one that its trigger key has added before.
   * @throws SchedulerDisabledError, or DatabaseError when the trying ended
   */
  async addBuildset(
    called: Called,
    draft: BuildsetDraft & { readonly triggerKey: string },
  ): Promise<CalledBuildset> {
    const eventIds = await this.#writer.takeIds(draft.requests.length + 1);
    const requests = new Map(draft.requests.map(({ brid, builderid }) => [builderid, brid]));
    return this.#db.database.transaction(
      async (tx) => {
        const { isEnabled, rows } = await this.#lock(tx, called, draft.triggerKey);
        const [first] = rows;
        if (first !== undefined) return { bsid: integerOf(first, 'bsid'), brids: bridsOf(rows) };
        if (!isEnabled) throw new SchedulerDisabledError(called.name);
        const now = wallSeconds(this.#clock);
        const buildset: NewBuildset = {
          ...draft,
          sourcestampids: await resolveStamps(tx, draft, now),
          schedulerid: called.schedulerid,
          submittedAt: now,
        };
        await tx.run(insertBuildsetStatements(buildset));
        this.#writer.announce(tx, buildsetEvents(buildset, called.name), eventIds);
        return { bsid: draft.bsid, brids: requests };
      },
      { isIdempotent: true, retriesUniqueViolation: true },
    );
  }

  /** Announces an event to the scheduler's owner, once for this call id. @throws SchedulerDisabledError, DatabaseError */
  async announce(called: Called, callId: string, event: Event): Promise<void> {
    const eventIds = await this.#writer.takeIds(1);
    const operation = `call.${called.schedulerid}.${callId}`;
    const done = { sql: 'SELECT id FROM operations WHERE id = ?', values: [operation] };
    await this.#db.database.transaction(
      async (tx) => {
        const [scheduler, before] = await tx.run([
          this.#db.schedulers.callStatement(called.schedulerid),
          done,
        ]);
        if (before?.rows[0] !== undefined) return null;
        if (!isEnabled(scheduler?.rows[0])) throw new SchedulerDisabledError(called.name);
        const values = [operation, 'null', wallSeconds(this.#clock)];
        tx.tail({ sql: 'INSERT INTO operations (id, result, done_at) VALUES (?, ?, ?)', values });
        this.#writer.announce(tx, [event], eventIds);
        return null;
      },
      { isIdempotent: true, retriesUniqueViolation: true },
    );
  }

  async #lock(
    tx: Transaction,
    { schedulerid }: Called,
    triggerKey: string,
  ): Promise<{ readonly isEnabled: boolean; readonly rows: readonly Row[] }> {
    const sql = `SELECT b.id AS bsid, r.id AS brid, r.builderid FROM buildsets b
                 LEFT JOIN buildrequests r ON r.buildsetid = b.id
                 WHERE b.schedulerid = ? AND b.trigger_key = ? ORDER BY r.id`;
    const [scheduler, before] = await tx.run([
      this.#db.schedulers.callStatement(schedulerid),
      { sql, values: [schedulerid, triggerKey] },
    ]);
    return { isEnabled: isEnabled(scheduler?.rows[0]), rows: before?.rows ?? [] };
  }
}

function isEnabled(row: Row | undefined): boolean {
  return row !== undefined && booleanOf(row, 'enabled');
}

function bridsOf(rows: readonly Row[]): ReadonlyMap<number, number> {
  return new Map(
    rows.flatMap((row) => {
      const brid = integerOrNull(row, 'brid');
      return brid === null ? [] : [[integerOf(row, 'builderid'), brid] as const];
    }),
  );
}
