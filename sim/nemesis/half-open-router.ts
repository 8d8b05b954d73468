// half-open-router: a connection between a master and the router ends at one side only: that side has given it up, the other
// believes in it until it sends something. New ones can be made. Nothing to undo.

import { defineFault } from './define-fault.js';
import { instant } from './durations.js';
import { oneOf } from './parameters.js';

export const halfOpenRouter = defineFault({
  kind: 'half-open-router',
  description: 'end the connections between a master and the router at one side only',
  aim: 'master',
  duration: instant,
  params: { side: oneOf('router', 'master') },
  impairs: 'none',
  strike({ network, router }, target, { side }) {
    const { name } = router.node;
    const ended = side === 'router' ? network.halfClose(name, target) : network.halfClose(target, name);
    return ended > 0 ? () => undefined : null;
  },
});
