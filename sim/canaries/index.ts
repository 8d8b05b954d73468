// The canaries, each in a file of its own.

import type { Canary } from './canary.js';
import { backlogLast } from './backlog-last.js';
import { blindRetry } from './blind-retry.js';
import { builtAfterwards } from './built-afterwards.js';
import { driftingLoop } from './drifting-loop.js';
import { fixedOffset } from './fixed-offset.js';
import { flushByNumber } from './flush-by-number.js';
import { forgottenTimer } from './forgotten-timer.js';
import { greedyWildcard } from './greedy-wildcard.js';
import { jobMovedFirst } from './job-moved-first.js';
import { lateChange } from './late-change.js';
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
import { triggerInMemory } from './trigger-in-memory.js';
import { twoCatchUps } from './two-catch-ups.js';
import { unconditionalRelease } from './unconditional-release.js';
import { unreleasedRequests } from './unreleased-requests.js';
import { unsentEvents } from './unsent-events.js';
import { upstreamByMessage } from './upstream-by-message.js';
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
  builtAfterwards,
  flushByNumber,
  lateChange,
  upstreamByMessage,
  triggerInMemory,
  unsentEvents,
  fixedOffset,
  noResubscription,
  starvedConsumer,
  lateDelivery,
  greedyWildcard,
  backlogLast,
  mortalLoop,
  driftingLoop,
  overlappingLoop,
];
