// rolling-restart: every master is stopped cleanly and started again at once, one after the other, as in an upgrade. Undo ends
// the round: those whose turn has not come go on as they are.

import { defineFault } from './define-fault.js';
import { aroundLease } from './durations.js';
import { range } from './parameters.js';
import { startAfter } from './restart.js';

export const rollingRestart = defineFault({
  kind: 'rolling-restart',
  description: 'stop and start all masters cleanly, one after the other',
  aim: 'world',
  duration: aroundLease,
  params: { gapS: range(1, 60) },
  impairs: 'none',
  strike(surface, _target, { gapS }) {
    const { kernel, masters } = surface;
    let isOver = false;
    const restart = (master: string): boolean => {
      const { incarnation } = kernel.node(master);
      if (isOver || !surface.stopMaster(master)) return false;
      startAfter(surface, master, incarnation);
      return true;
    };
    const [first = '', ...others] = masters;
    if (!restart(first)) return null;
    for (const [i, master] of others.entries()) {
      kernel.at(kernel.nowUs + (i + 1) * gapS * 1_000_000, () => void restart(master));
    }
    return () => {
      isOver = true;
    };
  },
});
