// clock-step: a master's wall clock jumps, seconds to hours, forwards or backwards, and some time later jumps back; the
// monotonic clock runs on. With a duration of 0 it stays wrong.

import fc from 'fast-check';
import { defineFault } from './define-fault.js';
import { aroundLease } from './durations.js';
import { eitherWay } from './parameters.js';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

export const clockStep = defineFault({
  kind: 'clock-step',
  description: 'set the wall clock of a master wrong by seconds, minutes or hours, set it right later',
  aim: 'master',
  duration: aroundLease,
  params: {
    deltaMs: eitherWay(
      24 * HOUR_MS,
      fc.oneof(
        { withCrossShrink: true },
        multiples(SECOND_MS, 60),
        multiples(MINUTE_MS, 60),
        multiples(HOUR_MS, 24),
      ),
    ),
  },
  impairs: 'none',
  strike({ kernel }, target, { deltaMs }) {
    const node = kernel.node(target);
    kernel.stepClock(node, deltaMs);
    return () => kernel.stepClock(node, -deltaMs);
  },
});

function multiples(unitMs: number, most: number): fc.Arbitrary<number> {
  return fc.integer({ min: 1, max: most }).map((count) => count * unitMs);
}
