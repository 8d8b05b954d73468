// Effects: all of one, once, under a claim that stands; or nothing of it.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Effect, EffectConflictError, type Actor, type BuildsetDraft } from '../../src/data/effects.js';
import { NEW_CHANGES } from '../../src/data/events.js';
import { DatabaseError } from '../../src/db/driver.js';
import { ClaimLostError, type Claim } from '../../src/db/claims.js';
import { SchedulerDisabledError } from '../../src/db/schedulers.js';
import { MemoryDriver } from '../../src/db/sqlite/memory-driver.js';
import { Plane, type Identity } from '../support/plane.js';

let memory: MemoryDriver;
let plane: Plane;
let me: Identity;
let schedulerid: number;
let claim: Claim;
let actor: Actor;

beforeEach(async () => {
  memory = await MemoryDriver.create();
  plane = new Plane(memory);
  me = await plane.join('master-a');
  schedulerid = await plane.db.schedulers.findSchedulerId('s', [NEW_CHANGES]);
  claim = await plane.claim(schedulerid, me);
  actor = plane.actor(claim, await plane.db.state.getObjectId('s', 'Test'));
  await plane.db.builders.findBuilderId('linux');
});

afterEach(() => memory.close());

describe('an effect', () => {
  test('writes buildset, requests, state, classifications, outbox and deletions in one transaction', async () => {
    const changeid = await plane.updates.addChange({ author: 'dustin' }, 'a');
    await classify(changeid);
    const effect = new Effect();
    effect.buildsets.push(draft());
    effect.state.set('k', '5');
    effect.classified.set(await plane.updates.addChange({ author: 'other' }, 'b'), false);
    effect.flushed.push(changeid);
    effect.acknowledged.push(1);
    plane.driver.batches.length = 0;
    await plane.effects.commit(actor, effect);
    const withoutIds = plane.driver.batches.filter((batch) => batch !== 'BEGIN UPDATE COMMIT');
    expect(withoutIds.map((batch) => batch.split(' ').at(0))).toEqual([
      'BEGIN',
      'SELECT',
      'INSERT',
      'INSERT',
      'INSERT',
    ]);
    expect(withoutIds.map((batch) => batch.endsWith('COMMIT'))).toEqual([false, false, false, false, true]);
    expect(await plane.rows('SELECT schedulerid, reason FROM buildsets')).toEqual([
      { schedulerid, reason: 'why' },
    ]);
    expect(await plane.count('buildrequests')).toBe(1);
    expect(await plane.rows('SELECT name, value_json FROM object_state')).toEqual([
      { name: 'k', value_json: '5' },
    ]);
    expect(await plane.rows('SELECT changeid, important FROM scheduler_changes')).toEqual([
      { changeid: changeid + 1, important: 0 },
    ]);
    expect(await plane.rows('SELECT id FROM queue_messages')).toEqual([{ id: 2 }]);
  });

  test('is announced after it has committed, requests before their buildset', async () => {
    await plane.listen(['buildrequests', null, null], ['buildsets', null, null]);
    const effect = new Effect();
    effect.buildsets.push(draft());
    await plane.effects.commit(actor, effect);
    await plane.runtime.clock.advance(0);
    expect(plane.published).toEqual(['buildrequests/1/new', 'buildsets/1/new']);
  });

  test('an equal stamp is found, a new one is inserted', async () => {
    const first = new Effect();
    first.buildsets.push(draft({ bsid: 1, requests: [] }));
    const second = new Effect();
    second.buildsets.push(draft({ bsid: 2, requests: [] }));
    await plane.effects.commit(actor, first);
    await plane.effects.commit(actor, second);
    expect(await plane.count('sourcestamps')).toBe(1);
    expect(
      await plane.rows('SELECT buildsetid, sourcestampid FROM buildset_sourcestamps ORDER BY 1'),
    ).toEqual([
      { buildsetid: 1, sourcestampid: 500 },
      { buildsetid: 2, sourcestampid: 500 },
    ]);
  });

  test('the operation ids of two effects differ, so that neither is taken for the other', async () => {
    for (const value of ['1', '2']) {
      const effect = new Effect();
      effect.state.set('k', value);
      await plane.effects.commit(actor, effect);
    }
    expect(await plane.rows('SELECT value_json FROM object_state')).toEqual([{ value_json: '2' }]);
    expect((await plane.rows('SELECT id FROM operations ORDER BY id')).map(({ id }) => id)).toEqual([
      `${me.masterid}.${me.incarnation}.${schedulerid}.1`,
      `${me.masterid}.${me.incarnation}.${schedulerid}.2`,
    ]);
  });
});

