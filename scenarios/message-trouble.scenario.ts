// Messages are lost, late, doubled and overtaken, subscriptions are forgotten, consumers are slow, connections die at one
// side only, and the router is restarted: messages are hints, and the database is what counts.

import { defineScenario, SingleBranchScheduler } from 'standin';

export default defineScenario({
  name: 'message-trouble',
  description: 'The router loses, delays, doubles and reorders messages, forgets subscriptions and restarts.',
  masters: 3,
  durationS: 900,
  changes: 60,
  schedulers: () => [
    new SingleBranchScheduler('fast', ['linux', 'windows'], { branch: 'master' }),
    new SingleBranchScheduler('nightly-tree', ['linux', 'docs'], { branch: 'master', treeStableTimer: 60 }),
  ],
  faults: {
    'message-drop': 6,
    'message-delay': 6,
    'message-duplicate': 6,
    'message-reorder': 12,
    'lost-subscription': 12,
    'slow-consumer': 8,
    'half-open-router': 12,
    'cut-router': 8,
    'one-way-router': 6,
    'router-restart': 6,
    'replica-lag': 6,
    crash: 4,
    stop: 4,
  },
});
