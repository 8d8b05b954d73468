// partition-all: a master is cut off from every other node; it runs on, alone.

import { block, bothWays } from './blocks.js';
import { defineFault } from './define-fault.js';
import { aroundLease } from './durations.js';

export const partitionAll = defineFault({
  kind: 'partition-all',
  description: 'lose everything between a master and all other nodes',
  aim: 'master',
  duration: aroundLease,
  params: {},
  impairs: 'target',
  strike({ kernel, network }, target) {
    const peers = kernel.nodes.map(({ name }) => name).filter((name) => name !== target);
    return block(
      network,
      peers.flatMap((peer) => bothWays(target, peer)),
    );
  },
});
