// cold-start: every master is down, often for longer than a lease; undo starts them again, one after the other, so that the
// first ones find claims of masters that are still to come.

import { defineFault } from './define-fault.js';
import { aroundLease } from './durations.js';
import { range } from './parameters.js';
import { startAfter } from './restart.js';

export const coldStart = defineFault({
  kind: 'cold-start',
  description: 'kill all masters at once, start them again later, one after the other',
  aim: 'world',
  duration: aroundLease,
  params: { staggerS: range(0, 20), first: range(0, 25) },
  impairs: 'all',
  strike(surface, _target, { staggerS, first }) {
    const { kernel, masters } = surface;
    const down = masters.map((master) => ({ master, incarnation: kernel.node(master).incarnation }));
    const struck = down.filter(({ master }) => surface.crashMaster(master, false));
    if (struck.length === 0) return null;
    return () => {
      for (const [i, { master, incarnation }] of struck.entries()) {
        const turn = (i + first) % struck.length;
        const atUs = kernel.nowUs + turn * staggerS * 1_000_000;
        if (turn === 0) startAfter(surface, master, incarnation);
        else kernel.at(atUs, () => startAfter(surface, master, incarnation));
      }
    };
  },
});
