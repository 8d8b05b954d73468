// What a build driver can be told, checked and completed.

import { ConfigError } from '../core/errors.js';
import { nearest } from '../core/nearest.js';
import type { Executor } from './executor.js';

export interface BuildDriverOptions {
  readonly executor: Executor;
  /** How many builds this driver runs at once on one master. Default 4. */
  readonly mostBuilds?: number;
  /** A build that has not ended after so many seconds is given up; 0 = never. Default 1,800. */
  readonly timeOutS?: number;
}

const KEYS: readonly string[] = ['executor', 'mostBuilds', 'timeOutS'];

/** @throws ConfigError naming the driver, the option, what was expected and what was got. */
export function completeDriverOptions(
  name: string,
  builderNames: readonly string[],
  options: BuildDriverOptions,
): Required<BuildDriverOptions> {
  const fail = (problem: string): never => {
    throw new ConfigError(`driver '${String(name)}' ${problem}`);
  };
  if (typeof name !== 'string' || name === '') fail('needs a name, a text that is not empty');
  if (!Array.isArray(builderNames) || builderNames.length === 0) fail('needs the names of its builders');
  for (const key of Object.keys(options)) {
    if (!KEYS.includes(key)) fail(`has no option '${key}'${nearest(key, KEYS)}`);
  }
  const { executor, mostBuilds = 4, timeOutS = 1_800 } = options;
  for (const method of ['start', 'status', 'stop'] as const) {
    if (typeof executor?.[method] !== 'function') fail(`needs as 'executor' an object with ${method}()`);
  }
  if (!Number.isInteger(mostBuilds) || mostBuilds < 1)
    fail(`needs a whole number above 0 for 'mostBuilds', got ${String(mostBuilds)}`);
  if (!Number.isFinite(timeOutS) || timeOutS < 0)
    fail(`needs a number of seconds for 'timeOutS', 0 or more, got ${String(timeOutS)}`);
  return { executor, mostBuilds, timeOutS };
}
