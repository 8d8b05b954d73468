// The schedulers connector: clustered services (claims.ts says who may act for one), and what each has yet to build.
// @source buildbot master/buildbot/db/schedulers.py

import { present } from '../core/assert.js';
import { StandinError } from '../core/errors.js';
import { sha1 } from '../core/digest.js';
import type { Filter } from '../core/routing-key.js';
import { changeColumns } from './changes.js';
import { ClaimsConnector, type Service } from './claims.js';
import type { Database } from './database.js';
import type { Row, SqlValue, Statement } from './driver.js';
import { findOrInsert } from './find-or-insert.js';
import type { IdAllocator } from './ids.js';
import { queueRegistration, REGISTRATION_GUARD } from './queues.js';
import { booleanOf, integerOf, placeholders } from './row.js';
import type { Transaction } from './transaction.js';

export type Scheduler = Service;

/** Of which changes classifications are wanted: what is not given is not looked at; a null branch is one. */
export interface ClassificationFilter {
  readonly branch?: string | null;
  readonly repository?: string;
  readonly project?: string;
  readonly codebase?: string;
}

/** The scheduler is disabled; nothing was done. */
export class SchedulerDisabledError extends StandinError {
  constructor(name: string) {
    super('scheduler-disabled', `scheduler '${name}' is disabled`);
  }
}

export class SchedulersConnector extends ClaimsConnector {
  constructor(database: Database, ids: IdAllocator) {
    super(database, ids, 'scheduler');
  }

  /**
   * The id of the scheduler of this name. A new one is inserted, enabled and free, and with it a durable queue for each of
   * `filters`, so that nothing is missed from then on. One that was there before gets those of its queues that it lacks.
   */
  async findSchedulerId(name: string, filters: readonly Filter[] = []): Promise<number> {
    const hash = sha1(name);
    const queueIds = await this.ids.take('queues', filters.length);
    const registrations = (id: number): readonly Statement[] => [
      REGISTRATION_GUARD,
      ...filters.map((filter, i) =>
        queueRegistration(present(queueIds[i], 'queue id'), schedulerQueueName(id, filter), filter),
      ),
    ];
    let isNew = false;
    const id = await findOrInsert(this.database, this.ids, {
      table: 'schedulers',
      find: { sql: 'SELECT id FROM schedulers WHERE name_hash = ?', values: [hash] },
      insert: { name, name_hash: hash },
      alongside: (newId) => {
        isNew = true;
        return filters.length > 0 ? registrations(newId) : [];
      },
    });
    if (!isNew && !(await this.#hasQueues(filters.map((filter) => schedulerQueueName(id, filter)))))
      await this.database.batch(registrations(id));
    return id;
  }

  /** Whether all of these queues are registered: mostly they are, and a registration stands in the way of announcements. */
  async #hasQueues(names: readonly string[]): Promise<boolean> {
    if (names.length === 0) return true;
    const sql = `SELECT COUNT(*) AS registered FROM queues WHERE name IN ${placeholders(names.length)}`;
    const [found] = await this.database.read([{ sql, values: names }]);
    return integerOf(present(found?.rows[0], 'a count'), 'registered') === new Set(names).size;
  }

  /** Enables or disables, at `now` (s since the epoch); false when it was so already or does not exist. */
  async enableIn(tx: Transaction, schedulerid: number, enabled: boolean, now: number): Promise<boolean> {
    await tx.all('SELECT id FROM schedulers WHERE id = ?', [schedulerid], this.lock(schedulerid));
    const sql = `UPDATE schedulers SET enabled = ?, switched_at = ?, revision = revision + 1
                 WHERE id = ? AND enabled <> ?`;
    return (await tx.change(sql, [Number(enabled), now, schedulerid, Number(enabled)])) > 0;
  }

  /** The scheduler, or null. */
  getScheduler(schedulerid: number): Promise<Scheduler | null> {
    return this.getService(schedulerid);
  }

  /** All schedulers, by id; `active` = has a link, `masterid` = linked to that master; both must hold. */
  getSchedulers(wanted: { active?: boolean; masterid?: number } = {}): Promise<readonly Scheduler[]> {
    return this.getServices(wanted);
  }

  /** Which of the changes that wait for this scheduler are important: by change id, ascending. */
  async getChangeClassifications(
    schedulerid: number,
    filter: ClassificationFilter = {},
  ): Promise<ReadonlyMap<number, boolean>> {
    const statement = this.classificationsStatement(schedulerid, filter);
    return classificationsOf(present((await this.database.read([statement]))[0], 'classifications').rows);
  }

  /** Locks a scheduler's row and selects whether it is `enabled`: what opens every call from outside. */
  callStatement(schedulerid: number): Statement {
    return {
      sql: 'SELECT enabled FROM schedulers WHERE id = ?',
      values: [schedulerid],
      lock: this.lock(schedulerid),
    };
  }

  /** Selects when a scheduler was last enabled or disabled, as `switched_at` (s since the epoch, 0 = never). */
  switchedAtStatement(schedulerid: number): Statement {
    return { sql: 'SELECT switched_at FROM schedulers WHERE id = ?', values: [schedulerid] };
  }

  /** Selects `changeid` and `important` of the changes that wait for this scheduler, by id; see `classificationsOf`. */
  classificationsStatement(schedulerid: number, filter: ClassificationFilter = {}): Statement {
    const conditions: string[] = [];
    const values: SqlValue[] = [schedulerid];
    for (const column of ['branch', 'repository', 'project', 'codebase'] as const) {
      const wanted = filter[column];
      if (wanted === undefined) continue;
      conditions.push(wanted === null ? `c.${column} IS NULL` : `c.${column} = ?`);
      if (wanted !== null) values.push(wanted);
    }
    const join = conditions.length === 0 ? '' : 'JOIN changes c ON c.changeid = k.changeid ';
    const where = ['k.schedulerid = ?', ...conditions].join(' AND ');
    return {
      sql: `SELECT k.changeid, k.important FROM scheduler_changes k ${join}WHERE ${where} ORDER BY k.changeid`,
      values,
    };
  }

  /** A page of the same with the columns of the changes, which `changeOfRow` reads. */
  waitingChangesStatement(
    schedulerid: number,
    { afterId, limit }: { readonly afterId: number; readonly limit: number },
  ): Statement {
    return {
      sql: `SELECT s.important, ${changeColumns('c')} FROM scheduler_changes s JOIN changes c ON c.changeid = s.changeid
            WHERE s.schedulerid = ? AND s.changeid > ? ORDER BY s.changeid LIMIT ?`,
      values: [schedulerid, afterId, limit],
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

  /** Forgets every classification of a scheduler that has no use for any. */
  flushAllStatement(schedulerid: number): Statement {
    return { sql: 'DELETE FROM scheduler_changes WHERE schedulerid = ?', values: [schedulerid] };
  }
}

/** What the rows of `classificationsStatement` say. */
export function classificationsOf(rows: readonly Row[]): ReadonlyMap<number, boolean> {
  return new Map(rows.map((row) => [integerOf(row, 'changeid'), booleanOf(row, 'important')]));
}

/** The name of the durable queue in which what matches `filter` waits for a scheduler. */
export function schedulerQueueName(schedulerid: number, filter: Filter): string {
  return `scheduler:${schedulerid}:${filter.map((word) => word ?? '*').join('.')}`;
}
