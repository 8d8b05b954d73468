// Update methods: each changes state and announces it in one transaction.
// @source buildbot master/buildbot/data

import { present } from '../core/assert.js';
import { StandinError } from '../core/errors.js';
import type { JsonObject } from '../core/json.js';
import { checkRoutingKey, type RoutingKey } from '../core/routing-key.js';
import type { Change, NewChange } from '../db/changes.js';
import type { Claim, FreedService, Owner, ServiceKind } from '../db/claims.js';
import type { DatabaseConnector } from '../db/connector.js';
import { integerOf, integerOrNull } from '../db/row.js';
import { findStampStatement, insertStampStatement, spareStampId, stampHash } from '../db/sourcestamps.js';
import type { Transaction } from '../db/transaction.js';
import { frozenBody } from '../mq/message-body.js';
import { wallSeconds, type Clock } from '../runtime/clock.js';
import { BuildUpdates } from './build-updates.js';
import type { EventWriter } from './event-writer.js';
import { changeEvent, masterEvent, serviceEvent, type Event } from './events.js';

export class DataUpdates {
  readonly #db: DatabaseConnector;
  readonly #writer: EventWriter;
  readonly #clock: Clock;
  /** Build requests, builds and builders. */
  readonly builds: BuildUpdates;

  constructor(db: DatabaseConnector, writer: EventWriter, clock: Clock) {
    this.#db = db;
    this.#writer = writer;
    this.#clock = clock;
    this.builds = new BuildUpdates(db, writer, clock);
  }

  /**
   * Adds a change under its caller's key (a revision, a delivery id) and returns its id; a change that was added under
   * that key before is found, not added. Without a key, use something that a second attempt would use again.
   */
  async addChange(change: NewChange, key: string): Promise<number> {
    const { ids, database, changes } = this.#db;
    const [changeid, spareId, eventIds] = [
      await ids.takeOne('changes'),
      await spareStampId(ids),
      await this.#writer.takeIds(1),
    ];
    const now = wallSeconds(this.#clock);
    const complete = completeChange(change, changeid, now);
    const hash = stampHash(complete);
    return database.transaction(
      async (tx) => {
        const [existing, stamp, parent] = await tx.run([
          changes.findByKeyStatement(key),
          findStampStatement(hash),
          changes.findParentStatement(complete),
        ]);
        if (existing?.rows[0] !== undefined) return integerOf(existing.rows[0], 'changeid');
        const found = stamp?.rows[0];
        if (found === undefined)
          tx.tail(insertStampStatement(complete, hash, { id: spareId, createdAt: now }));
        const whole: Change = {
          ...complete,
          sourcestampid: found === undefined ? spareId : integerOf(found, 'id'),
          parentChangeid: integerOrNull(present(parent?.rows[0], 'the parent'), 'parent'),
        };
        tx.tail(changes.insertStatement(whole, key));
        this.#writer.announce(tx, [changeEvent(whole)], eventIds);
        return changeid;
      },
      { isIdempotent: true, retriesUniqueViolation: true },
    );
  }

  /**
   * Produces a message that durable queues get too: those that match hold it once this resolves, and everybody who listens
   * hears it.
   * @throws StandinError `bad-routing-key`, `bad-body`, `not-json`; DatabaseError
   */
  async announce(key: RoutingKey, body: JsonObject): Promise<void> {
    checkRoutingKey(key);
    checkWordCount(key);
    const event = { key, body: frozenBody(body) };
    const eventIds = await this.#writer.takeIds(1);
    await this.#db.database.transaction(
      async (tx) => {
        this.#writer.announce(tx, [event], eventIds);
      },
      { operation: `announce.${eventIds.join()}` },
    );
  }

