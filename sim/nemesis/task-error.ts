// task-error: every run of a driver's periodic tasks on one master throws. Each comes again when it is due, and nobody else
// notices.

import { defineFault } from './define-fault.js';
import { aroundLease } from './durations.js';

export const taskError = defineFault({
  kind: 'task-error',
  description: 'let the tasks of a driver fail',
  aim: 'master',
  duration: aroundLease,
  params: {},
  impairs: 'none',
  strike({ kernel, chores }, target) {
    if (chores === null || kernel.node(target).state !== 'up') return null;
    return chores.spoil(target, 'error');
  },
});
