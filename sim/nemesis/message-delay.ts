// message-delay: a share of the router's deliveries is late for a while, so that others overtake them.

import { defineFault } from './define-fault.js';
import { aroundLease } from './durations.js';
import { range } from './parameters.js';

export const messageDelay = defineFault({
  kind: 'message-delay',
  description: 'let a share of the deliveries of the router be late and out of order',
  aim: 'world',
  duration: aroundLease,
  params: { ppm: range(10_000, 1_000_000), maxDelayMs: range(10, 60_000) },
  impairs: 'none',
  hasHits: true,
  strike: ({ router }, _target, { ppm, maxDelayMs }, onHit) => router.setDelay(ppm, maxDelayMs, onHit),
});
