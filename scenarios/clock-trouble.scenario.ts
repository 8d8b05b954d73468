// Wall clocks that are hours apart, jump and drift, together with masters that pause: no wall clock may judge.

import { defineScenario, SingleBranchScheduler } from 'standin';

export default defineScenario({
  name: 'clock-trouble',
  description: 'Clocks are hours apart, step both ways and drift, while masters pause and crash.',
  masters: 3,
  durationS: 900,
  changes: 40,
  clocks: { offsetS: 14_400, driftPpm: 10_000 },
  schedulers: () => [
    new SingleBranchScheduler('fast', ['linux', 'windows'], { branch: 'master' }),
    new SingleBranchScheduler('nightly-tree', ['linux', 'docs'], { branch: 'master', treeStableTimer: 60 }),
  ],
  faults: { 'clock-step': 24, 'clock-drift': 12, pause: 8, crash: 8 },
});
