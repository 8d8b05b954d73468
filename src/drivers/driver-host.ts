// What a master runs its drivers with: one manager whose periodic tasks are theirs, in one runner. Tasks of drivers are
// parallel unless they say otherwise, so no driver delays another.

import type { DataUpdates } from '../data/updates.js';
import type { Owner } from '../db/claims.js';
import type { DatabaseConnector } from '../db/connector.js';
import type { MessageQueue } from '../mq/message-queue.js';
import { PeriodicTasks } from '../periodic/periodic-tasks.js';
import { startPeriodicTasks, type Runner } from '../periodic/run-periodic-tasks.js';
import type { Commands } from '../runtime/commands.js';
import type { Runtime } from '../runtime/runtime.js';
import type { Poll } from '../services/poll.js';

/** What tasks of drivers are called with, after their manager. */
export interface DriverContext {
  /** For whom the master acts at this instant; null while it does not believe in its lease. */
  readonly owner: Owner | null;
}

/** The manager whose tasks the drivers' are. */
export type DriverManager = PeriodicTasks<DriverContext>;

/** What a master gives to each of its drivers. */
export interface DriverPorts {
  readonly runtime: Runtime;
  readonly db: DatabaseConnector;
  readonly updates: DataUpdates;
  readonly mq: MessageQueue;
  readonly poll: Poll;
  readonly commands: Commands | null;
  /** For whom the master acts at this instant; null while it does not believe in its lease. */
  owner(): Owner | null;
}

/**
 * Something that a master drives by periodic tasks: methods marked with `driverPeriodicTask`, which are called with the
 * manager and a DriverContext.
 */
export interface Driver {
  /** Unique among the drivers of a master. */
  readonly name: string;
  /** Builders that it needs. */
  readonly builderNames: readonly string[];
  /** Begins; before the first task. @throws ConfigError, StandinError */
  start(ports: DriverPorts): Promise<void>;
  /** Ends, after the last task; resolves when nothing of it runs any more. */
  stop(): Promise<void>;
}

export class DriverHost {
  readonly #ports: DriverPorts;
  readonly #drivers: readonly Driver[];
  #started = 0;
  #runner: Runner | null = null;

  constructor(ports: DriverPorts, drivers: readonly Driver[]) {
    this.#ports = ports;
    this.#drivers = drivers;
  }

  /** Starts all drivers, then their tasks; called again after an error, it goes on where it failed. */
  async start(): Promise<void> {
    const { runtime } = this.#ports;
    for (; this.#started < this.#drivers.length; this.#started++) {
      await this.#drivers[this.#started]?.start(this.#ports);
    }
    if (this.#drivers.length === 0 || this.#runner !== null) return;
    const tasks: DriverManager = new PeriodicTasks<DriverContext>(runtime, { name: 'drivers' });
    for (const driver of this.#drivers) tasks.addDriverTasks(driver, driver.name);
    const context = (): DriverContext => ({ owner: this.#ports.owner() });
    this.#runner = startPeriodicTasks(runtime, tasks, { name: 'the drivers', context });
  }

  /** Ends the tasks, then the drivers. */
  async stop(): Promise<void> {
    const runnerEnds = this.#runner?.stop();
    await Promise.all(this.#drivers.slice(0, this.#started).map((driver) => driver.stop()));
    await runnerEnds;
  }
}
