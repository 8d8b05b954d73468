// slow-link: everything between a master and the database, or the router, takes longer, in both directions.

import { bothWays, undoAll } from './blocks.js';
import { defineFault } from './define-fault.js';
import { aroundLease } from './durations.js';
import { DATABASE_NODE } from './fault.js';
import { oneOf, range } from './parameters.js';

export const slowLink = defineFault({
  kind: 'slow-link',
  description: 'delay everything between a master and the database or the router',
  aim: 'master',
  duration: aroundLease,
  params: { peer: oneOf('router', 'database'), extraMs: range(10, 3_000) },
  impairs: 'target',
  strike({ network, router }, target, { peer, extraMs }) {
    const node = peer === 'router' ? router.node.name : DATABASE_NODE;
    return undoAll(bothWays(target, node).map(([from, to]) => network.slow(from, to, extraMs * 1000)));
  },
});
