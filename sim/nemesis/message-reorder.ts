// message-reorder: a share of the router's deliveries waits for a while each until another one overtakes it: one of the same
// topic, or any to the same subscriber.

import { defineFault } from './define-fault.js';
import { aroundLease } from './durations.js';
import { oneOf, range } from './parameters.js';

export const messageReorder = defineFault({
  kind: 'message-reorder',
  description: 'let a share of the deliveries of the router be overtaken by the next',
  aim: 'world',
  duration: aroundLease,
  params: { ppm: range(10_000, 1_000_000), scope: oneOf('same-topic', 'any-topic') },
  impairs: 'none',
  hasHits: true,
  strike: ({ router }, _target, { ppm, scope }, onHit) => router.setReorder(ppm, scope, onHit),
});
