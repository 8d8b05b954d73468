// commit-cut: connections end at COMMIT (or at a write outside a transaction), before it is done or after: whoever sent it
// cannot know which, and must find out before it tries again.

import { defineFault } from './define-fault.js';
import { brief } from './durations.js';
import { DATABASE_NODE } from './fault.js';
import { oneOf, range } from './parameters.js';

export const commitCut = defineFault({
  kind: 'commit-cut',
  description: 'end connections at COMMIT, before or after it is done',
  aim: 'world',
  duration: brief,
  params: { ppm: range(50_000, 500_000), when: oneOf('before', 'after') },
  impairs: 'all',
  strike({ kernel, database }, _target, { ppm, when }) {
    if (kernel.node(DATABASE_NODE).state === 'down') return null;
    return database.conditions.cutCommits(`cut-${when}`, ppm);
  },
});
