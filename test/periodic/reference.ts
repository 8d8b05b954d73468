// The reference (oslo_service.periodic_task) written down once more, from its description alone and sharing no line with
// src/: a list of tasks, a dictionary of spacings, a dictionary of last runs, and a walk over all of them in each pass.

import type { PeriodicCase } from '../../sim/cli/periodic-case.js';
import type { PassRecord } from '../../sim/cli/periodic-oracle.js';

const DEFAULT_INTERVAL = 60;

/** What each pass of `given` does. */
export function referencePasses(given: PeriodicCase): readonly PassRecord[] {
  let now = given.t0;
  const uniforms = [...given.random];
  const tasks = given.tasks.filter(({ enabled, spacing }) => enabled && spacing >= 0);
  const spacings: Record<string, number> = {};
  const lastRuns: Record<string, number | null> = {};
  for (const { name, spacing, runImmediately } of tasks) {
    spacings[name] = spacing === 0 ? DEFAULT_INTERVAL : spacing;
    lastRuns[name] = runImmediately ? null : now;
  }

  const boundary = (last: number | null, spacing: number): number => {
    if (last === null) return now;
    const offset = floorMod(now - last, spacing);
    return now - offset + Math.trunc(spacing * ((uniforms.shift() ?? 0) / 20));
  };

  const passes: PassRecord[] = [];
  for (const step of given.steps) {
    now = 'at' in step ? step.at : now + step.advance;
    const t = now;
    const ran: string[] = [];
    let idle: number | null = DEFAULT_INTERVAL;
    let error: string | null = null;
    for (const task of tasks) {
      if (task.externalProcessOk && !given.runExternal) continue;
      const spacing = spacings[task.name] ?? Number.NaN;
      const last = lastRuns[task.name] ?? null;
      idle = Math.min(idle, spacing);
      if (last !== null) {
        const delta = last + spacing - now;
        if (delta > 0) {
          idle = Math.min(idle, delta);
          continue;
        }
      }
      lastRuns[task.name] = boundary(last, spacing);
      ran.push(task.name);
      now += task.takes;
      if (task.raises === null || !given.raiseOnError) continue;
      error = task.raises;
      break;
    }
    if (error !== null) idle = null;
    passes.push({ t, idle, ran, last_run: { ...lastRuns }, error });
  }
  return passes;
}

/** As Python has it: the sign of the result is that of `n`. */
function floorMod(a: number, n: number): number {
  const remainder = a % n;
  return remainder !== 0 && remainder < 0 !== n < 0 ? remainder + n : remainder;
}
