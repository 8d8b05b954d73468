// The oracles, one for each guarantee, in the order of the guarantees' numbers (G1 to G13).

import { dataFollows } from './data-follows.js';
import { deadReleased } from './dead-released.js';
import { disabledIdle } from './disabled-idle.js';
import { failoverBound } from './failover-bound.js';
import type { Oracle } from './history.js';
import { noDuplicate } from './no-duplicate.js';
import { noLostChange } from './no-lost-change.js';
import { nonRevertive } from './non-revertive.js';
import { queueContract } from './queue-contract.js';
import { singleActive } from './single-active.js';
import { singleEffect } from './single-effect.js';
import { slotOnce } from './slot-once.js';
import { stateRecovered } from './state-recovered.js';
import { tasksAlive } from './tasks-alive.js';

/** Every oracle that comes with Standin; a scenario names those that it is judged by. */
export const ORACLES: readonly Oracle[] = [
  singleEffect,
  singleActive,
  failoverBound,
  nonRevertive,
  noLostChange,
  noDuplicate,
  stateRecovered,
  slotOnce,
  deadReleased,
  queueContract,
  disabledIdle,
  tasksAlive,
  dataFollows,
];
