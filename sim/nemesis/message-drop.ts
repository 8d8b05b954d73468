// message-drop: the router loses a share of its deliveries for a while; subscribers are not told.

import { defineFault } from './define-fault.js';
import { aroundLease } from './durations.js';
import { range } from './parameters.js';

export const messageDrop = defineFault({
  kind: 'message-drop',
  description: 'let the router lose a share of its deliveries',
  aim: 'world',
  duration: aroundLease,
  params: { ppm: range(10_000, 1_000_000) },
  impairs: 'none',
  hasHits: true,
  strike: ({ router }, _target, { ppm }, onHit) => router.setDrop(ppm, onHit),
});
