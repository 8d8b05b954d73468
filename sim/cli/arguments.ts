// The values of options, from what was typed: each function returns the value or throws a UsageError that names the
// option, what was expected and what was got.

import { availableParallelism } from 'node:os';
import { UsageError } from '../explore/usage-error.js';
import { loadChanges } from '../workload/change-log.js';
import type { LoggedChange } from '../workload/logged-change.js';

/** `60s`, `2m`, `1h`, `500ms`, or a number of seconds; in milliseconds. */
export function parseTime(text: string): number {
  const [, amount, unit = 's'] = /^(\d{1,6})(ms|s|m|h)?$/.exec(text.trim()) ?? [];
  const timeMs = Number(amount) * (UNIT_MS[unit] ?? 0);
  if (timeMs > 0) return timeMs;
  throw new UsageError(`--time ${text} is no time: expected for example 60s, 5m or 1h`);
}

/** Of a chaos phase, `30d`, `1h`, `10m` or a number of seconds; scenarios say what they allow. */
export function parseDuration(text: string): { readonly durationS: number } {
  const [, amount, unit = 's'] = /^(\d{1,7})(s|m|h|d)?$/.exec(text.trim()) ?? [];
  const durationS = (Number(amount) * (UNIT_MS[unit] ?? 0)) / 1000;
  if (durationS >= SHORTEST_S && durationS <= LONGEST_S) return { durationS };
  throw new UsageError(
    `--duration ${text}: expected from ${SHORTEST_S}s to ${LONGEST_S / 86_400}d, for example 1h or 30d`,
  );
}

/** 1 to 64. */
export function parseWorkers(text: string): number {
  const workers = /^\d{1,2}$/.test(text) ? Number(text) : 0;
  if (workers >= 1 && workers <= 64) return workers;
  throw new UsageError(`--workers ${text} is no number of workers: expected 1 to 64`);
}

/** As many workers as there are cores, to a point. */
export function defaultWorkers(): number {
  return Math.min(8, availableParallelism());
}

/** How the kernel drains microtasks after each event. */
export function parseDrain(text: string): 'tick' | 'immediate' {
  if (text === 'tick' || text === 'immediate') return text;
  throw new UsageError(`--drain ${text}: expected tick or immediate`);
}

/** The history in a git repository or a .jsonl file; null for none, which means the package's own. */
export function parseChanges(source: string | undefined): readonly LoggedChange[] | null {
  return source === undefined ? null : loadChanges(source);
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

const SHORTEST_S = 10;
/** What a plan may hold. */
const LONGEST_S = 34 * 86_400;
