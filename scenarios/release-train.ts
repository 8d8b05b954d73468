// The scheduler of docs/writing-a-scheduler.md: a release train, which leaves every so often with whoever is aboard.

import { BaseScheduler, sleep, type Change, type SchedulerOptions } from 'standin';

export interface ReleaseTrainOptions extends SchedulerOptions {
  /** Seconds from one departure to the next. */
  readonly periodS: number;
}

export class ReleaseTrain extends BaseScheduler {
  static override readonly compareAttrs = ['periodS'];
  readonly periodS: number;
  #running: Promise<void> = Promise.resolve();

  constructor(name: string, builderNames: readonly string[], options: ReleaseTrainOptions) {
    super(name, builderNames, options);
    this.periodS = options.periodS;
  }

  protected override async startActivity(): Promise<void> {
    this.#running = this.#run(await this.getState('departure', 0), this.signal);
    this.startConsumingChanges();
  }

  /** Resolves when the train has stopped: `sleep` ends with the signal. */
  protected override async stopActivity(): Promise<void> {
    await this.#running;
  }

  /** Gets on. */
  override async gotChange({ changeid }: Change): Promise<void> {
    await this.classifyChanges(new Map([[changeid, true]]));
  }

  /** What an observer may demand: every change is on some train. */
  override wantsChange(): boolean {
    return true;
  }

  async #run(firstDepartureMs: number, signal: AbortSignal): Promise<void> {
    let departureMs = firstDepartureMs;
    while (!signal.aborted) {
      const leftMs = Math.min(departureMs - this.clock.wallMs(), this.periodS * 1000);
      await sleep(this.clock, Math.max(leftMs, 0), signal);
      if (!signal.aborted) departureMs = await this.#depart();
    }
  }

  /** Leaves, and returns the next departure; a train that could not leave tries again in a second. */
  async #depart(): Promise<number> {
    const nextMs = this.clock.wallMs() + this.periodS * 1000;
    try {
      await this.act(async () => {
        const aboard = [...(await this.getChangeClassifications()).keys()];
        await this.setState('departure', nextMs);
        if (aboard.length === 0) return;
        const train = (await this.getState('train', 0)) + 1;
        await this.setState('train', train);
        await this.addBuildsetForChanges({ changeids: aboard, reason: `train ${train}` });
        await this.flushChangeClassifications(aboard);
      });
      return nextMs;
    } catch {
      return this.clock.wallMs() + 1_000; // the effect was refused or the database is away: nothing of it was done
    }
  }
}
