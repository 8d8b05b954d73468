// What a master gives to each of its schedulers.

import type { CallCommitter } from '../data/calls.js';
import type { EffectCommitter } from '../data/effects.js';
import type { DatabaseConnector } from '../db/connector.js';
import type { MessageQueue } from '../mq/message-queue.js';
import type { OpenJobDirectory } from '../runtime/job-directory.js';
import type { Poll } from '../services/poll.js';
import type { EventFeed, FeedConsumer, FeedContext } from './event-feed.js';

export interface SchedulerContext {
  readonly db: DatabaseConnector;
  readonly mq: MessageQueue;
  readonly effects: EffectCommitter;
  readonly poll: Poll;
  readonly calls: CallCommitter;
  /** Null where the host has none. */
  readonly openJobDirectory: OpenJobDirectory | null;
  readonly createEventFeed: (context: FeedContext, queueName: string, consumer: FeedConsumer) => EventFeed;
}
