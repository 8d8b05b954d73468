// The masters connector: masters check in, others notice who stopped. A row is never deleted.
//
// A lease is (masterid, incarnation): each start takes a greater incarnation, each renewal raises `beat`, and whoever sees
// that an incarnation has been unable to renew may end it. `last_active` is kept and shown; it decides nothing.
// @source buildbot master/buildbot/db/masters.py

import { assert, present } from '../core/assert.js';
import { sha1 } from '../core/digest.js';
import { wallSeconds, type Clock } from '../runtime/clock.js';
import { masterBuildersStatement, namedBuilderOf, type NamedBuilder } from './builders.js';
import { SERVICE_NAMES, unlinkIn, type Owner, type ServiceIds } from './claims.js';
import type { Database } from './database.js';
import type { Row, Session, SqlValue, Statement } from './driver.js';
import { findOrInsert } from './find-or-insert.js';
import type { IdAllocator } from './ids.js';
import { HOUSEKEPT } from './leftovers.js';
import { LISTS } from './lists.js';
import { specClauses, type ResultSpec } from './result-spec.js';
import { booleanOf, integerOf, textOf } from './row.js';
import type { Transaction } from './transaction.js';

export interface Master {
  readonly id: number;
  readonly name: string;
  readonly active: boolean;
  /** When this master last checked in, by its own wall clock: seconds since the epoch. */
  readonly lastActive: number;
  readonly incarnation: number;
  readonly beat: number;
}

/** What was linked to a master that has become inactive. */
export interface Unlinked {
  readonly services: ServiceIds;
  readonly builders: readonly NamedBuilder[];
}

/** The end of an incarnation that others found unable to renew. */
export interface Expiry {
  readonly masterName: string;
  /** Whether the master was marked active until now. */
  readonly wasActive: boolean;
  readonly unlinked: Unlinked;
}

/** What it changed to mark a master as inactive. */
export interface MasterStop {
  /** Whether it was active until now. */
  readonly hasChanged: boolean;
  readonly incarnation: number;
  readonly unlinked: Unlinked;
}

/** What a renewal found. */
export type Renewal = 'renewed' | 'expired' | 'superseded';

const COLUMNS = 't.id, t.name, t.active, t.last_active, t.incarnation, t.beat';

export class MastersConnector {
  readonly #database: Database;
  readonly #ids: IdAllocator;
  readonly #clock: Clock;

  constructor(database: Database, ids: IdAllocator, clock: Clock) {
    this.#database = database;
    this.#ids = ids;
    this.#clock = clock;
  }

