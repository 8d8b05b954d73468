// partition-database: a master and the database do not hear each other; connections stay open until they time out.

import { block, bothWays } from './blocks.js';
import { defineFault } from './define-fault.js';
import { aroundLease } from './durations.js';
import { DATABASE_NODE } from './fault.js';

export const partitionDatabase = defineFault({
  kind: 'partition-database',
  description: 'lose everything between a master and the database',
  aim: 'master',
  duration: aroundLease,
  params: {},
  impairs: 'target',
  strike: ({ network }, target) => block(network, bothWays(target, DATABASE_NODE)),
});
