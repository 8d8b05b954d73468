// A process for the kill test: it checks in, adds changes, claims schedulers, consumes their queues, and builds each change
// once for each scheduler, until it is killed. With `drain` it takes everything over and ends when no queue holds anything.
//
// It takes a scheduler from whoever has been restarted since (the test starts no process before its predecessor is dead) and
// now and then from somebody who is alive, so that zombies write too.

import type { JsonObject } from '../../src/core/json.js';
import { StandinError } from '../../src/core/errors.js';
import { EffectCommitter, Effect, type Actor } from '../../src/data/effects.js';
import { EventWriter } from '../../src/data/event-writer.js';
import { changeOfEvent, NEW_CHANGES } from '../../src/data/events.js';
import { DataUpdates } from '../../src/data/updates.js';
import { DatabaseConnector } from '../../src/db/connector.js';
import { openDatabase } from '../../src/db/open-database.js';
import { ownershipOf, type Claim } from '../../src/db/claims.js';
import { schedulerQueueName } from '../../src/db/schedulers.js';
import type { QueuedMessage } from '../../src/db/queues.js';
import { integerOf, textOf } from '../../src/db/row.js';
import { SimpleMQ } from '../../src/mq/simple-queue.js';
import { sleep } from '../../src/runtime/clock.js';
import { NodeRuntime } from '../../src/runtime/node/runtime.js';

const [url = '', name = '', mode = 'run'] = process.argv.slice(2);
const isDraining = mode === 'drain';
const SCHEDULERS = ['one', 'two'];
const BUILDERS = ['linux', 'macos', 'windows'];
const ROBBERY_ODDS = 4;
/** Seldom, so that who was robbed writes on for a while. */
const CHECK_IN_ODDS = 4;
const DAWDLING_ODDS = 2;
const LONGEST_PAUSE_MS = 100;

const runtime = new NodeRuntime({ logLevel: 'error' });
const driver = await openDatabase(url, runtime.clock);
const db = new DatabaseConnector(driver, runtime);
const writer = new EventWriter(db, new SimpleMQ(runtime), runtime.clock);
const updates = new DataUpdates(db, writer, runtime.clock);
const effects = new EffectCommitter(db, writer, runtime.clock);
const say = (line: string): void => void process.stdout.write(`${line}\n`);

interface Held {
  readonly name: string;
  readonly schedulerid: number;
  readonly objectid: number;
  claim: Claim | null;
}

/** As a master starts: what may succeed later is tried again. */
async function persist<T>(step: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await step();
    } catch (error) {
      if (!(error instanceof StandinError) || !error.isRetryable) throw error;
    }
  }
}

const masterid = await persist(() => db.masters.findMasterId(name));
let incarnation = await persist(() => db.masters.newIncarnation(masterid));
const session = await persist(() => db.database.openReserved());
const builderids: number[] = [];
for (const builder of BUILDERS) builderids.push(await persist(() => db.builders.findBuilderId(builder)));
const held: Held[] = [];
for (const scheduler of SCHEDULERS) {
  const schedulerid = await persist(() => db.schedulers.findSchedulerId(scheduler, [NEW_CHANGES]));
  const objectid = await persist(() => db.state.getObjectId(scheduler, 'Kill'));
  held.push({ name: scheduler, schedulerid, objectid, claim: null });
}
say('started');

for (let round = 0; ; round++) {
  try {
    if (runtime.random.integer(CHECK_IN_ODDS) === 0) await checkIn();
    if (!isDraining) await addChange(round);
    for (const scheduler of held) {
      await take(scheduler);
      while ((await buildNext(scheduler)) && isDraining);
    }
    if (isDraining) break;
  } catch (error) {
    // A claim that was lost, a row that another has consumed: as in life, the next round sees how things are.
    if (!(error instanceof StandinError)) throw error;
    if (error.code !== 'claim-lost') say(`refused ${error.code}`);
    for (const scheduler of held) scheduler.claim = null;
  }
  say('round');
}
const waiting = `SELECT COUNT(*) AS count FROM queue_messages m JOIN queues q ON q.id = m.queueid
                 WHERE q.name NOT LIKE 'audit %'`;
