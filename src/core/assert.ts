// Assertions that are always on. What only a bug can cause is asserted here and throws an AssertionFailure;
// what can happen in operation is a StandinError instead (see errors.ts).

/** Thrown by `assert`: a bug in this code base, never a condition of operation. */
export class AssertionFailure extends Error {
  override readonly name = 'AssertionFailure';
}

/** Throws AssertionFailure with `message` unless `condition` is truthy. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionFailure(message);
}

/** Returns `value`, which the caller knows to be there; throws AssertionFailure naming `what` otherwise. */
export function present<T>(value: T | null | undefined, what: string): T {
  assert(value !== null && value !== undefined, `${what} is missing`);
  return value;
}

/** The default branch of an exhaustive switch. */
export function unreachable(value: never): never {
  throw new AssertionFailure(`unreachable: ${JSON.stringify(value)}`);
}
