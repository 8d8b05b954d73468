// The same by clocks that are hours apart, jump and drift: a slot is built at most once all the same.

import { defineScenario, Nightly, Periodic } from 'standin';

export default defineScenario({
  name: 'clock-schedules',
  description: 'Periodic and Nightly schedulers by clocks that are hours apart, step both ways and drift.',
  masters: 3,
  durationS: 900,
  changes: 10,
  clocks: { offsetS: 14_400, driftPpm: 10_000 },
  schedulers: () => [
    new Periodic('minutely', ['linux'], { periodicBuildTimer: 60, missedSlots: { atMost: 3 } }),
    new Nightly('nightly', ['docs'], { minute: '*/2', timeZone: 'America/St_Johns' }),
  ],
  faults: { 'clock-step': 24, pause: 8, crash: 8 },
});
