// Real processes on a real database, killed at random. Whatever they were doing, what is in the database afterwards is
// whole. `npm run soak` kills twenty times as many.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DatabaseConnector } from '../../src/db/connector.js';
import { migrate } from '../../src/db/migrate.js';
import { openDatabase, type RealDriver } from '../../src/db/open-database.js';
import type { Runtime } from '../../src/runtime/runtime.js';
import { RealTimeRuntime } from '../support/real-time-runtime.js';
import { onEachRealDatabase } from '../support/scratch.js';
import { Script } from '../support/scripts.js';
import { soakOr } from '../support/soak.js';

const KILLS = soakOr(1_000, 50);
const NAMES = ['master-a', 'master-b', 'master-c'];
/** A process is killed in one of its first rounds, so long after it has begun at most. */
const MOST_ROUNDS = 4;
const LONGEST_DELAY_MS = 30;

/** What must never be in the database: each query gives the rows that break it. */
const INVARIANTS: readonly (readonly [what: string, sql: string])[] = [
  [
    'a change that is not in exactly one buildset of each scheduler',
    `SELECT s.name, c.change_key, COUNT(b.id) AS buildsets
     FROM schedulers s CROSS JOIN changes c
     LEFT JOIN buildset_changes bc ON bc.changeid = c.changeid
     LEFT JOIN buildsets b ON b.id = bc.buildsetid AND b.schedulerid = s.id
     GROUP BY s.name, c.change_key HAVING COUNT(b.id) <> 1`,
  ],
  [
    'a buildset without its one change, its one stamp and its three requests',
    `SELECT b.id FROM buildsets b
     WHERE (SELECT COUNT(*) FROM buildset_changes c WHERE c.buildsetid = b.id) <> 1
        OR (SELECT COUNT(*) FROM buildset_sourcestamps s WHERE s.buildsetid = b.id) <> 1
        OR (SELECT COUNT(DISTINCT r.builderid) FROM buildrequests r WHERE r.buildsetid = b.id) <> 3
        OR (SELECT COUNT(*) FROM buildrequests r WHERE r.buildsetid = b.id) <> 3
        OR (SELECT COUNT(*) FROM buildset_properties p WHERE p.buildsetid = b.id) <> 2`,
  ],
  [
    'a buildset that was committed in another epoch than that of the claim under which it was made',
    `SELECT s.name, b.id, p.property_value FROM buildsets b
     JOIN schedulers s ON s.id = b.schedulerid
     JOIN buildset_properties p ON p.buildsetid = b.id AND p.property_name = 'epoch'
     LEFT JOIN queue_messages m ON m.routing_key = '["buildsets","' || CAST(b.id AS TEXT) || '","new"]'
     WHERE m.id IS NULL OR p.property_value <> '[' || CAST((
       SELECT COUNT(*) FROM queue_messages c
       WHERE c.id < m.id AND c.routing_key = '["schedulers","' || CAST(s.id AS TEXT) || '","claimed"]'
     ) AS TEXT) || ',"Kill"]'`,
  ],
  [
    'a buildset of another stamp than that of its change',
    `SELECT b.id FROM buildsets b
     JOIN buildset_changes bc ON bc.buildsetid = b.id JOIN changes c ON c.changeid = bc.changeid
     JOIN buildset_sourcestamps bs ON bs.buildsetid = b.id
     WHERE bs.sourcestampid <> c.sourcestampid OR b.reason <> c.revision`,
  ],
  [
    'a count in the state of a scheduler that is not the number of its buildsets',
    `SELECT o.name, v.value_json FROM object_state v
     JOIN objects o ON o.id = v.objectid JOIN schedulers s ON s.name = o.name
     WHERE v.value_json <> CAST((SELECT COUNT(*) FROM buildsets b WHERE b.schedulerid = s.id) AS TEXT)`,
  ],
  [
    'a message that waits in a queue',
    `SELECT m.id, q.name, m.routing_key FROM queue_messages m JOIN queues q ON q.id = m.queueid
     WHERE q.name NOT LIKE 'audit %'`,
  ],
  [
    'a link to a master that is not active, or that is not the owner',
    `SELECT l.schedulerid, l.masterid FROM scheduler_masters l
     JOIN masters m ON m.id = l.masterid JOIN schedulers s ON s.id = l.schedulerid
     WHERE m.active = 0 OR s.is_free = 1 OR s.owner_masterid <> l.masterid OR s.owner_incarnation <> m.incarnation`,
  ],
  [
    'an owner from the future',
    `SELECT s.name FROM schedulers s JOIN masters m ON m.id = s.owner_masterid
     WHERE s.owner_incarnation > m.incarnation OR s.epoch < 1`,
  ],
  [
    'an incarnation that has ended with more beats than it has now, or a name that is there twice',
    `SELECT m.name FROM masters m JOIN master_incarnations i ON i.masterid = m.id
     WHERE i.incarnation >= m.incarnation
     UNION ALL SELECT name FROM masters GROUP BY name HAVING COUNT(*) > 1
     UNION ALL SELECT name FROM schedulers GROUP BY name HAVING COUNT(*) > 1`,
  ],
  [
    'an id that a sequence would hand out again',
    `SELECT q.name FROM sequences q
     WHERE (q.name = 'changes' AND q.next_id <= (SELECT MAX(changeid) FROM changes))
        OR (q.name = 'buildsets' AND q.next_id <= (SELECT MAX(id) FROM buildsets))
        OR (q.name = 'buildrequests' AND q.next_id <= (SELECT MAX(id) FROM buildrequests))
        OR (q.name = 'events' AND q.next_id <= (SELECT MAX(id) FROM events))`,
  ],
];

