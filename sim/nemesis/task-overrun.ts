// task-overrun: every run of a driver's periodic tasks on one master takes longer than their spacing: none may overlap itself.

import { defineFault } from './define-fault.js';
import { aroundLease } from './durations.js';

export const taskOverrun = defineFault({
  kind: 'task-overrun',
  description: 'let the tasks of a driver take longer than their spacing',
  aim: 'master',
  duration: aroundLease,
  params: {},
  impairs: 'none',
  strike({ kernel, chores }, target) {
    if (chores === null || kernel.node(target).state !== 'up') return null;
    return chores.spoil(target, 'overrun');
  },
});
