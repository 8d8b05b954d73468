// Measuring: elapsed time of synchronous and asynchronous work, the median, and the resident set.

import { setTimeout as delay } from 'node:timers/promises';

/** One figure of the benchmark. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
}

// Taken before a run can route it to a simulated clock.
const now = process.hrtime.bigint;

/** Milliseconds that `action` takes. */
export async function elapsedMs(action: () => unknown): Promise<number> {
  const start = now();
  await action();
  return Number(now() - start) / 1e6;
}

/** The middle one of `values`, of which there is at least one; the upper of two. */
export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
}

/** Resident set of this process, MB, after what was freed had time to go. */
export async function residentMb(): Promise<number> {
  await delay(100);
  return process.memoryUsage.rss() / 1e6;
}
