// The faults that plans may hold, one file each.

import { StandinError } from '../../src/core/errors.js';
import { nearest } from '../../src/core/nearest.js';
import { clockDrift } from './clock-drift.js';
import { clockStep } from './clock-step.js';
import { coldStart } from './cold-start.js';
import { commitCut } from './commit-cut.js';
import { commitFailure } from './commit-failure.js';
import { commitStall } from './commit-stall.js';
import { crash } from './crash.js';
import { cutDatabase } from './cut-database.js';
import { cutRouter } from './cut-router.js';
import { databaseClock } from './database-clock.js';
import { databaseOutage } from './database-outage.js';
import { databaseRestart } from './database-restart.js';
import type { Fault, PlannedFault } from './fault.js';
import { halfOpenRouter } from './half-open-router.js';
import { hostCrash } from './host-crash.js';
import { lockHold } from './lock-hold.js';
import { lostSubscription } from './lost-subscription.js';
import { messageDelay } from './message-delay.js';
import { messageDrop } from './message-drop.js';
import { messageDuplicate } from './message-duplicate.js';
import { messageReorder } from './message-reorder.js';
import { oneWayDatabase } from './one-way-database.js';
import { oneWayRouter } from './one-way-router.js';
import { partitionAll } from './partition-all.js';
import { partitionDatabase } from './partition-database.js';
import { partitionRouter } from './partition-router.js';
import { pause } from './pause.js';
import { replicaLag } from './replica-lag.js';
import { rollingRestart } from './rolling-restart.js';
import { routerRestart } from './router-restart.js';
import { secondProcess } from './second-process.js';
import { pauseInTransaction } from './pause-in-transaction.js';
import { sessionLimit } from './session-limit.js';
import { slowConsumer } from './slow-consumer.js';
import { slowDatabase } from './slow-database.js';
import { slowLink } from './slow-link.js';
import { stop } from './stop.js';
import { taskError } from './task-error.js';
import { taskHang } from './task-hang.js';
import { taskOverrun } from './task-overrun.js';

/** Every fault, in the order in which they are listed. */
export const FAULTS: readonly Fault[] = [
  crash,
  hostCrash,
  pause,
  stop,
  partitionDatabase,
  partitionRouter,
  partitionAll,
  oneWayDatabase,
  oneWayRouter,
  cutDatabase,
  cutRouter,
  halfOpenRouter,
  slowLink,
  messageDrop,
  messageDuplicate,
  messageDelay,
  messageReorder,
  lostSubscription,
  slowConsumer,
  clockStep,
  clockDrift,
  routerRestart,
  databaseRestart,
  slowDatabase,
  rollingRestart,
  coldStart,
  secondProcess,
  databaseOutage,
  databaseClock,
  commitFailure,
  commitCut,
  commitStall,
  lockHold,
  sessionLimit,
  pauseInTransaction,
  replicaLag,
  taskError,
  taskHang,
  taskOverrun,
];

/** The fault of this kind. @throws StandinError `unknown-fault` naming the nearest kind. */
export function faultOfKind(kind: string): Fault {
  const fault = FAULTS.find((candidate) => candidate.kind === kind);
  if (fault !== undefined) return fault;
  const kinds = FAULTS.map((candidate) => candidate.kind);
  throw new StandinError('unknown-fault', `there is no fault '${kind}'${nearest(kind, kinds)}`);
}

/**
 * Checks a fault of a plan that anyone may have written.
 * @throws StandinError `unknown-fault`, or `bad-fault` naming what was expected of target or parameters and what was got.
 */
export function checkFault(fault: PlannedFault, masters: readonly string[]): void {
  faultOfKind(fault.kind).check(fault, masters);
}
