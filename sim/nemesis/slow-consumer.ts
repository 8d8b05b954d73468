// slow-consumer: a master takes messages from the router slowly, so that a backlog grows there; it comes in order, also
// after the undo.

import { defineFault } from './define-fault.js';
import { aroundLease } from './durations.js';
import { range } from './parameters.js';

export const slowConsumer = defineFault({
  kind: 'slow-consumer',
  description: 'let a master take messages slowly, so that they queue up',
  aim: 'master',
  duration: aroundLease,
  params: { intervalMs: range(100, 20_000) },
  impairs: 'none',
  hasHits: true,
  strike: ({ router }, target, { intervalMs }, onHit) => router.slowDown(target, intervalMs, onHit),
});
