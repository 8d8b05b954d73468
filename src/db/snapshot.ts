// The state of the cluster in one read, in the words of the catalogue of events: what a consumer that has missed messages,
// or has only begun to listen, reads instead. All of it is as of one instant, which on a replica is past; what a message says later wins.

import { present } from '../core/assert.js';
import type { JsonObject } from '../core/json.js';
import type { Row, Statement } from './driver.js';
import type { ReplicaReads } from './replica.js';
import { booleanOf, integerOf, integerOrNull, textOf, textOrNull } from './row.js';

/** Bodies as the messages about these entities have them, by id. */
export interface ClusterSnapshot {
  readonly masters: readonly JsonObject[];
  readonly schedulers: readonly JsonObject[];
  /** The latest ones. */
  readonly buildsets: readonly JsonObject[];
  /** Those of these buildsets. */
  readonly buildrequests: readonly JsonObject[];
}

/** Reads all masters and schedulers, and the latest `limit` buildsets with their requests. @throws DatabaseError */
export async function readSnapshot(reads: ReplicaReads, limit: number): Promise<ClusterSnapshot> {
  const results = await reads.readTogether(statements(limit));
  const [masters, schedulers, buildsets, changes, stamps, requests] = results.map(({ rows }) => rows);
  const changeids = groups(present(changes, 'changes'), 'changeid');
  const sourcestampids = groups(present(stamps, 'stamps'), 'sourcestampid');
  return {
    masters: present(masters, 'masters').map(masterOf),
    schedulers: present(schedulers, 'schedulers').map(schedulerOf),
    buildsets: present(buildsets, 'buildsets').map((row) => {
      const bsid = integerOf(row, 'id');
      const lists = { sourcestampids: sourcestampids.get(bsid) ?? [], changeids: changeids.get(bsid) ?? [] };
      return { ...buildsetOf(row), ...lists };
    }),
    buildrequests: present(requests, 'requests').map(requestOf),
  };
}

function statements(limit: number): readonly Statement[] {
  const latest = 'SELECT id FROM buildsets ORDER BY id DESC LIMIT ?';
  const of = (sql: string): Statement => ({ sql, values: [limit] });
  return [
    { sql: 'SELECT id, name, active, incarnation FROM masters ORDER BY id', values: [] },
    {
      sql: `SELECT s.id, s.name, s.enabled, s.revision, l.masterid FROM schedulers s
            LEFT JOIN scheduler_masters l ON l.schedulerid = s.id ORDER BY s.id`,
      values: [],
    },
    of(`SELECT b.id, s.name AS scheduler, b.external_idstring, b.reason, b.submitted_at, b.complete, b.complete_at, b.results
        FROM buildsets b LEFT JOIN schedulers s ON s.id = b.schedulerid WHERE b.id IN (${latest}) ORDER BY b.id`),
    of(
      `SELECT buildsetid, changeid FROM buildset_changes WHERE buildsetid IN (${latest}) ORDER BY buildsetid, changeid`,
    ),
    of(`SELECT buildsetid, sourcestampid FROM buildset_sourcestamps WHERE buildsetid IN (${latest})
        ORDER BY buildsetid, sourcestampid`),
    of(`SELECT id, buildsetid, builderid, priority, complete, results, submitted_at, waited_for
        FROM buildrequests WHERE buildsetid IN (${latest}) ORDER BY id`),
  ];
}

function masterOf(row: Row): JsonObject {
  return {
    masterid: integerOf(row, 'id'),
    name: textOf(row, 'name'),
    active: booleanOf(row, 'active'),
    incarnation: integerOf(row, 'incarnation'),
  };
}

function schedulerOf(row: Row): JsonObject {
  return {
    schedulerid: integerOf(row, 'id'),
    name: textOf(row, 'name'),
    enabled: booleanOf(row, 'enabled'),
    masterid: integerOrNull(row, 'masterid'),
    revision: integerOf(row, 'revision'),
  };
}

function buildsetOf(row: Row): JsonObject {
  return {
    bsid: integerOf(row, 'id'),
    scheduler: textOrNull(row, 'scheduler'),
    external_idstring: textOrNull(row, 'external_idstring'),
    reason: textOf(row, 'reason'),
    submitted_at: integerOf(row, 'submitted_at'),
    complete: booleanOf(row, 'complete'),
    complete_at: integerOrNull(row, 'complete_at'),
    results: integerOf(row, 'results'),
  };
}

function requestOf(row: Row): JsonObject {
  return {
    buildrequestid: integerOf(row, 'id'),
    buildsetid: integerOf(row, 'buildsetid'),
    builderid: integerOf(row, 'builderid'),
    priority: integerOf(row, 'priority'),
    complete: booleanOf(row, 'complete'),
    results: integerOf(row, 'results'),
    submitted_at: integerOf(row, 'submitted_at'),
    waited_for: booleanOf(row, 'waited_for'),
  };
}

/** Ids in `column` by buildset. */
function groups(rows: readonly Row[], column: string): ReadonlyMap<number, readonly number[]> {
  const byBuildset = new Map<number, number[]>();
  for (const row of rows) {
    const bsid = integerOf(row, 'buildsetid');
    byBuildset.set(bsid, [...(byBuildset.get(bsid) ?? []), integerOf(row, column)]);
  }
  return byBuildset;
}
