// pause-in-transaction: a master is paused between two statements of its next transaction, which stays open, with its
// locks, until the server's time-out for idle transactions ends it. Undo resumes the process, unless it is dead.

import { defineFault } from './define-fault.js';
import { aroundLease } from './durations.js';

export const pauseInTransaction = defineFault({
  kind: 'pause-in-transaction',
  description: 'stop the process of a master in the middle of its next transaction, let it go on later',
  aim: 'master',
  duration: aroundLease,
  params: {},
  impairs: 'target',
  strike({ kernel, database }, target) {
    const node = kernel.node(target);
    if (node.state !== 'up') return null;
    const { incarnation } = node;
    let isSprung = false;
    const disarm = database.conditions.trapTransaction(target, () => {
      if (node.state !== 'up' || node.incarnation !== incarnation) return;
      isSprung = true;
      kernel.pause(node);
    });
    return () => {
      disarm();
      if (isSprung && node.incarnation === incarnation) kernel.resume(node);
    };
  },
});
