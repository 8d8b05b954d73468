// G2 single-active: at no true time are two masters active for one scheduler, paused ones included.
//
// It judges the samples that the harness took of every node's `active` getter. One overlap is reported once, at its
// first sample.

import { formatUs } from '../report/virtual-time.js';
import { NO_VIOLATIONS, type HistoryEvent, type Oracle, type OracleRun, type Violation } from './history.js';
import { list } from './sentences.js';

const NAME = 'single-active';

export const singleActive: Oracle = {
  name: NAME,
  start: () => new SingleActiveRun(),
};

class SingleActiveRun implements OracleRun {
  checks = 0;
  /** Schedulers whose last sample showed an overlap. */
  readonly #overlapping = new Set<string>();

  observe(event: HistoryEvent): readonly Violation[] {
    if (event.kind !== 'active') return NO_VIOLATIONS;
    this.checks++;
    const { scheduler, masters, atUs } = event;
    if (masters.length < 2) {
      this.#overlapping.delete(scheduler);
      return NO_VIOLATIONS;
    }
    if (this.#overlapping.has(scheduler)) return NO_VIOLATIONS;
    this.#overlapping.add(scheduler);
    const named = masters.map((master) => (event.running.includes(master) ? master : `${master} (paused)`));
    const message = `scheduler ${scheduler} is active on ${list(named)} at ${formatUs(atUs)}`;
    return [{ guarantee: NAME, atUs, message, subject: scheduler }];
  }

  finish(): readonly Violation[] {
    return NO_VIOLATIONS;
  }
}
