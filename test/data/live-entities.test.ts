// The state of entities from messages in any order, with losses and repetitions, against the rows of the database.

import { test as property } from '@fast-check/vitest';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import type { JsonObject } from '../../src/core/json.js';
import type { RoutingKey } from '../../src/core/routing-key.js';
import { Effect } from '../../src/data/effects.js';
import {
  LIVE_BUILDREQUESTS,
  LIVE_BUILDSETS,
  LIVE_MASTERS,
  LIVE_SCHEDULERS,
  LiveEntities,
} from '../../src/data/live-entities.js';
import { readSnapshot, type ClusterSnapshot } from '../../src/db/snapshot.js';
import { MemoryDriver } from '../../src/db/sqlite/memory-driver.js';
import { Plane } from '../support/plane.js';

interface Message {
  readonly key: RoutingKey;
  readonly body: JsonObject;
}

const KINDS = [LIVE_MASTERS, LIVE_SCHEDULERS, LIVE_BUILDSETS, LIVE_BUILDREQUESTS] as const;

const memory = await MemoryDriver.create();
afterAll(() => memory.close());
const { messages, snapshot } = await aStory();

/** Everything that may happen to masters and schedulers, and two buildsets; all messages in the order of their commits. */
async function aStory(): Promise<{ messages: readonly Message[]; snapshot: ClusterSnapshot }> {
  const plane = new Plane(memory);
  const heard: Message[] = [];
  for (const { word } of KINDS)
    await plane.mq.startConsuming((key, body) => void heard.push({ key, body }), [word, null, null]);
  const [a, b] = [await masterOf(plane, 'master-a'), await masterOf(plane, 'master-b')];
  const schedulerid = await plane.db.schedulers.findSchedulerId('scheduler-1');
  const objectid = await plane.db.state.getObjectId('scheduler-1', 'Test');
  const build = async (master: typeof a): Promise<void> => {
    const claim = await plane.claim(schedulerid, master);
    const effect = new Effect();
    const [bsid, brid] = [
      await plane.db.ids.takeOne('buildsets'),
      await plane.db.ids.takeOne('buildrequests'),
    ];
    effect.buildsets.push({
      ...{ bsid, changeids: [], reason: 'why', externalIdstring: null, properties: {}, priority: 0 },
      ...{ waitedFor: false, triggerKey: null, requests: [{ brid, builderid: 1 }] },
      stamps: [
        { stamp: { branch: null, revision: null, repository: '', project: '', codebase: '' }, spareId: 9 },
      ],
    });
    await plane.effects.commit(plane.actor(claim, objectid), effect);
  };
  await plane.db.builders.findBuilderId('linux');
  await build(a);
  await plane.updates.schedulerEnable(schedulerid, false);
  await plane.updates.schedulerEnable(schedulerid, true);
  await plane.updates.expireMaster({ ...a, seenBeat: 0 });
  await build(b);
  await plane.updates.masterRejoined({ id: a.masterid, name: 'master-a' }, a.incarnation);
  await plane.updates.masterStopped({ id: b.masterid, name: 'master-b' });
  await plane.runtime.clock.advance(0);
  return { messages: heard, snapshot: await readSnapshot(plane.db.database, 100) };
}

async function masterOf(plane: Plane, name: string): Promise<{ masterid: number; incarnation: number }> {
  const masterid = await plane.db.masters.findMasterId(name);
  return { masterid, incarnation: await plane.updates.masterStarted({ id: masterid, name }) };
}

class Listener {
  readonly all = KINDS.map((kind) => new LiveEntities(kind));

  /** Returns whether something was seen to be missing. */
  hear(heard: readonly Message[]): boolean {
    const folded = heard.flatMap(({ key, body }) => this.all.map((entities) => entities.hear(key, body)));
    return folded.includes('gap');
  }

  load(): void {
    const { masters, schedulers, buildsets, buildrequests } = snapshot;
    for (const [i, bodies] of [masters, schedulers, buildsets, buildrequests].entries())
      this.all[i]?.load(bodies);
  }

  get state(): ClusterSnapshot {
    const [masters = [], schedulers = [], buildsets = [], buildrequests = []] = this.all.map(
      ({ all }) => all,
    );
    return { masters, schedulers, buildsets, buildrequests };
  }
}

test('the story has messages of every kind', () => {
  expect(messages.map(({ key }) => key.join('.'))).toEqual([
    'masters.1.started',
    'masters.2.started',
    'schedulers.1.claimed',
    'buildrequests.1.new',
    'buildsets.1.new',
    'schedulers.1.updated',
    'schedulers.1.updated',
    'masters.1.stopped',
    'schedulers.1.released',
    'schedulers.1.claimed',
    'buildrequests.2.new',
    'buildsets.2.new',
    'masters.1.started',
    'masters.2.stopped',
    'schedulers.1.updated',
  ]);
});

