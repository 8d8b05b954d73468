// Masters do builds and keep house while their database is slow or away, their clocks are set, they pause, and tasks of
// their drivers fail, hang and overrun: every periodic task goes on, on time, and what masters die with is built by others.

import { defineScenario, SingleBranchScheduler } from 'standin';

export default defineScenario({
  name: 'busy-tasks',
  description: 'Periodic tasks and builds while the database is slow, clocks are set and workers are lost.',
  masters: 2,
  durationS: 600,
  changes: 12,
  schedulers: () => [new SingleBranchScheduler('fast', ['linux', 'windows'], { branch: 'master' })],
  executor: {
    leastS: 5,
    mostS: 90,
    failurePpm: 100_000,
    lostPpm: 100_000,
    refusedPpm: 50_000,
    silentPpm: 20_000,
  },
  clocks: { offsetS: 30, driftPpm: 5_000 },
  faults: {
    pause: 8,
    crash: 8,
    stop: 4,
    'clock-step': 12,
    'slow-database': 12,
    'database-restart': 8,
    'commit-failure': 8,
    'task-error': 8,
    'task-hang': 6,
    'task-overrun': 6,
  },
});