  /** Announces that a master has begun to run; its row says so already. */
  async masterStarted(master: { id: number; name: string }): Promise<void> {
    const eventIds = await this.#writer.takeIds(1);
    await this.#db.database.transaction(
      async (tx) => {
        await tx.one('SELECT id FROM masters WHERE id = ?', [master.id]);
        this.#writer.announce(tx, [masterEvent(master, 'started')], eventIds);
      },
      { operation: `started.${master.id}.${eventIds.join()}` },
    );
  }

  /** Marks a master as stopped and deletes its links; announces it if the state changed, and returns whether it did. */
  async masterStopped(master: { id: number; name: string }): Promise<boolean> {
    const eventIds = await this.#writer.takeIds(1);
    return this.#db.database.transaction(
      async (tx) => {
        const hasChanged = await this.#db.masters.setMasterStateIn(tx, master.id, false);
        if (hasChanged) this.#writer.announce(tx, [masterEvent(master, 'stopped')], eventIds);
        return hasChanged;
      },
      { operation: `stopped.${master.id}.${eventIds.join()}` },
    );
  }

  /** Enables or disables a scheduler; announces it if that changed anything, and returns whether it did. */
  async schedulerEnable(schedulerid: number, enabled: boolean): Promise<boolean> {
    const eventIds = await this.#writer.takeIds(1);
    const now = wallSeconds(this.#clock);
    return this.#db.database.transaction(
      async (tx) => {
        const hasChanged = await this.#db.schedulers.enableIn(tx, schedulerid, enabled, now);
        const found = hasChanged ? await this.#db.schedulers.getSchedulerIn(tx, schedulerid) : null;
        if (found !== null) {
          const updated = { ...found, serviceid: schedulerid };
          this.#writer.announce(tx, [serviceEvent('scheduler', 'updated', updated)], eventIds);
        }
        return hasChanged;
      },
      { operation: `enable.${schedulerid}.${eventIds.join()}` },
    );
  }

  /** Claims a scheduler or change source for an incarnation of a master, and announces it; null when that may not be. */
  async claimService(kind: ServiceKind, service: FreedService, owner: Owner): Promise<Claim | null> {
    const { masterid, incarnation } = owner;
    const eventIds = await this.#writer.takeIds(1);
    return this.#db.database.transaction(
      async (tx) => {
        const claim = await this.#db.claims(kind).claimIn(tx, service.serviceid, masterid, incarnation);
        if (claim !== null) {
          this.#writer.announce(tx, [serviceEvent(kind, 'claimed', { ...service, masterid })], eventIds);
        }
        return claim;
      },
      { isIdempotent: true },
    );
  }

  /** Ends a claim whose owner has quiesced, and announces it; false when it was not this owner's any more. */
  async releaseService(
    kind: ServiceKind,
    service: { readonly name: string; readonly enabled: boolean },
    claim: Claim,
  ): Promise<boolean> {
    const eventIds = await this.#writer.takeIds(1);
    const { serviceid, masterid, incarnation, epoch } = claim;
    const { name, enabled } = service;
    return this.#db.database.transaction(
      async (tx) => {
        const isReleased = await this.#db.claims(kind).releaseIn(tx, claim);
        if (isReleased) {
          const released = { serviceid, name, enabled, masterid: null };
          this.#writer.announce(tx, [serviceEvent(kind, 'released', released)], eventIds);
        }
        return isReleased;
      },
      { operation: `release.${kind}.${masterid}.${incarnation}.${serviceid}.${epoch}` },
    );
  }

  /** Ends all claims of this very incarnation, after everything that acted under them has ended. */
  async releaseOwned(masterid: number, incarnation: number): Promise<void> {
    const eventIds = await this.#writer.takeIds(MAX_RELEASE_EVENTS);
    await this.#db.database.transaction(
      async (tx) => {
        const events = await this.#freeOwnedIn(tx, { masterid, incarnation });
        this.#writer.announce(tx, events.slice(0, eventIds.length), eventIds);
      },
      { isIdempotent: true },
    );
  }

  /** Ends an incarnation that was unable to renew for a whole lease; false when it has renewed after all. */
  async expireMaster(owner: Owner & { readonly seenBeat: number }): Promise<boolean> {
    const eventIds = await this.#writer.takeIds(MAX_RELEASE_EVENTS);
    return this.#db.database.transaction(
      async (tx) => {
        const expiry = await this.#db.masters.expireIn(tx, owner);
        if (expiry === null) return false;
        const master = { id: owner.masterid, name: expiry.masterName };
        const stopped = expiry.wasActive ? [masterEvent(master, 'stopped')] : [];
        const events = [...stopped, ...(await this.#freeOwnedIn(tx, owner))];
        this.#writer.announce(tx, events.slice(0, eventIds.length), eventIds);
        return true;
      },
      { isIdempotent: true },
    );
  }

  async #freeOwnedIn(tx: Transaction, owner: Owner): Promise<readonly Event[]> {
    const events: Event[] = [];
    for (const kind of ['scheduler', 'changesource'] as const) {
      const freed = await this.#db.claims(kind).freeOwnedIn(tx, owner);
      events.push(...freed.map((service) => serviceEvent(kind, 'released', { ...service, masterid: null })));
    }
    return events;
  }
}

/** Durable queues are found by all the filters that could match a key: twice as many with each word. */
const MAX_WORDS = 10;

function checkWordCount(key: RoutingKey): void {
  if (key.length <= MAX_WORDS) return;
  throw new StandinError(
    'bad-routing-key',
    `a key that durable queues get has at most ${MAX_WORDS} words, got ${key.length}`,
  );
}

/** More would only be hints that are missing: whoever waits for a service looks at every heartbeat. */
const MAX_RELEASE_EVENTS = 64;

function completeChange(
  change: NewChange,
  changeid: number,
  now: number,
): Omit<Change, 'sourcestampid' | 'parentChangeid'> {
  return {
    changeid,
    author: change.author,
    files: change.files ?? [],
    comments: change.comments ?? '',
    branch: change.branch ?? null,
    revision: change.revision ?? null,
    revlink: change.revlink ?? null,
    category: change.category ?? null,
    repository: change.repository ?? '',
    project: change.project ?? '',
    codebase: change.codebase ?? '',
    when: change.when ?? now,
    properties: change.properties ?? {},
  };
}
