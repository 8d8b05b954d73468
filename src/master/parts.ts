// The parts that a master is assembled from. The sound ones are the default; whoever wants to know what a part is good for
// assembles a master with another one in its place.

import { EffectCommitter } from '../data/effects.js';
import { EventWriter } from '../data/event-writer.js';
import { SchedulersConnector } from '../db/schedulers.js';
import { SimpleMQ } from '../mq/simple-queue.js';
import { WampMQ } from '../mq/wamp-queue.js';
import { PeriodicTasks } from '../periodic/periodic-tasks.js';
import { EventFeed } from '../schedulers/event-feed.js';
import { Housekeeping } from './housekeeping.js';
import { Lease } from './lease.js';
import { OwnerWatch } from './owner-watch.js';

export interface MasterParts {
  readonly SchedulersConnector: typeof SchedulersConnector;
  readonly EffectCommitter: typeof EffectCommitter;
  readonly EventWriter: typeof EventWriter;
  readonly SimpleMQ: typeof SimpleMQ;
  readonly WampMQ: typeof WampMQ;
  readonly EventFeed: typeof EventFeed;
  readonly Lease: typeof Lease;
  readonly OwnerWatch: typeof OwnerWatch;
  readonly Housekeeping: typeof Housekeeping;
  /** What runs the heartbeat, the watching and the upkeep. */
  readonly PeriodicTasks: typeof PeriodicTasks;
}

export const SOUND_PARTS: MasterParts = {
  SchedulersConnector,
  EffectCommitter,
  EventWriter,
  SimpleMQ,
  WampMQ,
  EventFeed,
  Lease,
  OwnerWatch,
  Housekeeping,
  PeriodicTasks,
};
