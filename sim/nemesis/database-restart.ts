// database-restart: the database server is killed, with all sessions; committed data survives. Undo starts it again.

import { defineFault } from './define-fault.js';
import { brief } from './durations.js';

export const databaseRestart = defineFault({
  kind: 'database-restart',
  description: 'kill the database server, start it again later',
  aim: 'world',
  duration: brief,
  params: {},
  impairs: 'all',
  strike(surface) {
    return surface.crashDatabase() ? () => surface.startDatabase() : null;
  },
});
