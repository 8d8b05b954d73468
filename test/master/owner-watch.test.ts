// Who may be ended: an incarnation that was seen unable to renew for a whole lease, on the observer's own clock.

import { beforeEach, expect, test } from 'vitest';
import type { Ownership } from '../../src/db/claims.js';
import { OwnerWatch, type Suspect } from '../../src/master/owner-watch.js';
import { ManualClock } from '../support/manual-clock.js';

let clock: ManualClock;
let watch: OwnerWatch;

beforeEach(() => {
  clock = new ManualClock();
  watch = new OwnerWatch(clock, 60_000);
});

test('an owner whose beat stands still for a whole lease is suspect, not a millisecond earlier', () => {
  expect(seen({ ownerBeat: 5 })).toEqual([]);
  clock.pause(59_999);
  expect(seen({ ownerBeat: 5 })).toEqual([]);
  clock.pause(1);
  expect(seen({ ownerBeat: 5 })).toEqual([{ masterid: 7, incarnation: 3, seenBeat: 5 }]);
});

test('the lease counts from the first sight of the beat, not from the renewal before it', () => {
  seen({ ownerBeat: 5 });
  clock.pause(59_999);
  expect(seen({ ownerBeat: 6 })).toEqual([]);
  clock.pause(59_999);
  expect(seen({ ownerBeat: 6 })).toEqual([]);
  clock.pause(1);
  expect(seen({ ownerBeat: 6 })).toEqual([{ masterid: 7, incarnation: 3, seenBeat: 6 }]);
});

test('a first sight makes nobody suspect, however old the beat may be', () => {
  clock.pause(3_600_000);
  expect(seen({ ownerBeat: 5 })).toEqual([]);
});

test('wall clocks are not asked, neither ours nor that of the owner', () => {
  seen({ ownerBeat: 5, masterLastActive: 0 });
  clock.stepWall(86_400_000);
  expect(seen({ ownerBeat: 5, masterLastActive: 0 })).toEqual([]);
  clock.stepWall(-2 * 86_400_000);
  clock.pause(60_000);
  expect(seen({ ownerBeat: 5, masterLastActive: 4_000_000_000 })).toHaveLength(1);
});

test('a superseded incarnation keeps its last beat, so the wait for it goes on', () => {
  seen({ ownerIncarnation: 3, ownerBeat: 5 });
  clock.pause(60_000);
  // Its master runs again, in incarnation 4 and at beat 2, but what owns is still 3, whose beat was kept.
  expect(seen({ ownerIncarnation: 3, ownerBeat: 5 })).toEqual([{ masterid: 7, incarnation: 3, seenBeat: 5 }]);
});

test('a new incarnation of the same master is watched anew, even at the same beat', () => {
  seen({ ownerIncarnation: 3, ownerBeat: 5 });
  clock.pause(60_000);
  expect(seen({ ownerIncarnation: 4, ownerBeat: 5 })).toEqual([]);
});

test('who is out of sight for less than a lease is watched on: its beat tells that it has not renewed meanwhile', () => {
  seen({ ownerBeat: 5 });
  clock.pause(30_000);
  watch.observe([]); // its scheduler is being replaced
  clock.pause(29_999);
  expect(seen({ ownerBeat: 5 })).toEqual([]);
  clock.pause(1);
  expect(seen({ ownerBeat: 5 })).toHaveLength(1);
});

test('who is out of sight for a whole lease is forgotten, and watched anew', () => {
  seen({ ownerBeat: 5 });
  clock.pause(60_000);
  seen({ isFree: true, ownerBeat: 5 });
  expect(seen({ ownerBeat: 5 })).toEqual([]);
});

test('free schedulers and those that never had an owner have no suspects', () => {
  for (const ownership of [
    { isFree: true },
    { ownerMasterid: null, ownerIncarnation: null, ownerBeat: null },
  ]) {
    seen(ownership);
    clock.pause(60_000);
    expect(seen(ownership)).toEqual([]);
  }
});

test('the owner of several schedulers is one suspect, and owners are told apart', () => {
  const both = [one({ serviceid: 1 }), one({ serviceid: 2 }), one({ serviceid: 3, ownerMasterid: 8 })];
  watch.observe(both);
  clock.pause(60_000);
  expect(watch.observe(both).map(({ masterid }) => masterid)).toEqual([7, 8]);
});

test('an owner that could not be ended stays suspect', () => {
  seen({ ownerBeat: 5 });
  clock.pause(60_000);
  expect(seen({ ownerBeat: 5 })).toHaveLength(1);
  expect(seen({ ownerBeat: 5 })).toHaveLength(1);
});

function seen(changed: Partial<Ownership>): readonly Suspect[] {
  return watch.observe([one(changed)]);
}

function one(changed: Partial<Ownership>): Ownership {
  return {
    serviceid: 1,
    enabled: true,
    isFree: false,
    epoch: 1,
    ownerMasterid: 7,
    ownerIncarnation: 3,
    ownerBeat: 5,
    masterLastActive: 1_000,
    linkedMasterid: 7,
    ...changed,
  };
}
