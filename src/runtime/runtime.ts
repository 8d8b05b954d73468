// The ports that every layer of the control plane may use, in one bundle: clock, randomness, log and probe.
// A host (real process or simulator) implements them; nothing in src/ reaches for a global instead.

import type { JsonObject } from '../core/json.js';
import type { Clock } from './clock.js';

/** Randomness for jitter and back-off only; nothing that must be unguessable. */
export interface Random {
  /** A uniform integer in [0, bound), bound >= 1. */
  integer(bound: number): number;
}

export type LogLevel = 'debug' | 'info' | 'warning' | 'error';

export interface Logger {
  log(level: LogLevel, message: string): void;
}

/**
 * What an observer outside may want to know at the instant it happens (an activation, a state read).
 * A probe changes nothing and returns nothing; without an observer it does nothing.
 */
export interface Probe {
  emit(event: string, detail: JsonObject): void;
}

export interface Runtime {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly probe: Probe;
}
