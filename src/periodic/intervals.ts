// The check of the times that looping calls are given.

import { ConfigError } from '../core/errors.js';
import { inWords } from './task-definition.js';

/**
 * `seconds` in milliseconds.
 * @throws ConfigError naming `what` when it is no number of at least `leastS`.
 */
export function requireMs(what: string, seconds: unknown, leastS: number): number {
  if (typeof seconds === 'number' && Number.isFinite(seconds) && seconds >= leastS) return seconds * 1000;
  throw new ConfigError(`${what} is ${inWords(seconds)}, expected a number of seconds, at least ${leastS}`);
}
