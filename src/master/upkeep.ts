// What a master does now and then besides its heartbeat and its watching, as periodic tasks of one manager: none waits for
// another, and what is due at the same instant shares a round trip to the database.
//
//   claim poll     every claim poll: whoever scans for what no message announced does it
//   publishing     every claim poll: events whose writers did not live to publish them
//   housekeeping   every claim poll, and when an owner was ended: masters that are dead, and what they left behind
//   forgetting     every claim poll, and with a heartbeat when there are any: the rows of events that were published
//   pruning        every hour: results of operations that nobody can ask for any more; queues that nobody seems to read
//
// A queue is never dropped by itself: nothing in the database tells a consumer that is gone for good from one that comes
// back tomorrow.

import type { EventWriter } from '../data/event-writer.js';
import type { DatabaseConnector } from '../db/connector.js';
import { periodicTask } from '../periodic/periodic-task.js';
import type { PeriodicTasks } from '../periodic/periodic-tasks.js';
import { startPeriodicTasks, type Runner } from '../periodic/run-periodic-tasks.js';
import { wallSeconds } from '../runtime/clock.js';
import type { Runtime } from '../runtime/runtime.js';
import type { Poll } from '../services/poll.js';
import type { Housekeeping } from './housekeeping.js';

export interface UpkeepContext {
  readonly runtime: Runtime;
  readonly db: DatabaseConnector;
  readonly writer: EventWriter;
  readonly housekeeping: Housekeeping;
  readonly poll: Poll;
  readonly claimPollMs: number;
  readonly PeriodicTasks: typeof PeriodicTasks;
}

const PRUNING_S = 3_600;
/** A queue with so many messages is reported as long as nobody takes any. */
export const LONG_QUEUE = 10_000;

export class Upkeep {
  readonly #context: UpkeepContext;
  #tasks: PeriodicTasks | null = null;
  #runner: Runner | null = null;

  constructor(context: UpkeepContext) {
    this.#context = context;
  }

  /** Begins, with a first look for what is published by nobody and for dead masters. */
  start(): void {
    const { runtime, PeriodicTasks: Manager } = this.#context;
    const tasks = new Manager(runtime, { name: 'upkeep' });
    this.#addTasks(tasks);
    this.#tasks = tasks;
    this.#runner = startPeriodicTasks(runtime, tasks, { name: 'upkeep', context: () => null });
  }

  /** Resolves when nothing of it runs any more. */
  async stop(): Promise<void> {
    await this.#runner?.stop();
  }

  /** Looks for dead masters and what they left behind at once. */
  keepHouse(): void {
    this.#tasks?.wake('housekeeping');
  }

  /** Forgets what was published, if there is anything. */
  forget(): void {
    if (this.#context.writer.hasPublished) this.#tasks?.wake('forgetting');
  }

  #addTasks(tasks: PeriodicTasks): void {
    const { writer, housekeeping, poll, claimPollMs } = this.#context;
    // No jitter: others may have to wait for it, and have a bound.
    const everyPoll = { spacing: claimPollMs / 1000, jitter: false, parallel: true };
    const fromNowOn = { ...everyPoll, runImmediately: true };
    const all = [
      periodicTask({ ...everyPoll, name: 'claim poll' }, () => poll.tell()),
      periodicTask({ ...fromNowOn, name: 'publishing' }, () => writer.publishOrphans()),
      periodicTask({ ...fromNowOn, name: 'housekeeping' }, () => housekeeping.keepHouse()),
      periodicTask({ ...everyPoll, name: 'forgetting' }, () => writer.forgetPublished()),
      periodicTask({ name: 'pruning', spacing: PRUNING_S, parallel: true }, () => this.#prune()),
    ];
    for (const task of all) tasks.addPeriodicTask(task);
  }

  async #prune(): Promise<void> {
    const { runtime, db } = this.#context;
    await db.operations.prune(wallSeconds(runtime.clock));
    for (const { name, waiting } of await db.queues.list()) {
      if (waiting < LONG_QUEUE) continue;
      const advice = 'if its consumer is gone for good, drop it: standin queue drop';
      runtime.logger.log('warning', `${waiting} messages wait in the queue '${name}'; ${advice}`);
    }
  }
}
