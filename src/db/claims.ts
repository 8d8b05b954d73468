// Clustered services in the database: who may act for a scheduler or a change source. One protocol, and tables of one shape.
//
// The row of a service keeps its last owner (masterid, incarnation), an epoch that grows with each claim, and whether that
// owner's claim has ended (`is_free`). It is never deleted or reset. The link (`scheduler_masters`, `changesource_masters`)
// is what the outside sees; it is gone as soon as its master is inactive, which ends all effects but not the claim.
//
// Everything that may not run beside an effect takes the row's lock first: the fence, claim and release.
// @source buildbot master/buildbot/db/schedulers.py, master/buildbot/db/changesources.py

import { present } from '../core/assert.js';
import { StandinError } from '../core/errors.js';
import type { Database } from './database.js';
import type { Row, Statement, StatementResult } from './driver.js';
import type { IdAllocator } from './ids.js';
import { booleanOf, integerOf, integerOrNull, placeholders, textOf } from './row.js';
import type { Transaction } from './transaction.js';

/** What a service that is configured on several masters and active on one may be. */
export type ServiceKind = 'scheduler' | 'changesource';

/** A clustered service as its row shows it. */
export interface Service {
  readonly id: number;
  readonly name: string;
  /** Always true for a change source, which nobody can disable. */
  readonly enabled: boolean;
  /** The master that is linked to it, or null. */
  readonly masterid: number | null;
}

/** A service as it is announced. */
export interface RevisedService extends Service {
  /** Grows whenever one of the others changes. */
  readonly revision: number;
}

/** One incarnation of one master: what owns claims. */
export interface Owner {
  readonly masterid: number;
  readonly incarnation: number;
}

/** The right to act for a service: this very incarnation of this master, in this epoch. */
export interface Claim extends Owner {
  readonly serviceid: number;
  readonly epoch: number;
}

/** The last owner of a service as an observer sees it. */
export interface Ownership {
  readonly serviceid: number;
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

/** A service whose claim has ended. */
export interface FreedService {
  readonly serviceid: number;
  readonly name: string;
  readonly enabled: boolean;
}

/** The claim has ended, or may have: whoever gets this stops acting for the service. */
export class ClaimLostError extends StandinError {
  constructor(what: string) {
    super('claim-lost', `${what} was refused: its claim has ended`);
  }
}

/** Names that differ between the kinds. */
interface Names {
  readonly kind: ServiceKind;
  readonly table: 'schedulers' | 'changesources';
  readonly links: 'scheduler_masters' | 'changesource_masters';
  /** The column of `links`. */
  readonly id: 'schedulerid' | 'changesourceid';
}

export const SERVICE_NAMES: Readonly<Record<ServiceKind, Names>> = {
  scheduler: { kind: 'scheduler', table: 'schedulers', links: 'scheduler_masters', id: 'schedulerid' },
  changesource: {
    kind: 'changesource',
    table: 'changesources',
    links: 'changesource_masters',
    id: 'changesourceid',
  },
};

export abstract class ClaimsConnector {
  protected readonly database: Database;
  protected readonly ids: IdAllocator;
  protected readonly names: Names;
  /** Selects a Service; needs its WHERE. */
  readonly #select: string;

  constructor(database: Database, ids: IdAllocator, kind: ServiceKind) {
    this.database = database;
    this.ids = ids;
    this.names = SERVICE_NAMES[kind];
    const { table, links, id } = this.names;
    this.#select = `SELECT s.id, s.name, s.enabled, s.revision, l.masterid FROM ${table} s LEFT JOIN ${links} l ON l.${id} = s.id`;
  }

  protected async getService(id: number): Promise<Service | null> {
    const statement = { sql: `${this.#select} WHERE s.id = ?`, values: [id] };
    const row = (await this.database.read([statement]))[0]?.rows[0];
    return row === undefined ? null : serviceOf(row);
  }

  /** These services as the transaction sees them, by id. */
  async getServicesIn(tx: Transaction, ids: readonly number[]): Promise<readonly RevisedService[]> {
    if (ids.length === 0) return [];
    const rows = await tx.all(`${this.#select} WHERE s.id IN ${placeholders(ids.length)} ORDER BY s.id`, ids);
    return rows.map((row) => ({ ...serviceOf(row), revision: integerOf(row, 'revision') }));
  }

