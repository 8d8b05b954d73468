// The canaries, each in a file of its own.

import type { Canary } from './canary.js';
import { blindRetry } from './blind-retry.js';
import { driftingLoop } from './drifting-loop.js';
import { forgottenTimer } from './forgotten-timer.js';
import { moduleCounter } from './module-counter.js';
import { mortalLoop } from './mortal-loop.js';
import { noCatchUp } from './no-catch-up.js';
import { noFence } from './no-fence.js';
import { overlappingLoop } from './overlapping-loop.js';
import { separateTransactions } from './separate-transactions.js';
import { unconditionalRelease } from './unconditional-release.js';
import { unreleasedRequests } from './unreleased-requests.js';
import { wallClockExpiry } from './wall-clock-expiry.js';

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
  mortalLoop,
  driftingLoop,
  overlappingLoop,
];
