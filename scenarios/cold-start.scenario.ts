// The whole cluster is down, often for longer than the lease; then the masters come back one after the other, at a database
// that may be slow: those that are up first must not take from those that are still starting.

import { defineScenario, SingleBranchScheduler } from 'standin';

export default defineScenario({
  name: 'cold-start',
  description: 'The whole cluster goes down for longer than its lease and starts again, some masters slowly.',
  durationS: 450,
  clocks: { offsetS: 3_600, driftPpm: 5_000 },
  schedulers: () => [
    new SingleBranchScheduler('fast', ['linux', 'windows'], { branch: 'master' }),
    new SingleBranchScheduler('tree', ['linux', 'docs'], { branch: 'master', treeStableTimer: 30 }),
  ],
  faults: { 'cold-start': 24, 'slow-link': 8, 'slow-database': 8, 'database-restart': 4 },
});
