// Upgrades: masters are stopped and started again in turn, and not everything goes well meanwhile.

import { defineScenario, SingleBranchScheduler } from 'standin';

export default defineScenario({
  name: 'rolling-restart',
  description:
    'All masters are stopped and started in turn, while messages are lost and one or another dies.',
  durationS: 450,
  schedulers: () => [
    new SingleBranchScheduler('fast', ['linux', 'windows'], { branch: 'master' }),
    new SingleBranchScheduler('tree', ['linux', 'docs'], { branch: 'master', treeStableTimer: 30 }),
  ],
  faults: { 'rolling-restart': 24, crash: 4, 'message-drop': 8, 'slow-database': 4, 'router-restart': 4 },
});