  /** The statement that counts as `linked` the services that this master owned last. */
  countOwnedStatement(masterid: number): Statement {
    const sql = `SELECT COUNT(*) AS linked FROM ${this.names.table} WHERE owner_masterid = ?`;
    return { sql, values: [masterid] };
  }

  /** By id; `active` = has a link, `masterid` = linked to that master; both must hold. */
  protected async getServices(wanted: {
    readonly active?: boolean;
    readonly masterid?: number;
  }): Promise<readonly Service[]> {
    const conditions = ['1 = 1'];
    if (wanted.active !== undefined) conditions.push(`l.masterid IS ${wanted.active ? 'NOT NULL' : 'NULL'}`);
    if (wanted.masterid !== undefined) conditions.push('l.masterid = ?');
    const sql = `${this.#select} WHERE ${conditions.join(' AND ')} ORDER BY s.id`;
    const values = wanted.masterid === undefined ? [] : [wanted.masterid];
    return present((await this.database.read([{ sql, values }]))[0], 'services').rows.map(serviceOf);
  }

  /** The statement whose rows `ownershipOf` reads: everything that decides claims, for these services, in one go. */
  ownershipStatement(ids: readonly number[]): Statement {
    const { table, links, id } = this.names;
    return {
      sql: `SELECT s.id, s.enabled, s.is_free, s.epoch, s.owner_masterid, s.owner_incarnation,
              COALESCE(e.last_beat, m.beat) AS owner_beat, m.last_active AS master_last_active, l.masterid AS linked_masterid
            FROM ${table} s
            LEFT JOIN masters m ON m.id = s.owner_masterid
            LEFT JOIN master_incarnations e ON e.masterid = s.owner_masterid AND e.incarnation = s.owner_incarnation
            LEFT JOIN ${links} l ON l.${id} = s.id
            WHERE s.id IN ${placeholders(ids.length)} ORDER BY s.id`,
      values: ids,
    };
  }

  /**
   * Claims a service that is free, or that this incarnation owns already (the epoch grows then too).
   * Null when somebody else owns it or this incarnation is not active any more.
   */
  async claimIn(
    tx: Transaction,
    serviceid: number,
    masterid: number,
    incarnation: number,
  ): Promise<Claim | null> {
    const { table, links, id } = this.names;
    const [own, row] = await tx.run([
      {
        sql: 'SELECT id FROM masters WHERE id = ? AND incarnation = ? AND active = 1',
        values: [masterid, incarnation],
      },
      this.#locked(serviceid),
    ]);
    const service = row?.rows[0];
    if (own?.rows.length !== 1 || service === undefined) return null;
    if (!booleanOf(service, 'is_free') && !isOwner(service, { masterid, incarnation })) return null;
    const epoch = integerOf(service, 'epoch') + 1;
    await tx.run([
      {
        sql: `UPDATE ${table} SET owner_masterid = ?, owner_incarnation = ?, epoch = ?, is_free = 0,
                revision = revision + 1 WHERE id = ?`,
        values: [masterid, incarnation, epoch, serviceid],
      },
      {
        sql: `INSERT INTO ${links} (${id}, masterid) VALUES (?, ?)
              ON CONFLICT (${id}) DO UPDATE SET masterid = excluded.masterid`,
        values: [serviceid, masterid],
      },
    ]);
    return { serviceid, masterid, incarnation, epoch };
  }

