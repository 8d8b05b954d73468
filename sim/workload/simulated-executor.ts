// Workers that do builds by decision: how long each takes, whether it fails, whether its worker is lost on the way. They
// are no part of any master: a build goes on when its master dies, and nobody asks for it any more.
//
// An answer takes its time, on the clock of the process that asked, which is gone with it.

import { StandinError } from '../../src/core/errors.js';
import { FAILURE, SUCCESS } from '../../src/core/results.js';
import type { Executor, ExecutorStatus } from '../../src/drivers/executor.js';
import { sleep } from '../../src/runtime/clock.js';
import type { Kernel, Process } from '../kernel/kernel.js';

/** What becomes of builds; everything has a default. */
export interface SimulatedBuilds {
  /** The shortest and the longest build, seconds. Default 10 and 120. */
  readonly leastS?: number;
  readonly mostS?: number;
  /** How many of a million builds fail, lose their worker, are refused at first, or are asked for in vain. Default 0. */
  readonly failurePpm?: number;
  readonly lostPpm?: number;
  readonly refusedPpm?: number;
  /** … how many of a million questions get no answer at all. */
  readonly silentPpm?: number;
}

const PPM: readonly [number, number] = [0, 1_000_000];

/** The least and the greatest value of each. */
export const BUILDS_RANGES: Readonly<Record<keyof SimulatedBuilds, readonly [number, number]>> = {
  leastS: [0, 100_000],
  mostS: [0, 100_000],
  failurePpm: PPM,
  lostPpm: PPM,
  refusedPpm: PPM,
  silentPpm: PPM,
};

interface Job {
  readonly endsAtUs: number;
  readonly end: ExecutorStatus;
}

const MOST_LATENCY_MS = 50;

export class SimulatedWorkers {
  readonly #kernel: Kernel;
  readonly #builds: Required<SimulatedBuilds>;
  readonly #jobs = new Map<string, Job>();

  constructor(kernel: Kernel, builds: SimulatedBuilds) {
    this.#kernel = kernel;
    const least = builds.leastS ?? 10;
    const none = { failurePpm: 0, lostPpm: 0, refusedPpm: 0, silentPpm: 0 };
    this.#builds = { ...none, ...builds, leastS: least, mostS: Math.max(least, builds.mostS ?? 120) };
  }

  /** The workers as a process of a master sees them. */
  executorOf(process: Process): Executor {
    const draws = this.#kernel.decisions.stream('executor', `${process.node.name}#${process.incarnation}`);
    const answer = (): Promise<void> => sleep(process, 1 + draws.choose(MOST_LATENCY_MS));
    return {
      start: async ({ build, builder, request }) => {
        await answer();
        if (draws.chance(this.#builds.refusedPpm))
          throw new StandinError('no-worker', 'no worker is free', { isRetryable: true });
        // Named by what is built, for the how-manieth time: another build more or less moves nothing.
        this.#jobs.set(String(build.buildid), this.#draw(`${builder}/${request.buildrequestid}`));
        return String(build.buildid);
      },
      status: async (handle) => {
        if (draws.chance(this.#builds.silentPpm)) await new Promise<never>(() => undefined);
        await answer();
        return this.#statusOf(handle);
      },
      stop: async (handle) => {
        this.#jobs.delete(handle);
      },
    };
  }

  #draw(what: string): Job {
    const { leastS, mostS, failurePpm, lostPpm } = this.#builds;
    const draws = this.#kernel.decisions.stream('build', what);
    const lastsMs = leastS * 1000 + draws.choose((mostS - leastS) * 1000 + 1);
    const isLost = draws.chance(lostPpm);
    const results = draws.chance(failurePpm) ? FAILURE : SUCCESS;
    const end: ExecutorStatus = isLost
      ? { kind: 'lost', stateString: 'lost its worker' }
      : { kind: 'finished', results, stateString: results === SUCCESS ? 'build successful' : 'failed' };
    return { endsAtUs: this.#kernel.nowUs + lastsMs * 1000, end };
  }

  #statusOf(handle: string): ExecutorStatus {
    const job = this.#jobs.get(handle);
    if (job === undefined) return { kind: 'lost', stateString: 'no such build' };
    return this.#kernel.nowUs < job.endsAtUs ? { kind: 'running', stateString: 'building' } : job.end;
  }
}
