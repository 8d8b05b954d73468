// one-way-database: what a master sends to the database is lost, or what the database sends to it; the other way works.

import { block } from './blocks.js';
import { defineFault } from './define-fault.js';
import { aroundLease } from './durations.js';
import { DATABASE_NODE } from './fault.js';
import { oneOf } from './parameters.js';

export const oneWayDatabase = defineFault({
  kind: 'one-way-database',
  description: 'lose one direction between a master and the database',
  aim: 'master',
  duration: aroundLease,
  params: { lost: oneOf('from-master', 'to-master') },
  impairs: 'target',
  strike({ network }, target, { lost }) {
    return block(network, [lost === 'from-master' ? [target, DATABASE_NODE] : [DATABASE_NODE, target]]);
  },
});
