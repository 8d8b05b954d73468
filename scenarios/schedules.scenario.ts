// Schedulers that build by the clock, and one that waits for many trees to be stable, while masters die and the network
// falls apart: each slot once, and none left out.

import { AnyBranchScheduler, defineScenario, Nightly, Periodic } from 'standin';

export default defineScenario({
  name: 'schedules',
  description: 'Periodic, Nightly and AnyBranch schedulers; masters crash, pause and lose the network.',
  masters: 3,
  durationS: 900,
  changes: 24,
  clocks: { offsetS: 2, driftPpm: 100 },
  schedulers: () => [
    new Periodic('minutely', ['linux'], { periodicBuildTimer: 60 }),
    new Nightly('nightly', ['docs'], { minute: '*/2', timeZone: 'Europe/Berlin' }),
    new Nightly('if-changed', ['mac'], { minute: '*/3', onlyIfChanged: true, missedSlots: 'skip' }),
    new AnyBranchScheduler('branches', ['windows'], { treeStableTimer: 40 }),
  ],
  faults: { crash: 12, pause: 12, stop: 6, 'partition-database': 6, 'cut-database': 8, 'message-drop': 4 },
});
