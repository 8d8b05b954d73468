// replica-lag: the replica falls behind the database by seconds to a minute, and catches up in the end. Mostly it is busy,
// too: its statements take longer, so that commits come in between two of them. A plan with this fault has a replica, from
// which the masters answer whoever asks them for lists, and which somebody watches.

import { defineFault } from './define-fault.js';
import { aroundLease } from './durations.js';
import { range } from './parameters.js';

export const replicaLag = defineFault({
  kind: 'replica-lag',
  description: 'put the replica behind the database by seconds to a minute',
  aim: 'world',
  duration: aroundLease,
  params: { lagMs: range(1_000, 60_000), slowMs: range(0, 1_000) },
  impairs: 'none',
  strike({ replica }, _target, { lagMs, slowMs }) {
    if (replica === null) return null;
    const undos = [replica.lag(lagMs * 1000), replica.server.conditions.slow(slowMs * 1000)];
    return () => undos.forEach((undo) => undo());
  },
});
