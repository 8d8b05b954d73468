// commit-failure: the server ends transactions at COMMIT in favour of others, as it may at any time: nothing was done, and
// the same may succeed when it is tried again.

import { defineFault } from './define-fault.js';
import { brief } from './durations.js';
import { DATABASE_NODE } from './fault.js';
import { oneOf, range } from './parameters.js';

export const commitFailure = defineFault({
  kind: 'commit-failure',
  description: 'fail commits with serialization failures or deadlocks',
  aim: 'world',
  duration: brief,
  params: { ppm: range(50_000, 500_000), error: oneOf('serialization-failure', 'deadlock') },
  impairs: 'all',
  strike({ kernel, database }, _target, { ppm, error }) {
    if (kernel.node(DATABASE_NODE).state === 'down') return null;
    return database.conditions.failCommits(error, ppm);
  },
});
