// The schedulers connector: who may act for a scheduler, and what it has yet to build.
//
// A row keeps its last owner (masterid, incarnation), an epoch that grows with each claim, and whether that owner's claim
// has ended (`is_free`). It is never deleted or reset. The `scheduler_masters` link is what the outside sees; it is gone
// as soon as its master is inactive, which ends all effects but not the claim.
//
// Everything that may not run beside an effect takes the row's lock first: the fence, claim and release.
// @source buildbot master/buildbot/db/schedulers.py

import { present } from '../core/assert.js';
import { StandinError } from '../core/errors.js';
import { sha1 } from '../core/digest.js';
import type { Database } from './database.js';
import type { Row, Statement, StatementResult } from './driver.js';
import { findOrInsert } from './find-or-insert.js';
import type { IdAllocator } from './ids.js';
import { queueRegistration } from './queues.js';
import { booleanOf, integerOf, integerOrNull, placeholders, textOf } from './row.js';
import type { Transaction } from './transaction.js';
import type { Filter } from '../core/routing-key.js';

export interface Scheduler {
  readonly id: number;
  readonly name: string;
  readonly enabled: boolean;
  /** The master that is linked to it, or null. */
  readonly masterid: number | null;
}

/** The right to act for a scheduler: this very incarnation of this master, in this epoch. */
export interface Claim {
  readonly schedulerid: number;
  readonly masterid: number;
  readonly incarnation: number;
  readonly epoch: number;
}

/** The last owner of a scheduler as an observer sees it. */
export interface Ownership {
  readonly schedulerid: number;
  readonly enabled: boolean;
  readonly isFree: boolean;
  readonly epoch: number;
  readonly ownerMasterid: number | null;
  readonly ownerIncarnation: number | null;
  /** The last renewal of the owner's incarnation: it has not renewed as long as this stands still. */
  readonly ownerBeat: number | null;
  /** When the master last checked in, by its own wall clock (s): to be shown; it decides nothing. */
  readonly masterLastActive: number | null;
  /** The master that is linked to it, or null. */
  readonly linkedMasterid: number | null;
}

/** What the end of an incarnation changed. */
export interface Expiry {
  readonly masterName: string;
  /** Whether the master was marked active until now. */
  readonly wasActive: boolean;
  /** The schedulers that became free. */
  readonly freed: readonly {
    readonly schedulerid: number;
    readonly name: string;
    readonly enabled: boolean;
  }[];
}

/** The claim has ended, or may have: whoever gets this stops acting for the scheduler. */
export class ClaimLostError extends StandinError {
  constructor(what: string) {
    super('claim-lost', `${what} was refused: the claim on its scheduler has ended`);
  }
}

/** The scheduler is disabled; nothing was done. */
export class SchedulerDisabledError extends StandinError {
  constructor(name: string) {
    super('scheduler-disabled', `scheduler '${name}' is disabled`);
  }
}

export class SchedulersConnector {
  readonly #database: Database;
  readonly #ids: IdAllocator;

  constructor(database: Database, ids: IdAllocator) {
    this.#database = database;
    this.#ids = ids;
  }

  /**
   * The id of the scheduler of this name. A new one is inserted, enabled and free, and with it a durable queue for each of
   * `filters`, so that nothing is missed from then on.
   */
  findSchedulerId(name: string, filters: readonly Filter[] = []): Promise<number> {
    const hash = sha1(name);
    return this.#findOrInsert(name, hash, filters);
  }