describe('all messages give the rows of the database', () => {
  test('in their order, without a gap', () => {
    const listener = new Listener();
    expect(listener.hear(messages)).toBe(false);
    expect(listener.state).toEqual(snapshot);
  });

  test.each(['masters.1', 'masters.2', 'schedulers.1', 'buildsets.1'])('of %s in every order', (name) => {
    const [word, id] = name.split('.');
    const own = messages.filter(({ key }) => key[0] === word && key[1] === id);
    const others = messages.filter((message) => !own.includes(message));
    for (const order of permutations(own)) {
      const listener = new Listener();
      listener.hear([...order, ...others]);
      expect(listener.state).toEqual(snapshot);
    }
  });

  property.prop([fc.shuffledSubarray([...messages], { minLength: messages.length }), indices()])(
    'in any order, and each any number of times',
    (order, again) => {
      const listener = new Listener();
      listener.hear([...order, ...chosen(again), ...order]);
      expect(listener.state).toEqual(snapshot);
    },
  );
});

describe('with losses', () => {
  property.prop([indices(), indices()], { numRuns: 500 })(
    'a reload gives the rows, and what comes late takes nothing back',
    (before, after) => {
      const listener = new Listener();
      listener.hear(chosen(before));
      listener.load();
      expect(listener.state).toEqual(snapshot);
      expect(listener.hear(chosen(after))).toBe(false);
      expect(listener.state).toEqual(snapshot);
    },
  );

  property.prop([fc.nat(messages.length - 1)])(
    'a message that is missing shows, unless it is the last of its entity',
    (i) => {
      const lost = messages[i];
      const isLast = !messages
        .slice(i + 1)
        .some(({ key }) => key[0] === lost?.key[0] && key[1] === lost?.key[1]);
      const isSeen = new Listener().hear(messages.filter((message) => message !== lost));
      // That a master has stopped goes without saying when it has started again.
      expect(isSeen).toBe(!isLast && lost?.key[2] !== 'stopped');
    },
  );
});

test('what is no message of its kind is left alone, and a body without its fields asks for a reload', () => {
  const entities = new LiveEntities(LIVE_SCHEDULERS);
  const body = { schedulerid: 1, name: 's', enabled: true, masterid: null, revision: 1 };
  expect(entities.hear(['masters', '1', 'started'], { masterid: 1 })).toBe('foreign');
  expect(entities.hear(['schedulers', '1', 'x', 'updated'], body)).toBe('foreign');
  expect(entities.hear(['schedulers', '1', 'updated'], { ...body, schedulerid: '1' })).toBe('foreign');
  expect(entities.hear(['schedulers', '1', 'updated'], { schedulerid: 1, revision: 1 })).toBe('gap');
  expect(entities.hear(['schedulers', '1', 'updated'], { ...body, revision: 'one' })).toBe('gap');
  expect(entities.all).toEqual([]);
  expect(entities.hear(['schedulers', '1', 'updated'], { ...body, more: 1 })).toBe('applied');
  expect(entities.hear(['schedulers', '1', 'updated'], body)).toBe('stale');
  expect(entities.all).toEqual([body]);
});

test('only the latest are kept', () => {
  const entities = new LiveEntities(LIVE_BUILDREQUESTS, 10);
  const rest = { buildsetid: 1, builderid: 1, priority: 0, results: -1, submitted_at: 0, waited_for: false };
  for (let id = 1; id <= 100; id++)
    entities.hear(['buildrequests', String(id), 'new'], { buildrequestid: id, complete: false, ...rest });
  expect(entities.all.length).toBeLessThan(20);
  expect(entities.all.at(-1)).toMatchObject({ buildrequestid: 100 });
  expect(entities.get(91)).not.toBeUndefined();
  expect(entities.get(1)).toBeUndefined();
});

function indices(): fc.Arbitrary<number[]> {
  return fc.array(fc.nat(messages.length - 1), { maxLength: 30 });
}

function chosen(picks: readonly number[]): readonly Message[] {
  return picks.flatMap((i) => messages[i] ?? []);
}

function permutations<T>(items: readonly T[]): readonly (readonly T[])[] {
  if (items.length < 2) return [items];
  return items.flatMap((item, i) => permutations(items.toSpliced(i, 1)).map((rest) => [item, ...rest]));
}