  /** The id of the master of this name (generally hostname:basedir); a new one is inserted as inactive. */
  async findMasterId(name: string): Promise<number> {
    const hash = sha1(name);
    return findOrInsert(this.#database, this.#ids, {
      table: 'masters',
      find: { sql: 'SELECT id FROM masters WHERE name_hash = ?', values: [hash] },
      insert: { name, name_hash: hash, active: 0, last_active: wallSeconds(this.#clock) },
    });
  }

  /**
   * Marks a master as active (it checks in: `last_active` is now) or inactive (its links are deleted; its claims do not
   * end by that). Returns whether the state changed; false for a master that does not exist.
   *
   * An inactive master that is marked active gets a new incarnation. Otherwise: A's lease is taken over and A set
   * inactive; somebody marks A active; A's renewal, stuck in the network until now, finds an active row; A believes again.
   */
  setMasterState(masterid: number, active: boolean): Promise<boolean> {
    return this.#database.transaction(
      async (tx) => {
        if (!active) return (await this.stopIn(tx, masterid)).hasChanged;
        const row = await lockedMaster(tx, masterid);
        if (row === null) return false;
        await tx.run([
          ...(booleanOf(row, 'active') ? [] : supersedeStatements('id = ?', [masterid])),
          {
            sql: 'UPDATE masters SET active = 1, last_active = ? WHERE id = ?',
            values: [wallSeconds(this.#clock), masterid],
          },
        ]);
        return !booleanOf(row, 'active');
      },
      { isIdempotent: true },
    );
  }

  /** Marks a master as inactive, and deletes its links, as part of a transaction; returns what that changed. */
  async stopIn(tx: Transaction, masterid: number): Promise<MasterStop> {
    const row = await lockedMaster(tx, masterid);
    if (row === null) return { hasChanged: false, incarnation: 0, unlinked: NOTHING_LINKED };
    const unlinked = await deactivateIn(tx, masterid);
    return { hasChanged: booleanOf(row, 'active'), incarnation: integerOf(row, 'incarnation'), unlinked };
  }

  /**
   * Sets an incarnation inactive that has been unable to renew for a whole lease, so that a renewal that is still on its
   * way finds nothing; one that is superseded is that already. Null when it has renewed since `seenBeat` after all.
   */
  async expireIn(tx: Transaction, owner: Owner & { readonly seenBeat: number }): Promise<Expiry | null> {
    const { masterid, incarnation, seenBeat } = owner;
    const sql = `SELECT m.name, m.incarnation, m.active, COALESCE(e.last_beat, m.beat) AS beat FROM masters m
                 LEFT JOIN master_incarnations e ON e.masterid = m.id AND e.incarnation = ? WHERE m.id = ?`;
    const look = async (lock?: string): Promise<Row> =>
      present(await tx.one(sql, [incarnation, masterid], lock), 'master of an owner');
    const seen = await look();
    if (integerOf(seen, 'beat') !== seenBeat) return null;
    const masterName = textOf(seen, 'name');
    // One that is superseded renews no more; its row is that of its living successor, which a slow observer would keep from
    // renewing.
    if (integerOf(seen, 'incarnation') !== incarnation)
      return { masterName, wasActive: false, unlinked: NOTHING_LINKED };
    const current = await look(`row:masters:${masterid}`);
    if (integerOf(current, 'beat') !== seenBeat) return null;
    const wasActive = booleanOf(current, 'active');
    return { masterName, wasActive, unlinked: await deactivateIn(tx, masterid) };
  }

  /** The master, or null. */
  async getMaster(masterid: number): Promise<Master | null> {
    const sql = `SELECT ${COLUMNS} FROM masters t WHERE t.id = ?`;
    const row = (await this.#database.read([{ sql, values: [masterid] }]))[0]?.rows[0];
    return row === undefined ? null : masterOf(row);
  }

  /** All masters, inactive ones too, or those that `spec` asks for; by id unless it says otherwise. @throws ResultSpecError */
  async getMasters(spec: ResultSpec = {}): Promise<readonly Master[]> {
    const { from, fields, key } = present(LISTS['masters'], 'the list of masters');
    const { where, order, page } = specClauses(spec, fields, key.column);
    const statement = {
      sql: `SELECT ${COLUMNS} FROM ${from} WHERE 1 = 1${where.sql}${order}${page.sql}`,
      values: [...where.values, ...page.values],
    };
    return present((await this.#database.read([statement]))[0], 'masters').rows.map(masterOf);
  }

  /** Forces housekeeping of all masters at the next start; only for scripts that run while no master does. */
  async setAllMastersActiveLongTimeAgo(): Promise<void> {
    await this.#database.batch([
      ...supersedeStatements('1 = 1', []),
      { sql: 'UPDATE masters SET active = 1, last_active = 0', values: [] },
    ]);
  }

  /** Begins a new life of this master, whatever its row says: active, with a greater incarnation, which is returned. */
  newIncarnation(masterid: number): Promise<number> {
    return this.#database.transaction((tx) => this.newIncarnationIn(tx, masterid), { isIdempotent: true });
  }

  /** `newIncarnation` as part of a transaction. */
  async newIncarnationIn(tx: Transaction, masterid: number): Promise<number> {
    const incarnation = await this.#supersede(tx, 'id = ?', [masterid]);
    assert(incarnation !== null, `master ${masterid} has no row`);
    return incarnation;
  }

  /** Begins a new life after the lease of `incarnation` was lost: null when somebody else has begun one (superseded). */
  rejoinIn(tx: Transaction, masterid: number, incarnation: number): Promise<number | null> {
    return this.#supersede(tx, 'id = ? AND incarnation = ?', [masterid, incarnation]);
  }

  async #supersede(tx: Transaction, condition: string, values: readonly SqlValue[]): Promise<number | null> {
    const sql = `UPDATE masters SET active = 1, last_active = ? WHERE ${condition} RETURNING incarnation`;
    const activate = { sql, values: [wallSeconds(this.#clock), ...values] };
    // The condition holds before the incarnation is raised, hence this order.
    const results = await tx.run([activate, ...supersedeStatements(condition, values)]);
    const row = results[0]?.rows[0];
    return row === undefined ? null : integerOf(row, 'incarnation') + 1;
  }

  /** Checks in: one statement, one round trip, on the caller's own session. @throws DatabaseError. */
  async renew(session: Session, masterid: number, incarnation: number): Promise<Renewal> {
    const renewal: Statement = {
      sql: `UPDATE masters SET beat = beat + 1, last_active = ?
            WHERE id = ? AND incarnation = ? AND active = 1`,
      values: [wallSeconds(this.#clock), masterid, incarnation],
    };
    const [renewed] = await session.run([renewal]);
    if (renewed?.changes === 1) return 'renewed';
    const [found] = await session.run([
      { sql: 'SELECT incarnation FROM masters WHERE id = ?', values: [masterid] },
    ]);
    return integerOf(present(found?.rows[0], `master ${masterid}`), 'incarnation') > incarnation
      ? 'superseded'
      : 'expired';
  }
}

function lockedMaster(tx: Transaction, masterid: number): Promise<Row | null> {
  const sql = 'SELECT active, incarnation FROM masters WHERE id = ?';
  return tx.one(sql, [masterid], `row:masters:${masterid}`);
}

/**
 * Raises the incarnation of masters, and keeps the last beat of those that end by that: who watches one of them can tell
 * that it has not renewed since, and need not begin to wait anew. What owns nothing any more is forgotten.
 */
function supersedeStatements(condition: string, values: readonly SqlValue[]): readonly Statement[] {
  return [
    {
      sql: `DELETE FROM master_incarnations WHERE masterid IN (SELECT id FROM masters WHERE ${condition})${OWNS_NOTHING}`,
      values,
    },
    {
      sql: `INSERT INTO master_incarnations (masterid, incarnation, last_beat)
            SELECT id, incarnation, beat FROM masters WHERE ${condition}`,
      values,
    },
    {
      sql: `UPDATE masters SET incarnation = incarnation + 1, beat = 0, housekept = ${HOUSEKEPT} WHERE ${condition}`,
      values,
    },
  ];
}

const NOTHING_LINKED: Unlinked = { services: { scheduler: [], changesource: [] }, builders: [] };

/** Sets a master inactive; its links go, its claims do not end by that. */
async function deactivateIn(tx: Transaction, masterid: number): Promise<Unlinked> {
  const [configured] = await tx.run([
    masterBuildersStatement(masterid),
    { sql: 'DELETE FROM builder_masters WHERE masterid = ?', values: [masterid] },
    { sql: `UPDATE masters SET active = 0, housekept = ${HOUSEKEPT} WHERE id = ?`, values: [masterid] },
  ]);
  const builders = present(configured, 'builders').rows.map(namedBuilderOf);
  return { services: await unlinkIn(tx, masterid), builders };
}

/** Holds for a row of `master_incarnations` that owns no service any more. */
const OWNS_NOTHING = Object.values(SERVICE_NAMES)
  .map(
    ({ table }) => ` AND NOT EXISTS (
      SELECT 1 FROM ${table} s WHERE s.owner_masterid = master_incarnations.masterid
        AND s.owner_incarnation = master_incarnations.incarnation AND s.is_free = 0)`,
  )
  .join('');

function masterOf(row: Row): Master {
  return {
    id: integerOf(row, 'id'),
    name: textOf(row, 'name'),
    active: booleanOf(row, 'active'),
    lastActive: integerOf(row, 'last_active'),
    incarnation: integerOf(row, 'incarnation'),
    beat: integerOf(row, 'beat'),
  };
}
