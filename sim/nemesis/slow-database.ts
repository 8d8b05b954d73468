// slow-database: every statement takes longer at the server, up to the statement time-out of 5 s. A server that is
// restarted is as fast as ever.

import { defineFault } from './define-fault.js';
import { brief } from './durations.js';
import { DATABASE_NODE } from './fault.js';
import { range } from './parameters.js';

export const slowDatabase = defineFault({
  kind: 'slow-database',
  description: 'delay every statement at the database server',
  aim: 'world',
  duration: brief,
  params: { extraMs: range(10, 5_000) },
  impairs: 'all',
  strike({ kernel, database }, _target, { extraMs }) {
    return kernel.node(DATABASE_NODE).state === 'down' ? null : database.conditions.slow(extraMs * 1000);
  },
});
