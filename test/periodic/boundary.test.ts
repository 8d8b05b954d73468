// The boundary formula: the rows of the reference, and agreement with the formula as it is written down.

import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { floorModulo, jitterS, nearestBoundary } from '../../src/periodic/boundary.js';

/** now, last run, spacing, U as in the formula, and the result. */
const ROWS: readonly (readonly [number, number | null, number, number, number])[] = [
  [19, 10, 7, 0, 17],
  [28, 13, 7, 0, 27],
  [1841, 781, 88, 0, 1837],
  [1835, null, 88, 0, 1835],
  [1300, 1000, 200, 1, 1210],
  [1300, 1000, 200, 0.5, 1205],
  // The clock went back.
  [5, 10, 7, 0, 3],
];

test.each(ROWS)('at %d after %s by %d with U = %d the last run is %d', (...row) => {
  const [now, last, spacing, u, expected] = row;
  expect(nearestBoundary(now, last, spacing, jitterS(spacing, u))).toBe(expected);
});

test.each([
  [20, 0],
  [21, 1],
  [40, 1],
  [41, 2],
  [60, 2],
  [61, 3],
  [100, 4],
  [600, 29],
])('a spacing of %d s has at most %d s of jitter', (spacing, most) => {
  const almostOne = 0.999_999;
  expect(jitterS(spacing, almostOne)).toBe(most);
  expect(jitterS(spacing, 0)).toBe(0);
});

test('spacings that are no multiple of a power of two err as doubles do', () => {
  expect(nearestBoundary(1, 0, 0.3, 0)).toBeCloseTo(0.9, 12);
});

describe('for any times', () => {
  const time = fc.integer({ min: 0, max: 2 ** 40 });
  const spacing = fc.integer({ min: 1, max: 2 ** 20 });
  const uniform = fc.double({ min: 0, max: 1, noNaN: true });

  property.prop([time, time, spacing, uniform])('it is the formula', (now, last, by, u) => {
    const difference = now - last;
    const offset = difference - Math.floor(difference / by) * by;
    expect(nearestBoundary(now, last, by, jitterS(by, u))).toBe(now - offset + Math.trunc(by * (u / 20)));
  });

  property.prop([time, time, spacing])(
    'without jitter, it is a multiple of the spacing, and the last one',
    (now, last, by) => {
      const boundary = nearestBoundary(now, last, by, 0);
      expect(boundary).toBeLessThanOrEqual(now);
      expect(boundary + by).toBeGreaterThan(now);
      expect(Math.abs((boundary - last) % by)).toBe(0);
    },
  );

  property.prop([fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e9, max: 1e9 }), spacing])(
    'a modulo is from 0 to below the divisor, or rounds to it',
    (a, n) => {
      const modulo = floorModulo(a, n);
      expect(modulo).toBeGreaterThanOrEqual(0);
      expect(modulo).toBeLessThanOrEqual(n);
    },
  );
});
