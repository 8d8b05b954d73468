// task-hang: runs of a driver's periodic tasks on one master go on until the fault ends. Tasks of the same manager wait for one
// that is not parallel; heartbeat, watching and upkeep have others.

import { defineFault } from './define-fault.js';
import { aroundLease } from './durations.js';

export const taskHang = defineFault({
  kind: 'task-hang',
  description: 'let the tasks of a driver hang until the fault ends',
  aim: 'master',
  duration: aroundLease,
  params: {},
  impairs: 'none',
  strike({ kernel, chores }, target) {
    if (chores === null || kernel.node(target).state !== 'up') return null;
    return chores.spoil(target, 'hang');
  },
});
