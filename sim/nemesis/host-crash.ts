// host-crash: a master's machine is switched off; its peers see nothing until their time-outs. Undo starts it again.

import { defineFault } from './define-fault.js';
import { aroundLease } from './durations.js';
import { startAfter } from './restart.js';

export const hostCrash = defineFault({
  kind: 'host-crash',
  description: 'switch the machine of a master off, start it again later',
  aim: 'master',
  duration: aroundLease,
  params: {},
  impairs: 'target',
  strike(surface, target) {
    const { incarnation } = surface.kernel.node(target);
    return surface.crashMaster(target, true) ? () => startAfter(surface, target, incarnation) : null;
  },
});
