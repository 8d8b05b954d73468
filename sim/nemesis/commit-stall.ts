// commit-stall: commits are late, each by another time, so that transactions commit in another order than they were begun
// and ids become visible out of order.

import { defineFault } from './define-fault.js';
import { brief } from './durations.js';
import { DATABASE_NODE } from './fault.js';
import { range } from './parameters.js';

export const commitStall = defineFault({
  kind: 'commit-stall',
  description: 'delay commits, so that they overtake one another',
  aim: 'world',
  duration: brief,
  params: { ppm: range(100_000, 1_000_000), maxMs: range(10, 4_000) },
  impairs: 'all',
  strike({ kernel, database }, _target, { ppm, maxMs }) {
    if (kernel.node(DATABASE_NODE).state === 'down') return null;
    return database.conditions.stallCommits(ppm, maxMs);
  },
});
