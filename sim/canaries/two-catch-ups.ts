// B28: after a pause the overdue timer builds a slot, and what looks for missed slots builds another one at once.

import { Periodic } from '../../src/schedulers/periodic.js';
import { defineScenario } from '../scenario.js';
import type { Canary } from './canary.js';

class EagerPeriodic extends Periodic {
  protected override dueSlots(lastMs: number, nowMs: number, count: number): readonly number[] {
    const due = super.dueSlots(lastMs, nowMs, 2);
    return due.length > 1 ? [...due.slice(0, 1), nowMs] : super.dueSlots(lastMs, nowMs, count);
  }
}

export const twoCatchUps: Canary = {
  name: 'two-catch-ups',
  defect: 'a master that was paused builds the overdue slot, and at once another one that is none (B28)',
  oracle: 'slot-once',
  scenario: defineScenario({
    name: 'canary-two-catch-ups',
    description: 'Masters pause and crash while slots come every half minute.',
    changes: 0,
    schedulers: () => [new EagerPeriodic('eager', ['linux'], { periodicBuildTimer: 30 })],
    faults: { pause: 24, crash: 6 },
    guarantees: ['slot-once'],
  }),
  parts: {},
};
