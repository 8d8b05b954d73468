// cut-router: all connections between a master and the router are reset at once; new ones can be made. Nothing to undo.

import { defineFault } from './define-fault.js';
import { instant } from './durations.js';

export const cutRouter = defineFault({
  kind: 'cut-router',
  description: 'reset the connections between a master and the router',
  aim: 'master',
  duration: instant,
  params: {},
  impairs: 'none',
  strike({ network, router }, target) {
    return network.cut(target, router.node.name) > 0 ? () => undefined : null;
  },
});
