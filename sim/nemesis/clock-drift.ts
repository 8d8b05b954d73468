// clock-drift: both clocks of a master run at another rate, within the 1 % that the guarantees allow. Undo restores the
// rate that the plan gives that master; of two that overlap on one master the first to end restores it.

import { defineFault } from './define-fault.js';
import { aroundLease } from './durations.js';
import { eitherWay } from './parameters.js';

export const clockDrift = defineFault({
  kind: 'clock-drift',
  description: 'let the clocks of a master run up to 1 % too fast or too slow',
  aim: 'master',
  duration: aroundLease,
  params: { ppm: eitherWay(10_000) },
  impairs: 'none',
  strike(surface, target, { ppm }) {
    const { kernel } = surface;
    const node = kernel.node(target);
    kernel.setDrift(node, ppm);
    return () => kernel.setDrift(node, surface.driftPpm(target));
  },
});
