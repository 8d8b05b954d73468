// How long faults last, in milliseconds, in steps of 100; the shortest is the mildest.

import fc from 'fast-check';
import type { FaultContext } from './fault.js';

export type Duration = (context: FaultContext) => fc.Arbitrary<number>;

/** The fault is over at once: there is nothing to undo. */
export const instant: Duration = () => fc.constant(0);

/** 0.5 to 30 s: shorter than a lease, longer than most time-outs. */
export const brief: Duration = () => between(500, 30_000);

/** 5 s to 3 leases; a third of them within a tenth of one lease, where a claim may or may not be lost. */
export const aroundLease: Duration = ({ leaseMs }) =>
  fc.oneof(
    { withCrossShrink: true },
    { arbitrary: between(5_000, Math.max(5_000, 3 * leaseMs)), weight: 2 },
    { arbitrary: between(Math.floor(leaseMs * 0.9), Math.ceil(leaseMs * 1.1)), weight: 1 },
  );

function between(minMs: number, maxMs: number): fc.Arbitrary<number> {
  return fc
    .integer({ min: Math.floor(minMs / 100), max: Math.ceil(maxMs / 100) })
    .map((tenths) => tenths * 100);
}
