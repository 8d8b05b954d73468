// Two processes with the name of one master: the older one must give way, and act no more.

import { defineScenario, SingleBranchScheduler } from 'standin';

export default defineScenario({
  name: 'same-name',
  description: 'A second process starts under the name of a master that still runs, or that hangs.',
  durationS: 450,
  schedulers: () => [
    new SingleBranchScheduler('fast', ['linux', 'windows'], { branch: 'master' }),
    new SingleBranchScheduler('tree', ['linux', 'docs'], { branch: 'master', treeStableTimer: 30 }),
  ],
  faults: { 'second-process': 40, pause: 16, 'partition-database': 8, crash: 4 },
});
