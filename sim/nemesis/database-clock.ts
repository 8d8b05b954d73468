// database-clock: the wall clock of the database server jumps, and some time later jumps back. Nobody asks it.

import { defineFault } from './define-fault.js';
import { aroundLease } from './durations.js';
import { DATABASE_NODE } from './fault.js';
import { eitherWay } from './parameters.js';

export const databaseClock = defineFault({
  kind: 'database-clock',
  description: 'set the wall clock of the database server wrong, set it right later',
  aim: 'world',
  duration: aroundLease,
  params: { deltaMs: eitherWay(86_400_000) },
  impairs: 'none',
  strike({ kernel }, _target, { deltaMs }) {
    const node = kernel.node(DATABASE_NODE);
    kernel.stepClock(node, deltaMs);
    return () => kernel.stepClock(node, -deltaMs);
  },
});
