// Everything that a database may do to those who use it: connections that end at COMMIT, transactions that fail or are
// overtaken, locks that others hold, outages, refused sessions, owners paused in the middle of a transaction.

import { defineScenario, SingleBranchScheduler } from 'standin';

export default defineScenario({
  name: 'database-trouble',
  description: 'The database fails, stalls, refuses, cuts connections at COMMIT and is away for a while.',
  changes: 60,
  schedulers: () => [
    new SingleBranchScheduler('fast', ['linux', 'windows'], { branch: 'master' }),
    new SingleBranchScheduler('patient', ['linux'], { branch: 'master', treeStableTimer: 45 }),
  ],
  faults: {
    'commit-cut': 12,
    'commit-failure': 8,
    'commit-stall': 8,
    'lock-hold': 8,
    'session-limit': 4,
    'pause-in-transaction': 6,
    'database-outage': 3,
    'database-restart': 3,
    'slow-database': 3,
    'database-clock': 4,
    'replica-lag': 4,
    crash: 6,
  },
});