  /** Ends a claim after its owner has quiesced; false when it is somebody else's by now. Whoever's else it is stays. */
  async releaseIn(tx: Transaction, claim: Claim): Promise<boolean> {
    const [row] = await tx.run([this.#locked(claim.serviceid)]);
    const service = row?.rows[0];
    if (service === undefined || booleanOf(service, 'is_free') || !isOwner(service, claim)) return false;
    await tx.run([...this.#free(claim.serviceid, claim.masterid)]);
    return true;
  }

  /** Ends all claims of an incarnation: its own, after it has quiesced, or one that has been unable to renew. */
  async freeOwnedIn(tx: Transaction, { masterid, incarnation }: Owner): Promise<readonly FreedService[]> {
    const { table } = this.names;
    const ownedBy = 'owner_masterid = ? AND owner_incarnation = ? AND is_free = 0';
    const values = [masterid, incarnation];
    const owned = await tx.all(`SELECT id, name, enabled FROM ${table} WHERE ${ownedBy} ORDER BY id`, values);
    const freed = owned.map((row) => ({
      serviceid: integerOf(row, 'id'),
      name: textOf(row, 'name'),
      enabled: booleanOf(row, 'enabled'),
    }));
    const statements = freed.flatMap(({ serviceid }) => [
      this.#locked(serviceid),
      ...this.#free(serviceid, masterid),
    ]);
    if (statements.length > 0) await tx.run(statements);
    return freed;
  }

  /** The statement that opens every effect: it locks the row and shows who owns it. `checkFence` judges its result. */
  fenceStatement(claim: Claim): Statement {
    const { table, links, id } = this.names;
    return {
      sql: `SELECT s.name, s.enabled, s.is_free, s.epoch, s.owner_masterid, s.owner_incarnation, l.masterid AS linked_masterid
            FROM ${table} s LEFT JOIN ${links} l ON l.${id} = s.id WHERE s.id = ?`,
      values: [claim.serviceid],
      lock: this.lock(claim.serviceid),
    };
  }

  /** @throws ClaimLostError unless the claim stands; returns whether the service is enabled. */
  checkFence(result: StatementResult | undefined, claim: Claim, what: string): { readonly enabled: boolean } {
    const row = present(result?.rows[0], `${this.names.kind} ${claim.serviceid}`);
    const stands =
      isOwner(row, claim) &&
      integerOf(row, 'epoch') === claim.epoch &&
      !booleanOf(row, 'is_free') &&
      integerOrNull(row, 'linked_masterid') === claim.masterid;
    if (!stands) throw new ClaimLostError(what);
    return { enabled: booleanOf(row, 'enabled') };
  }

  /** The name of the lock of a service's row. */
  protected lock(serviceid: number): string {
    return `row:${this.names.table}:${serviceid}`;
  }

  #locked(serviceid: number): Statement {
    return {
      sql: `SELECT is_free, epoch, owner_masterid, owner_incarnation FROM ${this.names.table} WHERE id = ?`,
      values: [serviceid],
      lock: this.lock(serviceid),
    };
  }

  /** Sets a service free and deletes its link to this master; only with a link that changes what is announced of it. */
  #free(serviceid: number, masterid: number): readonly Statement[] {
    const { table, links, id } = this.names;
    const linked = `FROM ${links} WHERE ${id} = ? AND masterid = ?`;
    return [
      {
        sql: `UPDATE ${table} SET is_free = 1, revision = revision + (SELECT COUNT(*) ${linked}) WHERE id = ?`,
        values: [serviceid, masterid, serviceid],
      },
      { sql: `DELETE ${linked}`, values: [serviceid, masterid] },
    ];
  }
}

/** What the rows of `ownershipStatement` say. */
export function ownershipOf(row: Row): Ownership {
  return {
    serviceid: integerOf(row, 'id'),
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

/** Services by kind, their ids ascending. */
export type ServiceIds = Readonly<Record<ServiceKind, readonly number[]>>;

/** Deletes all links of a master that becomes inactive; returns which services lose theirs. */
export async function unlinkIn(tx: Transaction, masterid: number): Promise<ServiceIds> {
  const { scheduler, changesource } = SERVICE_NAMES;
  const kinds = [scheduler, changesource];
  const found = await tx.run(
    kinds.map(({ links, id }) => ({
      sql: `SELECT ${id} AS id FROM ${links} WHERE masterid = ? ORDER BY ${id}`,
      values: [masterid],
    })),
  );
  const unlinked = found.map(({ rows }) => rows.map((row) => integerOf(row, 'id')));
  const statements = kinds.flatMap(({ table, links }, i) => [
    { sql: `DELETE FROM ${links} WHERE masterid = ?`, values: [masterid] },
    ...(unlinked[i] ?? []).map((id) => ({
      sql: `UPDATE ${table} SET revision = revision + 1 WHERE id = ?`,
      values: [id],
    })),
  ]);
  if (unlinked.some((ids) => ids.length > 0)) await tx.run(statements);
  return { scheduler: unlinked[0] ?? [], changesource: unlinked[1] ?? [] };
}

function isOwner(row: Row, { masterid, incarnation }: Owner): boolean {
  return (
    integerOrNull(row, 'owner_masterid') === masterid &&
    integerOrNull(row, 'owner_incarnation') === incarnation
  );
}

function serviceOf(row: Row): Service {
  return {
    id: integerOf(row, 'id'),
    name: textOf(row, 'name'),
    enabled: booleanOf(row, 'enabled'),
    masterid: integerOrNull(row, 'masterid'),
  };
}
