// lost-subscription: the router forgets that a master has subscribed, to some or to all of what it hears; nobody is told.
// Undo, or the master's next connection, makes it hear again.

import { defineFault } from './define-fault.js';
import { aroundLease } from './durations.js';
import { oneOf } from './parameters.js';

export const lostSubscription = defineFault({
  kind: 'lost-subscription',
  description: 'let the router forget subscriptions of a master, silently',
  aim: 'master',
  duration: aroundLease,
  params: { of: oneOf('changes', 'schedulers', 'masters', 'everything') },
  impairs: 'none',
  hasHits: true,
  strike({ kernel, router }, target, { of }, onHit) {
    if (kernel.node(target).state === 'down' || router.node.state === 'down') return null;
    return router.forget(target, of === 'everything' ? null : of, onHit);
  },
});
