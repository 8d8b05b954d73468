// crash: a master's process is killed; its peers see their connections reset. Undo starts the master again.

import { defineFault } from './define-fault.js';
import { aroundLease } from './durations.js';
import { startAfter } from './restart.js';

export const crash = defineFault({
  kind: 'crash',
  description: 'kill the process of a master, start it again later',
  aim: 'master',
  duration: aroundLease,
  params: {},
  impairs: 'target',
  strike(surface, target) {
    const { incarnation } = surface.kernel.node(target);
    return surface.crashMaster(target, false) ? () => startAfter(surface, target, incarnation) : null;
  },
});
