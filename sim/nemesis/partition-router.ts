// partition-router: a master and the router do not hear each other; connections stay open until they time out.

import { block, bothWays } from './blocks.js';
import { defineFault } from './define-fault.js';
import { aroundLease } from './durations.js';

export const partitionRouter = defineFault({
  kind: 'partition-router',
  description: 'lose everything between a master and the router',
  aim: 'master',
  duration: aroundLease,
  params: {},
  impairs: 'target',
  strike: ({ network, router }, target) => block(network, bothWays(target, router.node.name)),
});
