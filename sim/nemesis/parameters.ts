// The parameters of faults: what values one may have, how it is drawn (the first or smallest value is the mildest), and
// what to call that in a message.

import fc from 'fast-check';

/** One parameter of a fault. */
export interface Parameter<T extends number | string> {
  readonly arbitrary: fc.Arbitrary<T>;
  /** `an integer from 1 to 5`. */
  readonly expected: string;
  accepts(value: unknown): value is T;
}

export type Parameters = Readonly<Record<string, Parameter<number> | Parameter<string>>>;

/** The values of parameters `P`, by name. */
export type ValuesOf<P extends Parameters> = {
  readonly [K in keyof P]: P[K] extends Parameter<infer T> ? T : never;
};

/** An integer from `min` to `max`; `min` is the mildest. */
export function range(min: number, max: number): Parameter<number> {
  return {
    arbitrary: fc.integer({ min, max }),
    expected: `an integer from ${min} to ${max}`,
    accepts: (value): value is number => isInteger(value) && value >= min && value <= max,
  };
}

/** An integer of magnitude 1 to `max`, of either sign; `magnitudes` draws the magnitude, by default uniformly. */
export function eitherWay(
  max: number,
  magnitudes: fc.Arbitrary<number> = fc.integer({ min: 1, max }),
): Parameter<number> {
  return {
    arbitrary: fc.tuple(magnitudes, fc.constantFrom(1, -1)).map(([magnitude, sign]) => magnitude * sign),
    expected: `an integer from -${max} to ${max} other than 0`,
    accepts: (value): value is number => isInteger(value) && value !== 0 && Math.abs(value) <= max,
  };
}

/** One of these words; the first is the mildest. */
export function oneOf<T extends string>(...words: readonly [T, ...T[]]): Parameter<T> {
  return {
    arbitrary: fc.constantFrom(...words),
    expected: `one of ${words.join(', ')}`,
    accepts: (value): value is T => words.some((word) => word === value),
  };
}

function isInteger(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value);
}
