// Periodic tasks of every master that have nothing to do but to be there, so that a fault can make them fail, hang or take
// too long: one that others wait for, one that is parallel, and one with jitter.
//
// What a fault does to a master's chores outlasts its process, as a broken machine does; a run that hangs goes on when the
// fault is undone, or when its master stops.

import { StandinError } from '../../src/core/errors.js';
import type { Driver } from '../../src/drivers/driver-host.js';
import { driverPeriodicTask } from '../../src/periodic/driver-periodic-task.js';
import { sleep, type Clock } from '../../src/runtime/clock.js';
import type { Kernel, Process } from '../kernel/kernel.js';

/** What becomes of each run that begins. */
export type Mood = 'error' | 'hang' | 'overrun';

export class ChoreList {
  readonly #kernel: Kernel;
  readonly #moods = new Map<string, Mood>();
  /** By master: what ends its runs that hang. */
  readonly #hanging = new Map<string, Set<() => void>>();

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  /** The chores of a process, as a driver. */
  driverOf(process: Process): Driver {
    const master = process.node.name;
    const kernel = this.#kernel;
    return new Chores(process, {
      mood: () => this.#moods.get(master) ?? null,
      hang: () =>
        new Promise<void>((resolve) => {
          // The fault ends outside of any process; what has hung goes on inside its own, if that still lives.
          this.#hangingOf(master).add(() => kernel.atProcess(kernel.nowUs, process, resolve));
        }),
      release: () => this.#release(master),
    });
  }

  /** Spoils the chores of a master until the undo; null when they are spoilt already. */
  spoil(master: string, mood: Mood): (() => void) | null {
    if (this.#moods.has(master)) return null;
    this.#moods.set(master, mood);
    return () => {
      this.#moods.delete(master);
      this.#release(master);
    };
  }

  #hangingOf(master: string): Set<() => void> {
    const hanging = this.#hanging.get(master) ?? new Set<() => void>();
    this.#hanging.set(master, hanging);
    return hanging;
  }

  #release(master: string): void {
    const hanging = [...this.#hangingOf(master)];
    this.#hangingOf(master).clear();
    for (const end of hanging) end();
  }
}

interface Spoiler {
  mood(): Mood | null;
  /** Resolves when it is over. */
  hang(): Promise<void>;
  release(): void;
}

/** Longer than the spacing of most chores. */
const OVERRUN_MS = 25_000;

class Chores implements Driver {
  readonly name = 'chores';
  readonly builderNames: readonly string[] = [];
  readonly #clock: Clock;
  readonly #spoiler: Spoiler;
  #isStopping = false;

  constructor(clock: Clock, spoiler: Spoiler) {
    this.#clock = clock;
    this.#spoiler = spoiler;
  }

  async start(): Promise<void> {}

  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#spoiler.release();
  }

  @driverPeriodicTask({ spacing: 20, parallel: false }) serial(): Promise<void> {
    return this.#run();
  }

  @driverPeriodicTask({ spacing: 10 }) parallel(): Promise<void> {
    return this.#run();
  }

  @driverPeriodicTask({ spacing: 40, runImmediately: true, retry: 5 }) jittered(): Promise<void> {
    return this.#run();
  }

  async #run(): Promise<void> {
    const mood = this.#spoiler.mood();
    if (mood === null || this.#isStopping) return;
    if (mood === 'error') throw new StandinError('spoilt', 'a fault spoils this task');
    if (mood === 'hang') await this.#spoiler.hang();
    else await sleep(this.#clock, OVERRUN_MS);
  }
}
