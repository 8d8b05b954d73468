// B29: the next slot is worked out with the UTC offset of the last one, as if clocks never changed.

import { Calendar } from '../../src/core/calendar.js';
import { TimeZone } from '../../src/core/time-zone.js';
import { Nightly, type NightlyOptions } from '../../src/schedulers/nightly.js';
import { defineScenario } from '../scenario.js';
import type { Canary } from './canary.js';

class FixedOffsetNightly extends Nightly {
  readonly #zone: TimeZone;
  readonly #local: Calendar;

  constructor(name: string, builderNames: readonly string[], options: NightlyOptions & { timeZone: string }) {
    super(name, builderNames, options);
    const line = this.slotRule.kind === 'calendar' ? this.slotRule.line.split(' ') : [];
    const [minute = '', hour = '', dayOfMonth = '', month = '', dayOfWeek = ''] = line;
    const policy = { missingHour: 'after', repeatedHour: 'first' } as const;
    this.#zone = new TimeZone(options.timeZone);
    this.#local = new Calendar({ minute, hour, dayOfMonth, month, dayOfWeek }, new TimeZone('UTC'), policy);
  }

  protected override slotAfter(lastMs: number): number | null {
    const offsetMs = this.#zone.offsetMs(lastMs);
    const next = this.#local.next(lastMs + offsetMs);
    return next === null ? null : next - offsetMs;
  }

  protected override dueSlots(lastMs: number, nowMs: number, count: number): readonly number[] {
    const due: number[] = [];
    for (let at = this.slotAfter(lastMs); at !== null && at <= nowMs; at = this.slotAfter(at)) due.push(at);
    return due.slice(-count);
  }
}

export const fixedOffset: Canary = {
  name: 'fixed-offset',
  defect: 'when clocks change, the next slot is an hour early or late, or comes twice (B29)',
  oracle: 'slot-once',
  scenario: defineScenario({
    name: 'canary-fixed-offset',
    description:
      'The clocks go forward or back while a Nightly builds by them, and now and then a master crashes.',
    masters: 2,
    durationS: 1_200,
    changes: 0,
    startsAt: ['2026-03-29T00:50Z', '2026-10-25T00:50Z'],
    schedulers: () => [
      new FixedOffsetNightly('night', ['linux'], { timeZone: 'Europe/Berlin', minute: '*/10', hour: '1-4' }),
    ],
    faults: { crash: 4 },
    guarantees: ['slot-once'],
  }),
  parts: {},
};
