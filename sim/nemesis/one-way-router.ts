// one-way-router: what a master sends to the router is lost, or what the router sends to it; the other way works.

import { block } from './blocks.js';
import { defineFault } from './define-fault.js';
import { aroundLease } from './durations.js';
import { oneOf } from './parameters.js';

export const oneWayRouter = defineFault({
  kind: 'one-way-router',
  description: 'lose one direction between a master and the router',
  aim: 'master',
  duration: aroundLease,
  params: { lost: oneOf('from-master', 'to-master') },
  impairs: 'target',
  strike({ network, router }, target, { lost }) {
    return block(network, [lost === 'from-master' ? [target, router.node.name] : [router.node.name, target]]);
  },
});
