// What dead incarnations of masters have left behind: builds that seem to run, and build requests that stay claimed.
//
// It is found, not remembered: a build and an open claim name their incarnation, and that is dead when its master is
// inactive or in a later one. So whoever died half-way through the cleaning has lost nothing, and whoever comes second
// finds nothing. `masters.housekept` only says where not to look: up to which incarnation nothing is left. A master that
// ends with nothing left is marked so by the statement that ends it, and costs nobody a look.
// @source buildbot master/buildbot/data/masters.py _masterDeactivatedHousekeeping

import { present } from '../core/assert.js';
import { RETRY } from '../core/results.js';
import { buildOf, type Build } from './builds.js';
import type { Row, Statement } from './driver.js';
import { booleanOf, integerOf, placeholders, textOf } from './row.js';
import type { Transaction } from './transaction.js';

/** A master that is active, or has dead incarnations that may have left something behind. */
export interface WatchedMaster {
  readonly masterid: number;
  readonly name: string;
  readonly active: boolean;
  readonly incarnation: number;
  readonly beat: number;
  readonly lastActive: number;
  /** Whether dead incarnations may have left something behind. */
  readonly isUnkept: boolean;
}

/** What one transaction has released. */
export interface Released {
  /** Builds that have ended with RETRY, as they are now. */
  readonly builds: readonly Build[];
  /** Build requests that can be claimed again. */
  readonly brids: readonly number[];
  /** Whether nothing is left. */
  readonly isAll: boolean;
}

/** The value of `masters.housekept` for a row all of whose incarnations end now. */
export const HOUSEKEPT = `CASE
    WHEN EXISTS (SELECT 1 FROM builds b WHERE b.masterid = masters.id AND b.complete_at IS NULL)
      OR EXISTS (SELECT 1 FROM buildrequest_claims c WHERE c.masterid = masters.id AND c.is_open = 1)
    THEN housekept ELSE incarnation END`;

/** Holds for a row `x` of a dead incarnation of the master `m`. */
const IS_DEAD = 'x.masterid = m.id AND x.incarnation <= m.incarnation - m.active';

export class LeftoversConnector {
  /** Selects every master that is to be watched; `watchedMasterOf` reads its rows. */
  watchStatement(): Statement {
    return {
      sql: `SELECT id, name, active, incarnation, beat, last_active, housekept FROM masters
            WHERE active = 1 OR housekept < incarnation ORDER BY id`,
      values: [],
    };
  }

  /**
   * Releases what dead incarnations of a master have left behind, at most `limit` builds and `limit` requests. Of two who
   * do it at once, one fails to serialize and finds nothing when it tries again.
   */
  async releaseIn(tx: Transaction, masterid: number, limit: number, now: number): Promise<Released> {
    const [running, claimed] = await tx.run([
      {
        sql: `SELECT x.id FROM builds x JOIN masters m ON ${IS_DEAD}
              WHERE x.masterid = ? AND x.complete_at IS NULL ORDER BY x.id LIMIT ?`,
        values: [masterid, limit],
      },
      {
        sql: `SELECT x.brid FROM buildrequest_claims x JOIN masters m ON ${IS_DEAD}
              WHERE x.masterid = ? AND x.is_open = 1 ORDER BY x.brid LIMIT ?`,
        values: [masterid, limit],
      },
    ]);
    const buildids = present(running, 'builds').rows.map((row) => integerOf(row, 'id'));
    const brids = present(claimed, 'claims').rows.map((row) => integerOf(row, 'brid'));
    const isAll = buildids.length < limit && brids.length < limit;
    const results = await tx.run([
      ...(buildids.length > 0 ? [endStatement(buildids, now)] : []),
      ...(brids.length > 0 ? [unclaimStatement(brids)] : []),
      ...(isAll ? [keptStatement(masterid)] : []),
    ]);
    const builds = buildids.length > 0 ? present(results[0], 'builds').rows.map(buildOf) : [];
    return { builds: builds.toSorted((a, b) => a.buildid - b.buildid), brids, isAll };
  }
}

/** What a row of `watchStatement` says. */
export function watchedMasterOf(row: Row): WatchedMaster {
  const incarnation = integerOf(row, 'incarnation');
  return {
    masterid: integerOf(row, 'id'),
    name: textOf(row, 'name'),
    active: booleanOf(row, 'active'),
    incarnation,
    beat: integerOf(row, 'beat'),
    lastActive: integerOf(row, 'last_active'),
    isUnkept: integerOf(row, 'housekept') < incarnation - integerOf(row, 'active'),
  };
}

function endStatement(buildids: readonly number[], now: number): Statement {
  return {
    sql: `UPDATE builds SET complete_at = ?, results = ? WHERE complete_at IS NULL AND id IN ${placeholders(buildids.length)}
          RETURNING id, number, builderid, buildrequestid, workerid, masterid, incarnation, started_at, complete_at,
            state_string, results`,
    values: [now, RETRY, ...buildids],
  };
}

function unclaimStatement(brids: readonly number[]): Statement {
  return {
    sql: `DELETE FROM buildrequest_claims WHERE brid IN ${placeholders(brids.length)}`,
    values: brids,
  };
}

function keptStatement(masterid: number): Statement {
  return {
    sql: 'UPDATE masters SET housekept = incarnation - active WHERE id = ? AND housekept < incarnation - active',
    values: [masterid],
  };
}