describe('the fence', () => {
  test('refuses a zombie: who was taken over commits nothing, reads no state and no classifications', async () => {
    const other = new Plane(memory);
    const successor = await other.join('master-b');
    await other.updates.expireMaster({ ...me, seenBeat: 0 });
    await other.claim(schedulerid, successor);
    await expect(plane.effects.commit(actor, stateEffect('1'))).rejects.toThrow(ClaimLostError);
    await expect(plane.effects.readState(actor, 'k')).rejects.toThrow(ClaimLostError);
    await expect(plane.effects.readClassifications(actor)).rejects.toThrow(ClaimLostError);
    expect(await plane.count('object_state')).toBe(0);
    expect(await plane.count('operations')).toBe(0);
  });

  test('refuses an older epoch of the same incarnation', async () => {
    await plane.claim(schedulerid, me);
    await expect(plane.effects.commit(actor, stateEffect('1'))).rejects.toThrow(ClaimLostError);
  });

  test('refuses a claim that was released, even while nobody else has claimed', async () => {
    await plane.updates.releaseService('scheduler', claim);
    await expect(plane.effects.commit(actor, stateEffect('1'))).rejects.toThrow(ClaimLostError);
  });

  test('refuses a master that others set inactive', async () => {
    await plane.db.masters.setMasterState(me.masterid, false);
    await expect(plane.effects.commit(actor, stateEffect('1'))).rejects.toThrow(ClaimLostError);
  });

  test('lets a disabled scheduler write, but add no buildset', async () => {
    await plane.updates.schedulerEnable(schedulerid, false);
    await plane.effects.commit(actor, stateEffect('1'));
    const effect = stateEffect('2');
    effect.buildsets.push(draft());
    await expect(plane.effects.commit(actor, effect)).rejects.toThrow(SchedulerDisabledError);
    expect(await plane.effects.readState(actor, 'k')).toBe('1');
  });
});

describe('rows that an effect consumes', () => {
  test('must all be there: fewer classifications than were read undo the whole effect', async () => {
    const changeid = await plane.updates.addChange({ author: 'dustin' }, 'a');
    await classify(changeid);
    const effect = stateEffect('1');
    effect.flushed.push(changeid, changeid + 1);
    await expect(plane.effects.commit(actor, effect)).rejects.toThrow(EffectConflictError);
    expect(await plane.count('scheduler_changes')).toBe(1);
    expect(await plane.effects.readState(actor, 'k')).toBeNull();
  });

  test('must all be there: a message that is gone undoes the whole effect', async () => {
    await plane.updates.addChange({ author: 'dustin' }, 'a');
    const effect = stateEffect('1');
    effect.acknowledged.push(1, 2);
    await expect(plane.effects.commit(actor, effect)).rejects.toThrow('fewer messages than it had read');
    expect(await plane.count('queue_messages')).toBe(1);
  });
});

