// Which masters are able to do their work: they run, and no fault that may hinder them lasts. Said to the history
// whenever it changes, and again when a disturbance without duration has struck.

import type { HistoryEvent } from '../oracles/history.js';

export class Health {
  readonly #masters: readonly string[];
  readonly #report: (event: HistoryEvent) => void;
  readonly #running = new Set<string>();
  readonly #impairments = new Map<string, number>();
  readonly #healthy = new Set<string>();

  constructor(masters: readonly string[], report: (event: HistoryEvent) => void) {
    this.#masters = masters;
    this.#report = report;
  }

  /** A master's process has started or resumed (true), or ended, paused or begun to stop (false). */
  runs(master: string, isRunning: boolean, atUs: number): void {
    if (isRunning) this.#running.add(master);
    else this.#running.delete(master);
    this.#update(master, atUs);
  }

  /** A fault that may hinder these masters begins. */
  impair(masters: readonly string[], atUs: number): void {
    for (const master of masters) {
      this.#impairments.set(master, (this.#impairments.get(master) ?? 0) + 1);
      this.#update(master, atUs);
    }
  }

  /** It ends. */
  repair(masters: readonly string[], atUs: number): void {
    for (const master of masters) {
      this.#impairments.set(master, (this.#impairments.get(master) ?? 0) - 1);
      this.#update(master, atUs);
    }
  }

  /** All masters that are healthy now. */
  get healthy(): readonly string[] {
    return this.#masters.filter((master) => this.#healthy.has(master));
  }

  #update(master: string, atUs: number): void {
    const isHealthy = this.#running.has(master) && (this.#impairments.get(master) ?? 0) === 0;
    if (isHealthy === this.#healthy.has(master)) return;
    if (isHealthy) this.#healthy.add(master);
    else this.#healthy.delete(master);
    this.#report({ kind: 'health', atUs, node: master, isHealthy });
  }
}
