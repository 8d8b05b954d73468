// database-outage: all sessions end at once and none is let in for a while; the server's process goes on. A server that is
// restarted meanwhile lets them in again.

import { defineFault } from './define-fault.js';
import { aroundLease } from './durations.js';
import { DATABASE_NODE } from './fault.js';

export const databaseOutage = defineFault({
  kind: 'database-outage',
  description: 'end all sessions and let none in, for up to three leases',
  aim: 'world',
  duration: aroundLease,
  params: {},
  impairs: 'all',
  strike({ kernel, database }) {
    if (kernel.node(DATABASE_NODE).state === 'down') return null;
    database.cutSessions();
    return database.conditions.limitSessions(0);
  },
});
