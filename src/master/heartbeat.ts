// The heartbeat: a periodic task that renews the lease, on a session of its own and in a runner of its own. It never dies of
// an error.
//
// A lease that is not trusted any more is not renewed before its claims have been given back. Otherwise: an owner is paused, renews at
// once when it resumes, and is paused again before it could act; observers then wait a whole lease anew, and so on.
//
// A renewal that fails is tried again every second; one that gets no answer is given up after a heartbeat, with its
// session. What a renewal finds decides: renewed; expired (others have ended this incarnation: join again with a new one);
// or superseded (a younger process of the same name runs: this one must end).

import { unreachable } from '../core/assert.js';
import type { DatabaseConnector } from '../db/connector.js';
import type { Session } from '../db/driver.js';
import { LoneTask } from '../periodic/lone-task.js';
import type { PeriodicTasks } from '../periodic/periodic-tasks.js';
import type { Runtime } from '../runtime/runtime.js';
import type { Lease } from './lease.js';

export interface HeartbeatContext {
  readonly runtime: Runtime;
  readonly db: DatabaseConnector;
  readonly lease: Lease;
  readonly masterid: number;
  readonly heartbeatMs: number;
  readonly PeriodicTasks: typeof PeriodicTasks;
  /** The lease is not trusted any more; resolves when nothing acts any more and the claims have been given back. */
  onLapsed(): Promise<void>;
  /** The lease was renewed. */
  onRenewed(): void;
  /** This incarnation has been ended by others; resolves when a new one has begun. */
  onExpired(): Promise<void>;
  /** A younger process of the same name runs. */
  onSuperseded(): void;
}

const RETRY_MS = 1_000;

export class Heartbeat {
  readonly #context: HeartbeatContext;
  readonly #task: LoneTask;
  #session: Session | null = null;

  constructor(context: HeartbeatContext) {
    this.#context = context;
    const { runtime, heartbeatMs, PeriodicTasks: Manager } = context;
    const options = { name: 'heartbeat', spacingMs: heartbeatMs, retryMs: RETRY_MS };
    this.#task = new LoneTask(runtime, options, () => this.#beat(), Manager);
  }

  start(): void {
    this.#task.start();
  }

  async stop(): Promise<void> {
    await this.#task.stop();
    this.#session?.close();
  }

  async #beat(): Promise<void> {
    const { lease, onLapsed, onRenewed, onExpired, onSuperseded } = this.#context;
    if (lease.incarnation === null) return;
    if (!lease.isTrusted(lease.incarnation)) await onLapsed();
    const sentAt = lease.now();
    const outcome = await this.#renew(lease.incarnation);
    switch (outcome) {
      case 'renewed':
        lease.renewed(sentAt);
        onRenewed();
        return;
      case 'expired':
        await onExpired();
        return;
      case 'superseded':
        onSuperseded();
        return;
      default:
        unreachable(outcome);
    }
  }

  async #renew(incarnation: number): Promise<'renewed' | 'expired' | 'superseded'> {
    const { db, masterid, runtime, heartbeatMs } = this.#context;
    if (this.#session?.isOpen !== true) this.#session = await db.database.openReserved();
    const session = this.#session;
    const limit = runtime.clock.setTimer(() => session.close(), heartbeatMs);
    try {
      return await db.masters.renew(session, masterid, incarnation);
    } catch (error) {
      session.close();
      throw error;
    } finally {
      limit.cancel();
    }
  }
}
