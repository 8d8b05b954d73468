// cut-database: all connections between a master and the database are reset at once; new ones can be made. Nothing to undo.

import { defineFault } from './define-fault.js';
import { instant } from './durations.js';
import { DATABASE_NODE } from './fault.js';

export const cutDatabase = defineFault({
  kind: 'cut-database',
  description: 'reset the connections between a master and the database',
  aim: 'master',
  duration: instant,
  params: {},
  impairs: 'none',
  strike({ network }, target) {
    return network.cut(target, DATABASE_NODE) > 0 ? () => undefined : null;
  },
});
