// Results of builds, requests and buildsets: numbers that the database and the messages hold.
// @source buildbot master/buildbot/process/results.py

export const SUCCESS = 0;
export const WARNINGS = 1;
export const FAILURE = 2;
export const SKIPPED = 3;
export const EXCEPTION = 4;
/** The build ended for no fault of its own, a dead master for example; its request is built again. */
export const RETRY = 5;
export const CANCELLED = 6;

/** From the worst to the best. */
const BY_SEVERITY: readonly number[] = [CANCELLED, RETRY, EXCEPTION, FAILURE, WARNINGS, SUCCESS, SKIPPED];

/** The result of the whole of which these are the parts; of none it is SUCCESS. */
export function worstResult(results: readonly number[]): number {
  return BY_SEVERITY.find((result) => results.includes(result)) ?? SUCCESS;
}
