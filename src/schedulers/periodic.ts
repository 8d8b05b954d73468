// Builds every so often. Its slots are a grid: the first one is when it is first active, and each further one a period
// later, whoever owns it by then and however late a slot was built.
// @source buildbot master/buildbot/schedulers/timed.py Periodic

import { ConfigError } from '../core/errors.js';
import type { BuilderNames } from './render.js';
import { TimedScheduler, type SlotRule, type TimedOptions } from './timed.js';

export interface PeriodicOptions extends TimedOptions {
  /** Seconds between two builds. */
  readonly periodicBuildTimer: number;
}

export class Periodic extends TimedScheduler {
  readonly #periodMs: number;

  /** @throws ConfigError */
  constructor(name: string, builderNames: BuilderNames, options: PeriodicOptions) {
    super(name, builderNames, options);
    const seconds = options.periodicBuildTimer;
    if (!Number.isFinite(seconds) || seconds * 1000 < 1) {
      throw new ConfigError(
        `periodicBuildTimer of scheduler '${name}' is ${String(seconds)}, expected seconds, above 0`,
      );
    }
    this.#periodMs = Math.round(seconds * 1000);
  }

  override get slotRule(): SlotRule {
    return { kind: 'period', periodMs: this.#periodMs };
  }

  protected override slotAfter(lastMs: number): number {
    return lastMs + this.#periodMs;
  }

  protected override dueSlots(lastMs: number, nowMs: number, count: number): readonly number[] {
    const due = Math.floor((nowMs - lastMs) / this.#periodMs);
    const length = Math.max(0, Math.min(due, count));
    return Array.from({ length }, (_, i) => lastMs + (due - length + 1 + i) * this.#periodMs);
  }

  protected override beginning(nowMs: number): number {
    return nowMs - this.#periodMs;
  }

  /** Never more than a period: a last slot in the future was another clock's. */
  protected override waitMs(slotMs: number, nowMs: number): number {
    return Math.min(Math.max(slotMs - nowMs, 0), this.#periodMs);
  }

  protected override get followsWallClock(): boolean {
    return false;
  }
}
