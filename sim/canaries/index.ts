// The canaries, each in a file of its own.

import type { Canary } from './canary.js';
import { backlogLast } from './backlog-last.js';
import { blindRetry } from './blind-retry.js';
import { driftingLoop } from './drifting-loop.js';
import { forgottenTimer } from './forgotten-timer.js';
import { greedyWildcard } from './greedy-wildcard.js';
import { jobMovedFirst } from './job-moved-first.js';
import { lateDelivery } from './late-delivery.js';
import { moduleCounter } from './module-counter.js';
import { mortalLoop } from './mortal-loop.js';
import { noCatchUp } from './no-catch-up.js';
import { noFence } from './no-fence.js';
import { noResubscription } from './no-resubscription.js';
import { overlappingLoop } from './overlapping-loop.js';
import { separateTransactions } from './separate-transactions.js';
import { slotBeforeBuild } from './slot-before-build.js';
import { starvedConsumer } from './starved-consumer.js';
import { stuckActivation } from './stuck-activation.js';
import { twoCatchUps } from './two-catch-ups.js';
import { unconditionalRelease } from './unconditional-release.js';
import { unreleasedRequests } from './unreleased-requests.js';
import { waitsForAMessage } from './waits-for-a-message.js';
import { wallClockExpiry } from './wall-clock-expiry.js';
import { zealousWhenDisabled } from './zealous-when-disabled.js';

export type { Canary } from './canary.js';

export const CANARIES: readonly Canary[] = [
  blindRetry,
  noFence,
  unconditionalRelease,
  separateTransactions,
  noCatchUp,
  wallClockExpiry,
  forgottenTimer,
  moduleCounter,
  unreleasedRequests,
  slotBeforeBuild,
  twoCatchUps,
  stuckActivation,
  zealousWhenDisabled,
  waitsForAMessage,
  jobMovedFirst,
  noResubscription,
  starvedConsumer,
  lateDelivery,
  greedyWildcard,
  backlogLast,
  mortalLoop,
  driftingLoop,
  overlappingLoop,
];
