// stop: a master is stopped cleanly, as in an upgrade. Undo starts it again, as soon as its process has ended.

import { defineFault } from './define-fault.js';
import { aroundLease } from './durations.js';
import { startAfter } from './restart.js';

export const stop = defineFault({
  kind: 'stop',
  description: 'stop a master cleanly, start it again later',
  aim: 'master',
  duration: aroundLease,
  params: {},
  impairs: 'target',
  strike(surface, target) {
    const { incarnation } = surface.kernel.node(target);
    return surface.stopMaster(target) ? () => startAfter(surface, target, incarnation) : null;
  },
});
