// Schedulers are switched off and on while masters fail and are reconfigured: what is off builds nothing, and what came
// meanwhile is built when it is on again.

import { defineScenario, SingleBranchScheduler } from 'standin';

export default defineScenario({
  name: 'enable-disable',
  description: 'Schedulers are disabled and enabled while masters crash, pause and are reconfigured.',
  durationS: 450,
  versions: 2,
  schedulers: (version) => [
    new SingleBranchScheduler('fast', ['linux', 'windows'], {
      branch: 'master',
      reason: `version ${version}`,
    }),
    new SingleBranchScheduler('tree', ['linux', 'docs'], { branch: 'master', treeStableTimer: 30 }),
  ],
  operations: { disable: 60, reconfigure: 12 },
  faults: { crash: 8, pause: 8, 'message-drop': 8, 'partition-database': 4 },
});
