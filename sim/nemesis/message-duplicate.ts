// message-duplicate: the router makes a share of its deliveries twice for a while, the second one late.

import { defineFault } from './define-fault.js';
import { aroundLease } from './durations.js';
import { range } from './parameters.js';

export const messageDuplicate = defineFault({
  kind: 'message-duplicate',
  description: 'let the router make a share of its deliveries twice',
  aim: 'world',
  duration: aroundLease,
  params: { ppm: range(10_000, 1_000_000) },
  impairs: 'none',
  hasHits: true,
  strike: ({ router }, _target, { ppm }, onHit) => router.setDuplicate(ppm, onHit),
});
