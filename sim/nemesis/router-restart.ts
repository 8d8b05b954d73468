// router-restart: the router's process is killed, with all sessions and subscriptions. Undo starts it again.

import { defineFault } from './define-fault.js';
import { brief } from './durations.js';

export const routerRestart = defineFault({
  kind: 'router-restart',
  description: 'kill the router, start it again later',
  aim: 'world',
  duration: brief,
  params: {},
  impairs: 'all',
  strike(surface) {
    return surface.crashRouter() ? () => surface.startRouter() : null;
  },
});
