// second-process: a second process with the name of a master starts on another machine, as when a container is started while
// its predecessor still runs. Undo kills it.

import { defineFault } from './define-fault.js';
import { aroundLease } from './durations.js';

export const secondProcess = defineFault({
  kind: 'second-process',
  description: 'start a second process under the name of a master, kill it later',
  aim: 'master',
  duration: aroundLease,
  params: {},
  impairs: 'target',
  strike(surface, target) {
    return surface.startSecond(target) ? () => surface.crashSecond(target) : null;
  },
});
