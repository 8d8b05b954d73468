// pause: a master's process runs nothing for a while (SIGSTOP, a long collection, a virtual machine that is moved), and
// goes on as if nothing had happened. Undo resumes it, unless that process is dead.

import { defineFault } from './define-fault.js';
import { aroundLease } from './durations.js';

export const pause = defineFault({
  kind: 'pause',
  description: 'stop the process of a master, let it go on later',
  aim: 'master',
  duration: aroundLease,
  params: {},
  impairs: 'target',
  strike({ kernel }, target) {
    const node = kernel.node(target);
    if (node.state !== 'up') return null;
    const { incarnation } = node;
    kernel.pause(node);
    return () => {
      if (node.incarnation === incarnation) kernel.resume(node);
    };
  },
});
