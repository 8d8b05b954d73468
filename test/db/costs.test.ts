// What things cost on PostgreSQL, in round trips that are counted on the wire.

import { afterEach, beforeEach, expect, test } from 'vitest';
import { Effect, EffectCommitter, type Actor } from '../../src/data/effects.js';
import { EventWriter } from '../../src/data/event-writer.js';
import { NEW_CHANGES } from '../../src/data/events.js';
import { DataUpdates } from '../../src/data/updates.js';
import { DatabaseConnector } from '../../src/db/connector.js';
import type { Session } from '../../src/db/driver.js';
import { migrate } from '../../src/db/migrate.js';
import { openDatabase, type RealDriver } from '../../src/db/open-database.js';
import type { Claim } from '../../src/db/claims.js';
import { schedulerQueueName } from '../../src/db/schedulers.js';
import { ClaimKeeper } from '../../src/master/claim-keeper.js';
import { Lease } from '../../src/master/lease.js';
import { OwnerWatch } from '../../src/master/owner-watch.js';
import { PeriodicTasks } from '../../src/periodic/periodic-tasks.js';
import { SimpleMQ } from '../../src/mq/simple-queue.js';
import { ClusteredService } from '../../src/services/clustered-service.js';
import { describeOnPostgres } from '../support/postgres.js';
import { withNamespace } from '../support/scratch.js';
import { TestRuntime } from '../support/test-runtime.js';
import { WireCount } from '../support/wire-count.js';

const HEARTBEAT_MS = 10_000;
const PASSES = 10;
const BUILDERS = ['linux', 'macos', 'windows'];

class IdleService extends ClusteredService {
  protected override async startActivity(): Promise<void> {}
  protected override async stopActivity(): Promise<void> {}
}

describeOnPostgres('round trips on PostgreSQL', [], (_, server) => {
  const runtime = new TestRuntime();
  let end: () => void;
  let done: Promise<void>;
  let wire: WireCount;
  let driver: RealDriver;
  let db: DatabaseConnector;
  let writer: EventWriter;
  let updates: DataUpdates;
  let me: { readonly masterid: number; readonly incarnation: number };
  let claim: Claim;
  let session: Session;

  beforeEach(async () => {
    await new Promise<void>((ready, failed) => {
      done = withNamespace(server, async (url) => {
        const counted = await WireCount.before(url);
        wire = counted.wire;
        driver = await openDatabase(counted.url, runtime.clock);
        await migrate(driver, runtime, 'empty');
        await new Promise<void>((resolve) => {
          end = resolve;
          ready();
        });
        await wire.close();
      });
      done.catch(failed);
    });
    db = new DatabaseConnector(driver, runtime);
    writer = new EventWriter(db, new SimpleMQ(runtime), runtime.clock);
    updates = new DataUpdates(db, writer, runtime.clock);
    const masterid = await db.masters.findMasterId('master-a');
    me = { masterid, incarnation: await db.masters.newIncarnation(masterid) };
    session = await db.database.openReserved();
    claim = await claimed('s');
  });

  afterEach(async () => {
    session.close();
    db.database.stop();
    end();
    await done;
  });

  async function claimed(name: string): Promise<Claim> {
    const schedulerid = await db.schedulers.findSchedulerId(name, [NEW_CHANGES]);
    const service = { serviceid: schedulerid, name, enabled: true };
    const result = await updates.claimService('scheduler', service, me);
    if (result === null) throw new Error('the claim was refused');
    return result;
  }

  test('a check-in is one', async () => {
    const checkIn = (): Promise<unknown> => db.masters.renew(session, me.masterid, me.incarnation);
    expect(await wire.of(checkIn)).toBe(1);
    expect(await db.masters.getMaster(me.masterid)).toMatchObject({ beat: 1 });
  });

  test('a pass over the claims that finds nothing to do is one, however many schedulers there are', async () => {
    const services: IdleService[] = [];
    const lease = new Lease(runtime.clock, 60_000);
    const masterid = await db.masters.findMasterId('master-b');
    lease.begin(await db.masters.newIncarnation(masterid), lease.now());
    const watch = new OwnerWatch(runtime.clock, 60_000);
    const onEnded = (): void => undefined;
    const ports = { runtime, db, updates, lease, watch, masterid, onEnded, PeriodicTasks };
    for (let i = 0; i < 20; i++) services.push(new IdleService(`s-${i}`));
    const keeper = new ClaimKeeper({ ...ports, heartbeatMs: HEARTBEAT_MS }, services);
    for (const service of services) service.bind(keeper, runtime, (await claimed(service.name)).serviceid);
    await writer.forgetPublished(); // the events of the claims are forgotten
    await keeper.start();
    const passes = async (): Promise<void> => {
      for (let i = 0; i < PASSES; i++) await nextPass(keeper);
    };
    // The last pass may have a second one under way, the others would show it.
    expect(await wire.of(passes)).toBe(PASSES);
    await keeper.stop();
  });

  /** Has the keeper look once more, after the pass that may be under way; resolves when it has begun to. */
  async function nextPass(keeper: ClaimKeeper): Promise<void> {
    const before = wire.roundTrips;
    keeper.lookAgain();
    while (wire.roundTrips === before) await new Promise((resolve) => setImmediate(resolve));
  }

  test('adding a buildset for one change with three builders is three, when ids are at hand', async () => {
    const effects = new EffectCommitter(db, writer, runtime.clock);
    const objectid = await db.state.getObjectId('s', 'Test');
    const signal = new AbortController().signal;
    const actor: Actor = { name: 's', objectid, claim, signal };
    const builderids: number[] = [];
    for (const name of BUILDERS) builderids.push(await db.builders.findBuilderId(name));
    const first = await effectFor('a', builderids);
    await effects.commit(actor, first); // takes blocks of ids
    const second = await effectFor('b', builderids);
    expect(await wire.of(() => effects.commit(actor, second))).toBe(3);
    const rows = await db.database.read([{ sql: 'SELECT id FROM buildrequests', values: [] }]);
    expect(rows[0]?.rows.length).toBe(6);
  });

  /** What a scheduler commits for one change: its message is consumed, and the state moves on. */
  async function effectFor(key: string, builderids: readonly number[]): Promise<Effect> {
    const changeid = await updates.addChange({ author: 'dustin', revision: key }, key);
    const change = await db.changes.getChange(changeid);
    const queue = schedulerQueueName(claim.serviceid, NEW_CHANGES);
    const [message] = await db.queues.peek(queue, { afterId: 0, limit: 1 });
    const brids = await db.ids.take('buildrequests', builderids.length);
    const effect = new Effect();
    effect.acknowledged.push(message?.id ?? 0);
    effect.state.set('last', JSON.stringify(key));
    effect.buildsets.push({
      bsid: await db.ids.takeOne('buildsets'),
      stamps: [change?.sourcestampid ?? 0],
      changeids: [changeid],
      reason: 'why',
      externalIdstring: null,
      properties: { scheduler: ['s', 'Scheduler'] },
      requests: builderids.map((builderid, i) => ({ brid: brids[i] ?? 0, builderid })),
      priority: 0,
      waitedFor: false,
      triggerKey: null,
    });
    return effect;
  }
});
