// The workload by which a core is measured: one simulated hour of three masters and five schedulers, with the faults and
// the density of changes of the failover scenario.

import { defineScenario, SingleBranchScheduler } from '../sim/index.js';

const branch = 'master';

export const hour = defineScenario({
  name: 'bench-hour',
  description: 'One hour of three masters and five schedulers, for the benchmark.',
  masters: 3,
  // The convergence phase, five minutes, makes it an hour.
  durationS: 3300,
  changes: 160,
  schedulers: () => [
    new SingleBranchScheduler('fast', ['linux', 'windows'], { branch }),
    new SingleBranchScheduler('docs', ['docs'], { branch }),
    new SingleBranchScheduler('nightly-tree', ['linux', 'docs'], { branch, treeStableTimer: 60 }),
    new SingleBranchScheduler('slow-tree', ['windows'], { branch, treeStableTimer: 120 }),
    new SingleBranchScheduler('release', ['linux'], { branch: 'release' }),
  ],
  faults: { crash: 16, 'host-crash': 6, pause: 16, stop: 8, 'database-restart': 2 },
});
