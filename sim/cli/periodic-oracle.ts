// Runs the real PeriodicTasks by a case, on a clock that only the case moves, and records each pass.

import type { Clock } from '../../src/runtime/clock.js';
import type { Runtime } from '../../src/runtime/runtime.js';
import { periodicTask } from '../../src/periodic/periodic-task.js';
import { PeriodicTasks } from '../../src/periodic/periodic-tasks.js';
import { compatSemantics, ownSemantics, type Semantics } from '../../src/periodic/semantics.js';
import type { CaseTask, PeriodicCase } from './periodic-case.js';

/** What one pass did. Times in seconds. */
export interface PassRecord {
  /** When it began. */
  readonly t: number;
  /** What it returned; null when an error ended it. */
  readonly idle: number | null;
  /** The tasks that it called, in order. */
  readonly ran: readonly string[];
  /** The last run of every enabled task after it. */
  readonly last_run: Readonly<Record<string, number | null>>;
  /** The message of the error that ended it, or null. */
  readonly error: string | null;
}

/** The records of all passes of `schedule`, one for each step. */
export async function runCase(schedule: PeriodicCase, semantics: 'own' | 'compat'): Promise<PassRecord[]> {
  const world = new CaseWorld(schedule);
  const manager = new PeriodicTasks<null>(world.runtime, {
    runExternalTasks: schedule.runExternal,
    semantics: semantics === 'compat' ? world.compat(schedule.t0) : ownSemantics,
  });
  for (const task of schedule.tasks) manager.addPeriodicTask(world.function(task));
  const records: PassRecord[] = [];
  for (const step of schedule.steps) {
    world.nowS = 'at' in step ? step.at : world.nowS + step.advance;
    records.push(await runPass(manager, world, schedule.raiseOnError));
  }
  return records;
}

async function runPass(
  manager: PeriodicTasks<null>,
  world: CaseWorld,
  raiseOnError: boolean,
): Promise<PassRecord> {
  const t = world.nowS;
  world.ran.length = 0;
  let idle: number | null = null;
  let error: string | null = null;
  try {
    idle = await manager.runPeriodicTasks(null, { raiseOnError });
  } catch (thrown) {
    if (!(thrown instanceof CaseError)) throw thrown;
    error = thrown.message;
  }
  return { t, idle, ran: [...world.ran], last_run: Object.fromEntries(manager.lastRuns), error };
}

/** What a task with `raises` throws. */
class CaseError extends Error {}

/** The clock, the random numbers and the functions of one case. */
class CaseWorld {
  nowS: number;
  readonly ran: string[] = [];
  readonly #uniforms: Iterator<number>;

  constructor({ t0, random }: PeriodicCase) {
    this.nowS = t0;
    this.#uniforms = random.values();
  }

  get runtime(): Runtime {
    const nowMs = (): number => Math.round(this.nowS * 1000);
    const clock: Clock = { wallMs: nowMs, monotonicMs: nowMs, setTimer: () => ({ cancel: nothing }) };
    const integer = (bound: number): number => Math.min(bound - 1, Math.floor(this.#uniform() * bound));
    return { clock, random: { integer }, logger: { log: nothing }, probe: { emit: nothing } };
  }

  compat(loadedAtS: number): Semantics {
    return compatSemantics({ nowS: () => this.nowS, uniform: () => this.#uniform(), loadedAtS });
  }

  function({ name, raises, takes, ...options }: CaseTask): () => void {
    return periodicTask({ ...options, name }, () => {
      this.ran.push(name);
      this.nowS += takes;
      if (raises !== null) throw new CaseError(raises);
    });
  }

  #uniform(): number {
    const { done, value } = this.#uniforms.next();
    return done === true ? 0 : value;
  }
}

function nothing(): void {}