const [left] = await db.database.read([{ sql: waiting, values: [] }]);
process.exit(left?.rows[0]?.['count'] === 0 ? 0 : 1);

async function checkIn(): Promise<void> {
  const outcome = await db.masters.renew(session, masterid, incarnation);
  if (outcome === 'renewed') return;
  for (const scheduler of held) scheduler.claim = null;
  const next = await updates.masterRejoined({ id: masterid, name }, incarnation);
  if (next === null) throw new Error(`two processes are named ${name}`);
  incarnation = next;
}

async function addChange(round: number): Promise<void> {
  const key = `${name}/${incarnation}/${round}`;
  await updates.addChange({ author: name, revision: key, branch: 'main' }, key);
  say(`added ${key}`);
}

/** Claims the scheduler if it is free, or takes it from a predecessor or, at times, a neighbour. */
async function take(scheduler: Held): Promise<void> {
  if (scheduler.claim !== null) return;
  const { schedulerid } = scheduler;
  const current = { sql: 'SELECT id, incarnation FROM masters ORDER BY id', values: [] };
  const [owners, masters] = await db.database.read([
    db.schedulers.ownershipStatement([schedulerid]),
    current,
  ]);
  const row = owners?.rows[0];
  if (row === undefined) throw new Error(`no scheduler ${schedulerid}`);
  const { isFree, ownerMasterid, ownerIncarnation, ownerBeat } = ownershipOf(row);
  if (!isFree && ownerMasterid !== null && ownerIncarnation !== null && ownerBeat !== null) {
    const owner = masters?.rows.find((master) => integerOf(master, 'id') === ownerMasterid);
    const isDead = owner !== undefined && integerOf(owner, 'incarnation') > ownerIncarnation;
    if (!isDraining && !isDead && runtime.random.integer(ROBBERY_ODDS) > 0) return;
    await updates.expireMaster({
      masterid: ownerMasterid,
      incarnation: ownerIncarnation,
      seenBeat: ownerBeat,
    });
  }
  const service = { serviceid: schedulerid, name: scheduler.name, enabled: true };
  scheduler.claim = await updates.claimService('scheduler', service, { masterid, incarnation });
}

/**
 * Builds the change that is next in the queue; false when there is none, or the scheduler is somebody else's. What it read of
 * the state is old if somebody else has built meanwhile: nothing but the fence keeps it from being written.
 */
async function buildNext(scheduler: Held): Promise<boolean> {
  if (scheduler.claim === null) return false;
  const signal = new AbortController().signal;
  const actor: Actor = { name: scheduler.name, objectid: scheduler.objectid, claim: scheduler.claim, signal };
  const count = Number((await effects.readState(actor, 'built')) ?? '0');
  if (!isDraining) await dawdle();
  const queue = schedulerQueueName(scheduler.schedulerid, NEW_CHANGES);
  const [message] = await db.queues.peek(queue, { afterId: 0, limit: 1 });
  if (message === undefined) return false;
  const effect = await effectOf(message, scheduler.claim.epoch);
  effect.state.set('built', String(count + 1));
  await effects.commit(actor, effect);
  say('built');
  return true;
}

/** At times a process stands still for so long that others act in between. */
async function dawdle(): Promise<void> {
  if (runtime.random.integer(DAWDLING_ODDS) === 0)
    await sleep(runtime.clock, runtime.random.integer(LONGEST_PAUSE_MS));
}

async function effectOf(message: QueuedMessage, epoch: number): Promise<Effect> {
  const change = changeOfEvent(message.body as JsonObject);
  const brids = await db.ids.take('buildrequests', builderids.length);
  const effect = new Effect();
  effect.acknowledged.push(message.id);
  effect.buildsets.push({
    bsid: await db.ids.takeOne('buildsets'),
    stamps: [change.sourcestampid],
    changeids: [change.changeid],
    reason: textOf({ reason: change.revision }, 'reason'),
    externalIdstring: null,
    properties: { owner: [change.author, 'Change'], epoch: [epoch, 'Kill'] },
    requests: builderids.map((builderid, i) => ({ brid: Number(brids[i]), builderid })),
    priority: 0,
    waitedFor: false,
    triggerKey: null, // nothing but the claim and the queue keeps a change from being built twice
  });
  return effect;
}
