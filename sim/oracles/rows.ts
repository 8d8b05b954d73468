// Folds over committed rows that several oracles need: the schedulers table, who holds which master incarnation, which
// objects are schedulers, which buildset is whose. Each holds the rows as last committed, no older versions.

import { assert } from '../../src/core/assert.js';
import type { CommitHistoryEvent, ProcessId, Row, RowChange } from './history.js';

/** A row of `schedulers`. */
export interface SchedulerRow {
  readonly id: number;
  readonly name: string;
  readonly isEnabled: boolean;
  readonly ownerMasterId: number | null;
  readonly ownerIncarnation: number | null;
  readonly isFree: boolean;
}

/** The schedulers table as last committed. */
export class SchedulerRows {
  readonly #rows = new Map<number, SchedulerRow>();
  readonly #ids = new Map<string, number>();

  learn(commit: CommitHistoryEvent): void {
    for (const change of commit.rows) if (change.table === 'schedulers') this.learnRow(change);
  }

  /** @returns the row after `change`, or null when it was deleted. */
  learnRow(change: RowChange): SchedulerRow | null {
    if (change.row === null) {
      this.#rows.delete(integer(change.old ?? {}, 'id'));
      return null;
    }
    const row = readScheduler(change.row);
    this.#rows.set(row.id, row);
    this.#ids.set(row.name, row.id);
    return row;
  }

  byId(id: number): SchedulerRow | undefined {
    return this.#rows.get(id);
  }

  byName(name: string): SchedulerRow | undefined {
    const id = this.#ids.get(name);
    return id === undefined ? undefined : this.#rows.get(id);
  }

  /** The scheduler's name, or its id where no row is known. */
  nameOf(id: number): string {
    return this.#rows.get(id)?.name ?? `number ${id}`;
  }

  /** True when some row names this master incarnation as its last owner. */
  isOwner(masterId: number, incarnation: number): boolean {
    for (const row of this.#rows.values()) {
      if (row.ownerMasterId === masterId && row.ownerIncarnation === incarnation) return true;
    }
    return false;
  }
}

/** Which process took a master incarnation, and when that was last renewed. */
export interface Tenure {
  readonly process: ProcessId;
  readonly lastRenewalUs: number;
}

/**
 * Master incarnations: who took them (the process whose commit inserted the row of `masters` or raised its incarnation)
 * and when they were last renewed. Kept are the current one of each master and those that still own a scheduler.
 */
export class Tenures {
  readonly #byMaster = new Map<number, Map<number, Tenure>>();
  readonly #schedulers: SchedulerRows;

  constructor(schedulers: SchedulerRows) {
    this.#schedulers = schedulers;
  }

  learn(commit: CommitHistoryEvent): void {
    for (const change of commit.rows) if (change.table === 'masters') this.#learnRow(commit, change);
  }

  /** The last owner of `row`; undefined without one, or when nobody was seen to take that incarnation. */
  ownerOf(row: SchedulerRow): Tenure | undefined {
    if (row.ownerMasterId === null || row.ownerIncarnation === null) return undefined;
    return this.#byMaster.get(row.ownerMasterId)?.get(row.ownerIncarnation);
  }

  /** True when `process` took the incarnation that `row` names as its owner; whether the row is free is not asked. */
  isOwnedBy(row: SchedulerRow, process: ProcessId): boolean {
    const owner = this.ownerOf(row)?.process;
    return owner !== undefined && owner.node === process.node && owner.incarnation === process.incarnation;
  }

  #learnRow(commit: CommitHistoryEvent, { old, row }: RowChange): void {
    if (row === null) return;
    const masterId = integer(row, 'id');
    const incarnation = integer(row, 'incarnation');
    if (old === null || incarnation > integer(old, 'incarnation')) {
      this.#take(masterId, incarnation, { process: processOf(commit), lastRenewalUs: commit.atUs });
    } else if (integer(row, 'beat') > integer(old, 'beat')) {
      const tenures = this.#byMaster.get(masterId);
      const tenure = tenures?.get(incarnation);
      if (tenure !== undefined) tenures?.set(incarnation, { ...tenure, lastRenewalUs: commit.atUs });
    }
  }

  #take(masterId: number, incarnation: number, tenure: Tenure): void {
    const tenures = this.#byMaster.get(masterId) ?? new Map<number, Tenure>();
    this.#byMaster.set(masterId, tenures);
    for (const former of [...tenures.keys()]) {
      if (!this.#schedulers.isOwner(masterId, former)) tenures.delete(former);
    }
    tenures.set(incarnation, tenure);
  }
}

/** Objects (holders of state) that bear the name of a configured scheduler. */
export class SchedulerObjects {
  readonly #names: ReadonlySet<string>;
  readonly #byId = new Map<number, string>();

  constructor(names: readonly string[]) {
    this.#names = new Set(names);
  }

  learn(commit: CommitHistoryEvent): void {
    for (const { table, row } of commit.rows) {
      if (table !== 'objects' || row === null) continue;
      const name = textOrNull(row, 'name');
      if (name !== null && this.#names.has(name)) this.#byId.set(integer(row, 'id'), name);
    }
  }

  /** The scheduler whose state the object with this id holds. */
  schedulerOf(objectId: number): string | undefined {
    return this.#byId.get(objectId);
  }
}

/** Which scheduler each buildset is of: one number a buildset, since its changes may be written later than itself. */
export class BuildsetOwners {
  readonly #schedulerIds = new Map<number, number>();

  learn(commit: CommitHistoryEvent): void {
    for (const { table, row } of commit.rows) {
      if (table !== 'buildsets' || row === null) continue;
      const schedulerId = integerOrNull(row, 'schedulerid');
      if (schedulerId !== null) this.#schedulerIds.set(integer(row, 'id'), schedulerId);
    }
  }

  /** The id of the scheduler of this buildset; undefined when it is of none. */
  schedulerIdOf(buildsetId: number): number | undefined {
    return this.#schedulerIds.get(buildsetId);
  }
}

/** The process of a commit or of another event that names one. */
export function processOf(event: ProcessId): ProcessId {
  return { node: event.node, incarnation: event.incarnation };
}

/** The integer in `column`; asserts that there is one. */
export function integer(row: Row, column: string): number {
  const value = row[column];
  assert(typeof value === 'number', `the history has a row whose ${column} is no number`);
  return value;
}

/** The integer in `column`, or null when it is NULL or not there. */
export function integerOrNull(row: Row, column: string): number | null {
  const value = row[column];
  return typeof value === 'number' ? value : null;
}

/** The text in `column`, or null when it is NULL or not there. */
export function textOrNull(row: Row, column: string): string | null {
  const value = row[column];
  return typeof value === 'string' ? value : null;
}

function readScheduler(row: Row): SchedulerRow {
  return {
    id: integer(row, 'id'),
    name: textOrNull(row, 'name') ?? '',
    isEnabled: integer(row, 'enabled') !== 0,
    ownerMasterId: integerOrNull(row, 'owner_masterid'),
    ownerIncarnation: integerOrNull(row, 'owner_incarnation'),
    isFree: integer(row, 'is_free') !== 0,
  };
}
