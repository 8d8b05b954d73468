// The network loses, delays, doubles and reorders messages, cuts connections and falls apart.

import { defineScenario, SingleBranchScheduler } from 'standin';

export default defineScenario({
  name: 'flaky-network',
  description: 'Links drop, reorder and fall apart, one way too; the router loses and doubles messages.',
  masters: 3,
  durationS: 900,
  changes: 40,
  network: 'flaky',
  schedulers: () => [
    new SingleBranchScheduler('fast', ['linux', 'windows'], { branch: 'master' }),
    new SingleBranchScheduler('nightly-tree', ['linux', 'docs'], { branch: 'master', treeStableTimer: 60 }),
  ],
  faults: {
    'partition-database': 8,
    'partition-router': 8,
    'partition-all': 6,
    'one-way-database': 6,
    'one-way-router': 6,
    'cut-database': 12,
    'cut-router': 12,
    'slow-link': 8,
    'message-drop': 8,
    'message-duplicate': 8,
    'message-delay': 8,
    'router-restart': 6,
  },
});