describe('an unknown outcome', () => {
  test('of an effect that happened is looked up: it is not done again', async () => {
    loseReplyOnce('COMMIT');
    const effect = new Effect();
    effect.buildsets.push(draft());
    await passing(plane.effects.commit(actor, effect));
    expect(await plane.count('buildsets')).toBe(1);
    expect(await plane.count('buildrequests')).toBe(1);
  });

  test('of an effect that happened is looked up even after the claim was lost: it did happen', async () => {
    const other = new Plane(memory);
    loseReplyOnce('COMMIT');
    const committed = plane.effects.commit(actor, stateEffect('1'));
    await plane.runtime.clock.advance(0);
    await other.updates.expireMaster({ ...me, seenBeat: 0 });
    await passing(committed);
    expect(await plane.count('object_state')).toBe(1);
  });

  test('of an effect that did not happen ends at the fence when the claim was lost meanwhile', async () => {
    const other = new Plane(memory);
    let isFirst = true;
    plane.driver.interfere((batch) => {
      if (!isFirst || !isEffect(batch)) return;
      isFirst = false;
      throw new DatabaseError('connection-lost', 'cut before it arrived', false);
    });
    const refused = plane.effects.commit(actor, stateEffect('1')).catch((error: unknown) => error);
    await plane.runtime.clock.advance(0);
    await other.updates.expireMaster({ ...me, seenBeat: 0 });
    expect(await passing(refused)).toBeInstanceOf(ClaimLostError);
    expect(await plane.count('object_state')).toBe(0);
  });

  test('an activity that ends while its effect is tried again hears why', async () => {
    const aborting = new AbortController();
    plane.driver.interfere((batch) => {
      if (isEffect(batch)) throw new DatabaseError('serialization-failure', 'again');
    });
    const refused = plane.effects
      .commit({ ...actor, signal: aborting.signal }, stateEffect('1'))
      .catch((error: unknown) => error);
    await plane.runtime.clock.advance(200);
    aborting.abort(new ClaimLostError('it'));
    expect(await passing(refused)).toBeInstanceOf(ClaimLostError);
  });
});

describe('a trigger key', () => {
  test('makes the second buildset of the same trigger a unique violation within a second', async () => {
    const stamp = { branch: null, revision: null, repository: '', project: '', codebase: '' };
    for (const bsid of [1, 2]) {
      const effect = new Effect();
      effect.buildsets.push(
        draft({ bsid, requests: [], stamps: [{ stamp, spareId: 500 }], triggerKey: 'slot' }),
      );
      const committed = plane.effects.commit(actor, effect).then(
        () => 'done',
        (error: unknown) => (error instanceof DatabaseError ? error.code : 'other'),
      );
      await plane.runtime.clock.advance(1_000);
      expect(await committed).toBe(bsid === 1 ? 'done' : 'unique-violation');
    }
    expect(plane.runtime.clock.monotonicMs()).toBe(2_000);
    expect(await plane.count('buildsets')).toBe(1);
  });
});

function draft(changed: Partial<BuildsetDraft> = {}): BuildsetDraft {
  const stamp = { branch: 'master', revision: 'r1', repository: '', project: '', codebase: '' };
  return {
    bsid: 1,
    stamps: [{ stamp, spareId: 500 }],
    changeids: [],
    reason: 'why',
    externalIdstring: null,
    properties: {},
    requests: [{ brid: 1, builderid: 1 }],
    priority: 0,
    waitedFor: false,
    triggerKey: null,
    ...changed,
  };
}

function stateEffect(json: string): Effect {
  const effect = new Effect();
  effect.state.set('k', json);
  return effect;
}

async function classify(changeid: number): Promise<void> {
  await plane.db.database.batch([plane.db.schedulers.classifyStatement(schedulerid, changeid, true)]);
}

function isEffect(batch: readonly { readonly sql: string }[]): boolean {
  return batch.some(({ sql }) => sql.includes('INSERT INTO operations'));
}

function loseReplyOnce(word: string): void {
  let isDone = false;
  plane.driver.interfere((batch) => {
    if (isDone || !isEffect(batch) || !batch.some(({ sql }) => sql.startsWith(word))) return undefined;
    isDone = true;
    return 'lose-reply';
  });
}

async function passing<T>(result: Promise<T>): Promise<T> {
  await plane.runtime.clock.advance(10_000);
  return result;
}
