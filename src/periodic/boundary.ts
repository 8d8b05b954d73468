// The instants at which a task is due, and the jitter that keeps tasks of many processes apart: pure arithmetic, in any
// unit of time. Both are those of the reference, to the last bit when called with the same doubles.

/** `a` modulo `n` (n > 0), with a result from 0 on: a clock that was stepped back gives a negative `a`. */
export function floorModulo(a: number, n: number): number {
  const remainder = a % n;
  // Not ((a % n) + n) % n: that rounds twice.
  return remainder < 0 ? remainder + n : remainder;
}

/**
 * Seconds to be added to a boundary: whole, from 0 to 5 % of the spacing, so that 20 s and less have none.
 * `uniform` is from 0 to 1.
 */
export function jitterS(spacingS: number, uniform: number): number {
  return Math.trunc(spacingS * (uniform / 20));
}

/**
 * What counts as the last run of a task that runs now: the last multiple of `spacing` since `lastRun` that is not in the
 * future, and `jitter` more, so that a late run does not shift the later ones; `now` for a first run. May lie in the
 * future, by the jitter. All in one unit.
 */
export function nearestBoundary(
  now: number,
  lastRun: number | null,
  spacing: number,
  jitter: number,
): number {
  if (lastRun === null) return now;
  return now - floorModulo(now - lastRun, spacing) + jitter;
}