  async #findOrInsert(name: string, hash: string, filters: readonly Filter[]): Promise<number> {
    const queueIds = await this.#ids.take('queues', filters.length);
    return findOrInsert(this.#database, this.#ids, {
      table: 'schedulers',
      find: { sql: 'SELECT id FROM schedulers WHERE name_hash = ?', values: [hash] },
      insert: { name, name_hash: hash },
      alongside: (id) =>
        filters.map((filter, i) =>
          queueRegistration(present(queueIds[i], 'queue id'), schedulerQueueName(id, filter), filter),
        ),
    });
  }

  /** Enables or disables; false when it was so already or does not exist. */
  async enableIn(tx: Transaction, schedulerid: number, enabled: boolean): Promise<boolean> {
    await tx.all('SELECT id FROM schedulers WHERE id = ?', [schedulerid], schedulerLock(schedulerid));
    const sql = 'UPDATE schedulers SET enabled = ? WHERE id = ? AND enabled <> ?';
    return (await tx.change(sql, [Number(enabled), schedulerid, Number(enabled)])) > 0;
  }

  /** The scheduler, or null. */
  async getScheduler(schedulerid: number): Promise<Scheduler | null> {
    const sql = `${SELECT_SCHEDULER} WHERE s.id = ?`;
    const row = (await this.#database.read([{ sql, values: [schedulerid] }]))[0]?.rows[0];
    return row === undefined ? null : schedulerOf(row);
  }

  /** `getScheduler` as part of a transaction. */
  async getSchedulerIn(tx: Transaction, schedulerid: number): Promise<Scheduler | null> {
    const row = await tx.one(`${SELECT_SCHEDULER} WHERE s.id = ?`, [schedulerid]);
    return row === null ? null : schedulerOf(row);
  }

  /** All schedulers, by id; `active` = has a link, `masterid` = linked to that master (which beats `active: true`). */
  async getSchedulers(wanted: { active?: boolean; masterid?: number } = {}): Promise<readonly Scheduler[]> {
    const rows = present(
      (await this.#database.read([{ sql: `${SELECT_SCHEDULER} ORDER BY s.id`, values: [] }]))[0],
      'rows',
    ).rows;
    return rows.map(schedulerOf).filter((scheduler) => {
      if (wanted.active !== undefined && wanted.active !== (scheduler.masterid !== null)) return false;
      return wanted.masterid === undefined || scheduler.masterid === wanted.masterid;
    });
  }

  /** The statement whose rows `ownershipOf` reads: everything that decides claims, for these schedulers, in one go. */
  ownershipStatement(schedulerids: readonly number[]): Statement {
    return {
      sql: `SELECT s.id, s.enabled, s.is_free, s.epoch, s.owner_masterid, s.owner_incarnation,
              COALESCE(e.last_beat, m.beat) AS owner_beat, m.last_active AS master_last_active, l.masterid AS linked_masterid
            FROM schedulers s
            LEFT JOIN masters m ON m.id = s.owner_masterid
            LEFT JOIN master_incarnations e ON e.masterid = s.owner_masterid AND e.incarnation = s.owner_incarnation
            LEFT JOIN scheduler_masters l ON l.schedulerid = s.id
            WHERE s.id IN ${placeholders(schedulerids.length)} ORDER BY s.id`,
      values: schedulerids,
    };
  }

  /**
   * Claims a scheduler that is free, or that this incarnation owns already (the epoch grows then too).
   * Null when somebody else owns it or this incarnation is not active any more.
   */
  async claimIn(
    tx: Transaction,
    schedulerid: number,
    masterid: number,
    incarnation: number,
  ): Promise<Claim | null> {
    const [own, row] = await tx.run([
      {
        sql: 'SELECT id FROM masters WHERE id = ? AND incarnation = ? AND active = 1',
        values: [masterid, incarnation],
      },
      lockedScheduler(schedulerid),
    ]);
    const scheduler = row?.rows[0];
    if (own?.rows.length !== 1 || scheduler === undefined) return null;
    if (!booleanOf(scheduler, 'is_free') && !isOwner(scheduler, masterid, incarnation)) return null;
    const epoch = integerOf(scheduler, 'epoch') + 1;
    await tx.run([
      {
        sql: 'UPDATE schedulers SET owner_masterid = ?, owner_incarnation = ?, epoch = ?, is_free = 0 WHERE id = ?',
        values: [masterid, incarnation, epoch, schedulerid],
      },
      {
        sql: `INSERT INTO scheduler_masters (schedulerid, masterid) VALUES (?, ?)
              ON CONFLICT (schedulerid) DO UPDATE SET masterid = excluded.masterid`,
        values: [schedulerid, masterid],
      },
    ]);
    return { schedulerid, masterid, incarnation, epoch };
  }

  /** Ends a claim after its owner has quiesced; false when it is somebody else's by now. Whoever's else it is stays. */
  async releaseIn(tx: Transaction, claim: Claim): Promise<boolean> {
    const [row] = await tx.run([lockedScheduler(claim.schedulerid)]);
    const scheduler = row?.rows[0];
    if (
      scheduler === undefined ||
      booleanOf(scheduler, 'is_free') ||
      !isOwner(scheduler, claim.masterid, claim.incarnation)
    ) {
      return false;
    }
    await tx.run([
      { sql: 'UPDATE schedulers SET is_free = 1 WHERE id = ?', values: [claim.schedulerid] },
      {
        sql: 'DELETE FROM scheduler_masters WHERE schedulerid = ? AND masterid = ?',
        values: [claim.schedulerid, claim.masterid],
      },
    ]);
    return true;
  }

  /**
   * Ends all claims of an incarnation that has been unable to renew for a whole lease, and sets it inactive, so that a
   * renewal that is still on its way finds nothing. Null when it has renewed since `seenBeat` after all; else the
   * schedulers that became free, and whether its master was active until now.
   */
  async expireIn(
    tx: Transaction,
    owner: { readonly masterid: number; readonly incarnation: number; readonly seenBeat: number },
  ): Promise<Expiry | null> {
    const sql = `SELECT m.name, m.incarnation, m.active, COALESCE(e.last_beat, m.beat) AS beat FROM masters m
                 LEFT JOIN master_incarnations e ON e.masterid = m.id AND e.incarnation = ? WHERE m.id = ?`;
    const values = [owner.incarnation, owner.masterid];
    const master = present(await tx.one(sql, values, `row:masters:${owner.masterid}`), 'master of an owner');
    const isSame = integerOf(master, 'incarnation') === owner.incarnation;
    const wasActive = isSame && booleanOf(master, 'active');
    if (integerOf(master, 'beat') !== owner.seenBeat) return null;
    const setInactive = { sql: 'UPDATE masters SET active = 0 WHERE id = ?', values: [owner.masterid] };
    if (isSame) await tx.run([setInactive]);
    return { masterName: textOf(master, 'name'), wasActive, freed: await this.freeOwnedIn(tx, owner) };
  }

  /** Ends all claims of an incarnation: its own, after it has quiesced, or one that has been unable to renew. */
  async freeOwnedIn(
    tx: Transaction,
    owner: { readonly masterid: number; readonly incarnation: number },
  ): Promise<Expiry['freed']> {
    const ownedBy = 'owner_masterid = ? AND owner_incarnation = ? AND is_free = 0';
    const values = [owner.masterid, owner.incarnation];
    const owned = await tx.all(
      `SELECT id, name, enabled FROM schedulers WHERE ${ownedBy} ORDER BY id`,
      values,
    );
    const freed = owned.map((row) => ({
      schedulerid: integerOf(row, 'id'),
      name: textOf(row, 'name'),
      enabled: booleanOf(row, 'enabled'),
    }));
    const statements = freed.flatMap(({ schedulerid: id }) => [
      lockedScheduler(id),
      {
        sql: 'DELETE FROM scheduler_masters WHERE schedulerid = ? AND masterid = ?',
        values: [id, owner.masterid],
      },
      { sql: `UPDATE schedulers SET is_free = 1 WHERE id = ? AND ${ownedBy}`, values: [id, ...values] },
    ]);
    if (statements.length > 0) await tx.run(statements);
    return freed;
  }

  /** The statement that opens every effect: it locks the row and shows who owns it. `checkFence` judges its result. */
  fenceStatement(claim: Claim): Statement {
    return {
      sql: `SELECT s.name, s.enabled, s.is_free, s.epoch, s.owner_masterid, s.owner_incarnation, l.masterid AS linked_masterid
            FROM schedulers s LEFT JOIN scheduler_masters l ON l.schedulerid = s.id WHERE s.id = ?`,
      values: [claim.schedulerid],
      lock: schedulerLock(claim.schedulerid),
    };
  }

  /** @throws ClaimLostError unless the claim stands; returns whether the scheduler is enabled. */
  checkFence(result: StatementResult | undefined, claim: Claim, what: string): { readonly enabled: boolean } {
    const row = present(result?.rows[0], `scheduler ${claim.schedulerid}`);
    const stands =
      isOwner(row, claim.masterid, claim.incarnation) &&
      integerOf(row, 'epoch') === claim.epoch &&
      !booleanOf(row, 'is_free') &&
      integerOrNull(row, 'linked_masterid') === claim.masterid;
    if (!stands) throw new ClaimLostError(what);
    return { enabled: booleanOf(row, 'enabled') };
  }

  /** Which changes wait for this scheduler, and whether they are important: by change id, ascending. */
  classificationsStatement(schedulerid: number): Statement {
    return {
      sql: 'SELECT changeid, important FROM scheduler_changes WHERE schedulerid = ? ORDER BY changeid',
      values: [schedulerid],
    };
  }

  /** Classifies a change, again or for the first time. */
  classifyStatement(schedulerid: number, changeid: number, important: boolean): Statement {
    return {
      sql: `INSERT INTO scheduler_changes (schedulerid, changeid, important) VALUES (?, ?, ?)
            ON CONFLICT (schedulerid, changeid) DO UPDATE SET important = excluded.important`,
      values: [schedulerid, changeid, Number(important)],
    };
  }

  /** Forgets exactly these classifications; its `changes` says how many there were. */
  flushStatement(schedulerid: number, changeids: readonly number[]): Statement {
    return {
      sql: `DELETE FROM scheduler_changes WHERE schedulerid = ? AND changeid IN ${placeholders(changeids.length)}`,
      values: [schedulerid, ...changeids],
    };
  }
}

/** The name of the durable queue in which what matches `filter` waits for a scheduler. */
export function schedulerQueueName(schedulerid: number, filter: Filter): string {
  return `scheduler:${schedulerid}:${filter.map((word) => word ?? '*').join('.')}`;
}

/** What the rows of `ownershipStatement` say. */
export function ownershipOf(row: Row): Ownership {
  return {
    schedulerid: integerOf(row, 'id'),
    enabled: booleanOf(row, 'enabled'),
    isFree: booleanOf(row, 'is_free'),
    epoch: integerOf(row, 'epoch'),
    ownerMasterid: integerOrNull(row, 'owner_masterid'),
    ownerIncarnation: integerOrNull(row, 'owner_incarnation'),
    ownerBeat: integerOrNull(row, 'owner_beat'),
    masterLastActive: integerOrNull(row, 'master_last_active'),
    linkedMasterid: integerOrNull(row, 'linked_masterid'),
  };
}

const SELECT_SCHEDULER = `SELECT s.id, s.name, s.enabled, l.masterid
  FROM schedulers s LEFT JOIN scheduler_masters l ON l.schedulerid = s.id`;

function schedulerLock(schedulerid: number): string {
  return `row:schedulers:${schedulerid}`;
}

function lockedScheduler(schedulerid: number): Statement {
  return {
    sql: 'SELECT is_free, epoch, owner_masterid, owner_incarnation FROM schedulers WHERE id = ?',
    values: [schedulerid],
    lock: schedulerLock(schedulerid),
  };
}

function isOwner(row: Row, masterid: number, incarnation: number): boolean {
  return (
    integerOrNull(row, 'owner_masterid') === masterid &&
    integerOrNull(row, 'owner_incarnation') === incarnation
  );
}

function schedulerOf(row: Row): Scheduler {
  return {
    id: integerOf(row, 'id'),
    name: textOf(row, 'name'),
    enabled: booleanOf(row, 'enabled'),
    masterid: integerOrNull(row, 'masterid'),
  };
}
