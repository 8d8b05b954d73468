// Builds at the times of a cron line what was triggered since the last one: the latest trigger, once.
//
// A trigger may come to any master. It waits in a durable queue; the owner takes what waits when a slot comes, in the
// transaction of the buildset. So none is forgotten, and the state has one writer.
// @source buildbot master/buildbot/schedulers/timed.py NightlyTriggerable

import type { JsonObject } from '../core/json.js';
import type { Filter } from '../core/routing-key.js';
import type { Properties } from '../db/buildsets.js';
import type { SourceStamp } from '../db/sourcestamps.js';
import { Nightly } from './nightly.js';
import { slotKey } from './timed.js';
import type { TriggerCall } from './triggerable.js';

/** More triggers than these between two slots are taken in two. */
const MOST = 1_000;

export class NightlyTriggerable extends Nightly {
  override get buildsEverySlot(): boolean {
    return false;
  }

  override get queueFilters(): readonly Filter[] {
    return [...super.queueFilters, this.#triggers];
  }

  /** Has this built in the next slot, unless another call comes before that. @throws SchedulerDisabledError, DatabaseError */
  async trigger(call: Omit<TriggerCall, 'waitedFor'> = {}): Promise<void> {
    const { db, calls } = this.attached();
    const callId = call.callId ?? `auto-${await db.ids.takeOne('events')}`;
    const { sourcestamps = [], setProperties = {}, priority = null } = call;
    const body = { callId, sourcestamps, properties: setProperties, priority } as unknown as JsonObject;
    await calls.announce(this.called, callId, { key: ['triggers', this.name, 'new'], body });
  }

  protected override async startBuild(slotMs: number): Promise<void> {
    const waiting = await this.peek(this.#triggers, MOST);
    const latest = waiting.at(-1);
    if (latest === undefined) return;
    await this.acknowledge(waiting.map(({ id }) => id));
    const { sourcestamps, properties, priority } = latest.body as JsonObject;
    await this.addBuildsetForSourceStampsWithDefaults({
      reason: this.reason,
      triggerKey: slotKey(slotMs),
      sourcestamps: sourcestamps as unknown as readonly Partial<SourceStamp>[],
      properties: properties as unknown as Properties,
      ...(typeof priority === 'number' ? { priority } : {}),
    });
  }

  get #triggers(): Filter {
    return ['triggers', this.name, 'new'];
  }
}
