// session-limit: the server lets in no session beyond a few, which those who have one keep: what a pool of another program
// that has run full does to everybody else.

import { defineFault } from './define-fault.js';
import { brief } from './durations.js';
import { DATABASE_NODE } from './fault.js';
import { range } from './parameters.js';

export const sessionLimit = defineFault({
  kind: 'session-limit',
  description: 'let no more than a few sessions into the database',
  aim: 'world',
  duration: brief,
  params: { most: range(1, 9) },
  impairs: 'all',
  strike({ kernel, database }, _target, { most }) {
    if (kernel.node(DATABASE_NODE).state === 'down') return null;
    return database.conditions.limitSessions(most);
  },
});
