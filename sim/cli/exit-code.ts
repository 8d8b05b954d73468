// What the process ends with. A campaign ends with the gravest of what happened in it.

/** Exit codes by their cause. */
export const EXIT = {
  pass: 0,
  violation: 1,
  unknown: 2,
  nondeterminism: 3,
  vacuous: 4,
  usage: 64,
} as const;

/** From the gravest on: what a doubtful tool says comes before what it found. */
const BY_GRAVITY = [EXIT.usage, EXIT.nondeterminism, EXIT.violation, EXIT.unknown, EXIT.vacuous];

/** The gravest of `codes`; 0 when there is none. */
export function gravest(codes: readonly number[]): number {
  return BY_GRAVITY.find((code) => codes.includes(code)) ?? EXIT.pass;
}

/** The exit code of one verdict. */
export function exitCodeOf(verdict: 'pass' | 'violation' | 'unknown'): number {
  return EXIT[verdict];
}
