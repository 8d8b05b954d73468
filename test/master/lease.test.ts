// How long a process may believe in its claims.

import { beforeEach, expect, test } from 'vitest';
import { Lease, LEASE_MARGIN_MS } from '../../src/master/lease.js';
import { ManualClock } from '../support/manual-clock.js';

const TRUST_MS = 60_000 - LEASE_MARGIN_MS;

let clock: ManualClock;
let lease: Lease;

beforeEach(() => {
  clock = new ManualClock();
  lease = new Lease(clock, 60_000);
});

test('nothing is believed before an incarnation has begun, nor after it has ended', () => {
  expect([lease.incarnation, lease.isTrusted(0)]).toEqual([null, false]);
  lease.begin(3, lease.now());
  expect([lease.incarnation, lease.isTrusted(3)]).toEqual([3, true]);
  lease.end();
  expect([lease.incarnation, lease.isTrusted(3)]).toEqual([null, false]);
});

test('belief holds for the lease less a margin, from the instant at which the beginning was sent', () => {
  const sentAt = lease.now();
  clock.pause(10_000);
  lease.begin(3, sentAt);
  clock.pause(TRUST_MS - 10_000 - 1);
  expect(lease.isTrusted(3)).toBe(true);
  clock.pause(1);
  expect(lease.isTrusted(3)).toBe(false);
});

test('a renewal counts from when it was sent, not from when its answer came', () => {
  lease.begin(3, lease.now());
  clock.pause(20_000);
  const sentAt = lease.now();
  clock.pause(30_000);
  lease.renewed(sentAt);
  clock.pause(TRUST_MS - 30_000 - 1);
  expect(lease.isTrusted(3)).toBe(true);
  clock.pause(1);
  expect(lease.isTrusted(3)).toBe(false);
});

test('belief that has lapsed comes back with a renewal', () => {
  lease.begin(3, lease.now());
  clock.pause(TRUST_MS);
  lease.renewed(lease.now());
  expect(lease.isTrusted(3)).toBe(true);
});

test('claims of another incarnation are not believed, neither older nor younger', () => {
  lease.begin(3, lease.now());
  expect([lease.isTrusted(2), lease.isTrusted(4)]).toEqual([false, false]);
  lease.begin(4, lease.now());
  expect([lease.isTrusted(3), lease.isTrusted(4)]).toEqual([false, true]);
});

test('a wall clock that jumped past the lease ends belief: the machine may have been suspended', () => {
  lease.begin(3, lease.now());
  clock.stepWall(TRUST_MS - 1);
  expect(lease.isTrusted(3)).toBe(true);
  clock.stepWall(1);
  expect(lease.isTrusted(3)).toBe(false);
  lease.renewed(lease.now());
  expect(lease.isTrusted(3)).toBe(true);
});

test('a wall clock that was set back lengthens nothing', () => {
  lease.begin(3, lease.now());
  clock.stepWall(-3_600_000);
  clock.pause(TRUST_MS - 1);
  expect(lease.isTrusted(3)).toBe(true);
  clock.pause(1);
  expect(lease.isTrusted(3)).toBe(false);
});

test('with rates within one per cent, belief ends before any observer may take over', () => {
  const longestBeliefMs = (60_000 - LEASE_MARGIN_MS) / 0.99;
  const shortestObservationMs = 60_000 / 1.01;
  expect(shortestObservationMs - longestBeliefMs).toBeGreaterThan(3_000);
});