describe('processes that are killed at random', () => {
  let script: Script;
  beforeAll(async () => {
    script = await Script.bundle('test/kill/worker.script.ts');
  });
  afterAll(() => script.dispose());

  onEachRealDatabase('leave a whole database behind', (run) => {
    test(
      `after ${KILLS} kills`,
      () =>
        run(async (url) => {
          const runtime = new RealTimeRuntime();
          const driver = await openDatabase(url, runtime.clock);
          await migrate(driver, runtime, 'empty');
          await audit(driver, runtime);
          const added = await killAtRandom(script, url);
          const drain = script.start(url, 'drain', 'drain');
          expect(await drain.ended).toBe(0);

          for (const [what, sql] of INVARIANTS) expect(await query(driver, sql), what).toEqual([]);
          const keys = new Set(
            (await query(driver, 'SELECT change_key FROM changes')).map(Object.values).flat(),
          );
          expect(added.filter((key) => !keys.has(key))).toEqual([]);
          expect(added.length).toBeGreaterThanOrEqual(KILLS);
          driver.close();
        }),
      60_000 + KILLS * 10_000,
    );
  });
});

/**
 * Keeps all messages about claims and buildsets in queues that nobody reads. They are in the order of the commits, and each
 * claim raises the epoch by one: so they say in which epoch each buildset was committed.
 */
async function audit(driver: RealDriver, runtime: Runtime): Promise<void> {
  const db = new DatabaseConnector(driver, runtime);
  await db.queues.register('audit of claims', ['schedulers', null, 'claimed']);
  await db.queues.register('audit of buildsets', ['buildsets', null, 'new']);
  db.database.stop();
}

/** Keeps a process of each name running, and kills them until that was done often enough. Returns what they had added. */
async function killAtRandom(script: Script, url: string): Promise<readonly string[]> {
  const added: string[] = [];
  let left = KILLS;
  await Promise.all(
    NAMES.map(async (name) => {
      while (left-- > 0) {
        const child = script.start(url, name);
        const isReady = await child.said('round', 1 + Math.floor(Math.random() * MOST_ROUNDS));
        await new Promise((resolve) => setTimeout(resolve, Math.random() * LONGEST_DELAY_MS));
        await child.kill();
        expect(isReady, `${name} ended by itself`).toBe(true);
        expect(await child.ended, `${name} ended by itself`).toBeNull();
        added.push(...child.lines.flatMap((line) => /^added (.*)$/.exec(line)?.[1] ?? []));
      }
    }),
  );
  return added;
}

async function query(driver: RealDriver, sql: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const session = await driver.open();
  try {
    return (await session.run([{ sql, values: [] }]))[0]?.rows ?? [];
  } finally {
    session.close();
  }
}
