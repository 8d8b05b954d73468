// Seeds as the user writes them: a range `A-B`, a count `N` of fresh ones, or a 40-digit commit hash.
//
// A seed is text everywhere: a decimal number without leading zeros, or a hash in lower case. Sequences are lazy, so that
// an endless one costs nothing, and position i of a sequence is always the same seed.

import { randomInt } from 'node:crypto';
import { UsageError } from './usage-error.js';

/** A sequence of seeds. */
export interface Seeds {
  /** How many there are; Infinity when only the time limits the campaign. */
  readonly count: number;
  /** The first of the fresh seeds, for printing; null when the user chose the seeds. */
  readonly base: string | null;
  /** The seed at position `index`, from 0. */
  at(index: number): string;
}

const DECIMAL = /^(0|[1-9]\d{0,14})$/;
const HASH = /^[0-9a-f]{40}$/;

/** Fresh bases lie below this: short enough to read aloud, far enough apart not to overlap. */
const BASE_LIMIT = 1_000_000_000_000;

/**
 * One seed, in its canonical form.
 * @throws UsageError unless `text` is a decimal number of at most 15 digits or a 40-digit hash.
 */
export function parseSeed(text: string): string {
  const seed = text.trim().toLowerCase();
  if (DECIMAL.test(seed) || HASH.test(seed)) return seed;
  throw new UsageError(
    `'${text}' is no seed: expected a number (at most 15 digits) or a 40-digit commit hash`,
  );
}

/**
 * `A-B` (both ends included), `N` (that many fresh seeds) or a commit hash.
 * @throws UsageError naming what was expected and what was got.
 */
export function parseSeeds(text: string): Seeds {
  const trimmed = text.trim().toLowerCase();
  if (HASH.test(trimmed)) return { count: 1, base: null, at: () => trimmed };
  const ends = trimmed.split('-');
  if (!ends.every((end) => DECIMAL.test(end)) || ends.length > 2) {
    throw new UsageError(`'${text}' are no seeds: expected A-B, a count N, or a 40-digit commit hash`);
  }
  const [first = 0, last] = ends.map(Number);
  return last === undefined ? countedSeeds(first) : rangeOfSeeds(first, last);
}

/** `count` seeds (or endlessly many) that nobody has tried before, in all likelihood. */
export function freshSeeds(count: number = Number.POSITIVE_INFINITY): Seeds {
  const base = randomInt(1, BASE_LIMIT);
  return { count, base: String(base), at: (index) => String(base + index) };
}

function countedSeeds(count: number): Seeds {
  if (count < 1) throw new UsageError('0 seeds try nothing: expected at least 1');
  return freshSeeds(count);
}

function rangeOfSeeds(first: number, last: number): Seeds {
  if (last < first)
    throw new UsageError(`the seeds ${first}-${last} run backwards: expected ${last}-${first}`);
  return { count: last - first + 1, base: null, at: (index) => String(first + index) };
}
