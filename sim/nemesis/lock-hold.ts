// lock-hold: somebody else's session takes locks that masters need, and keeps them: whoever wants one waits, up to the
// time-out of 5 s, and tries again.

import { defineFault } from './define-fault.js';
import { brief } from './durations.js';
import { DATABASE_NODE } from './fault.js';
import { oneOf } from './parameters.js';

export const lockHold = defineFault({
  kind: 'lock-hold',
  description: 'hold the lock of the inbox, or those of all schedulers',
  aim: 'world',
  duration: brief,
  params: { lock: oneOf('inbox', 'schedulers') },
  impairs: 'all',
  strike({ kernel, database }, _target, { lock }) {
    if (kernel.node(DATABASE_NODE).state === 'down') return null;
    if (lock === 'inbox') return database.holdLocks(['inbox']);
    const { rows } = database.query('SELECT id FROM schedulers ORDER BY id');
    if (rows.length === 0) return null;
    return database.holdLocks(rows.map(({ id }) => `row:schedulers:${id}`));
  },
});
