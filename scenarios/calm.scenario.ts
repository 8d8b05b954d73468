// No faults: nothing may be slow, lost or done twice. The smallest scenario; copy it and change it.

import { defineScenario, SingleBranchScheduler } from 'standin';

export default defineScenario({
  name: 'calm',
  description: 'Three masters, two schedulers, a busy quarter of an hour, and nothing goes wrong.',
  masters: 3,
  durationS: 900,
  changes: 40,
  schedulers: () => [
    new SingleBranchScheduler('fast', ['linux', 'windows'], { branch: 'master' }),
    new SingleBranchScheduler('nightly-tree', ['linux', 'docs'], { branch: 'master', treeStableTimer: 60 }),
  ],
});
