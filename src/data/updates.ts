// Update methods: each changes state and announces it in one transaction.
// @source buildbot master/buildbot/data

import { present } from '../core/assert.js';
import { checkText } from '../core/texts.js';
import { StandinError } from '../core/errors.js';
import type { JsonObject } from '../core/json.js';
import { checkRoutingKey, type RoutingKey } from '../core/routing-key.js';
import { checkChange, type Change, type NewChange } from '../db/changes.js';
import type { Claim, Owner, ServiceIds, ServiceKind } from '../db/claims.js';
import type { DatabaseConnector } from '../db/connector.js';
import type { Unlinked } from '../db/masters.js';
import { integerOf, integerOrNull } from '../db/row.js';
import { findStampStatement, insertStampStatement, spareStampId, stampHash } from '../db/sourcestamps.js';
import type { Transaction } from '../db/transaction.js';
import { frozenBody } from '../mq/message-body.js';
import { wallSeconds, type Clock } from '../runtime/clock.js';
import { BuildUpdates } from './build-updates.js';
import type { EventWriter } from './event-writer.js';
import { builderEvent, changeEvent, masterEvent, serviceEvent, type Event } from './events.js';

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
   * @throws NotTextError, NotJsonError, BadChangeError; DatabaseError when the trying ended
   */
  async addChange(change: NewChange, key: string): Promise<number> {
    checkChange(change);
    checkText('the key of a change', key);
    const { ids, database, changes } = this.#db;
    const { uid = null } = change;
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
        if (uid !== null) tx.tail(changes.insertUserStatement(changeid, uid));
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

  /** Begins a new incarnation of a master, announces that it has started, and returns the incarnation. */
  async masterStarted(master: { id: number; name: string }): Promise<number> {
    const eventIds = await this.#writer.takeIds(1);
    return this.#db.database.transaction(
      async (tx) => {
        const incarnation = await this.#db.masters.newIncarnationIn(tx, master.id);
        this.#writer.announce(tx, [masterEvent({ ...master, incarnation }, 'started')], eventIds);
        return incarnation;
      },
      { operation: `started.${master.id}.${eventIds.join()}` },
    );
  }

  /**
   * The same after the lease of `before` was lost: null, and nothing is announced, when somebody else has begun a new
   * incarnation (superseded).
   */
  async masterRejoined(master: { id: number; name: string }, before: number): Promise<number | null> {
    const eventIds = await this.#writer.takeIds(1);
    return this.#db.database.transaction(
      async (tx) => {
        const incarnation = await this.#db.masters.rejoinIn(tx, master.id, before);
        if (incarnation !== null)
          this.#writer.announce(tx, [masterEvent({ ...master, incarnation }, 'started')], eventIds);
        return incarnation;
      },
      { operation: `rejoined.${master.id}.${eventIds.join()}` },
    );
  }

  /**
   * Marks a master as stopped and deletes its links; announces what that changed, and returns whether the master was
   * active. The claims behind the links do not end by that.
   */
  async masterStopped(master: { id: number; name: string }): Promise<boolean> {
    return this.#withIdsFor(master.id, (eventIds) =>
      this.#db.database.transaction(
        async (tx) => {
          const { hasChanged, incarnation, unlinked } = await this.#db.masters.stopIn(tx, master.id);
          const events: Event[] = hasChanged ? [masterEvent({ ...master, incarnation }, 'stopped')] : [];
          for (const kind of KINDS)
            events.push(...(await this.#serviceEvents(tx, kind, 'updated', unlinked.services[kind])));
          events.push(...stoppedBuilders(master.id, unlinked));
          this.#writer.announce(tx, events, eventIds);
          return hasChanged;
        },
        { operation: `stopped.${master.id}.${eventIds[0]}` },
      ),
    );
  }

  /** Enables or disables a scheduler; announces it if that changed anything, and returns whether it did. */
  async schedulerEnable(schedulerid: number, enabled: boolean): Promise<boolean> {
    const eventIds = await this.#writer.takeIds(1);
    const now = wallSeconds(this.#clock);
    return this.#db.database.transaction(
      async (tx) => {
        const hasChanged = await this.#db.schedulers.enableIn(tx, schedulerid, enabled, now);
        const changed = hasChanged ? [schedulerid] : [];
        this.#writer.announce(tx, await this.#serviceEvents(tx, 'scheduler', 'updated', changed), eventIds);
        return hasChanged;
      },
      { operation: `enable.${schedulerid}.${eventIds.join()}` },
    );
  }

  /** Claims a scheduler or change source for an incarnation of a master, and announces it; null when that may not be. */
  async claimService(
    kind: ServiceKind,
    { serviceid }: { readonly serviceid: number },
    { masterid, incarnation }: Owner,
  ): Promise<Claim | null> {
    const eventIds = await this.#writer.takeIds(1);
    return this.#db.database.transaction(
      async (tx) => {
        const claim = await this.#db.claims(kind).claimIn(tx, serviceid, masterid, incarnation);
        const claimed = claim === null ? [] : [serviceid];
        this.#writer.announce(tx, await this.#serviceEvents(tx, kind, 'claimed', claimed), eventIds);
        return claim;
      },
      { isIdempotent: true },
    );
  }

  /** Ends a claim whose owner has quiesced, and announces it; false when it was not this owner's any more. */
  async releaseService(kind: ServiceKind, claim: Claim): Promise<boolean> {
    const eventIds = await this.#writer.takeIds(1);
    const { serviceid, masterid, incarnation, epoch } = claim;
    return this.#db.database.transaction(
      async (tx) => {
        const isReleased = await this.#db.claims(kind).releaseIn(tx, claim);
        const released = isReleased ? [serviceid] : [];
        this.#writer.announce(tx, await this.#serviceEvents(tx, kind, 'released', released), eventIds);
        return isReleased;
      },
      { operation: `release.${kind}.${masterid}.${incarnation}.${serviceid}.${epoch}` },
    );
  }

  /** Ends all claims of this very incarnation, after everything that acted under them has ended. */
  async releaseOwned(masterid: number, incarnation: number): Promise<void> {
    await this.#withIdsFor(masterid, (eventIds) =>
      this.#db.database.transaction(
        async (tx) => {
          const events = await this.#freeOwnedIn(tx, { masterid, incarnation }, NO_SERVICES);
          this.#writer.announce(tx, events, eventIds);
        },
        { isIdempotent: true },
      ),
    );
  }

  /** Ends an incarnation that was unable to renew for a whole lease; false when it has renewed after all. */
  async expireMaster(owner: Owner & { readonly seenBeat: number }): Promise<boolean> {
    const { masterid: id, incarnation } = owner;
    return this.#withIdsFor(id, (eventIds) =>
      this.#db.database.transaction(
        async (tx) => {
          const expiry = await this.#db.masters.expireIn(tx, owner);
          if (expiry === null) return false;
          const { masterName: name, wasActive, unlinked } = expiry;
          const stopped = wasActive ? [masterEvent({ id, name, incarnation }, 'stopped')] : [];
          const freed = await this.#freeOwnedIn(tx, owner, unlinked.services);
          this.#writer.announce(tx, [...stopped, ...freed, ...stoppedBuilders(id, unlinked)], eventIds);
          return true;
        },
        { isIdempotent: true },
      ),
    );
  }

  /** With ids for an event of this master, one of each service that it owned last, and one of each of its builders. */
  async #withIdsFor<T>(masterid: number, work: (eventIds: readonly number[]) => Promise<T>): Promise<T> {
    const owned = KINDS.map((kind) => this.#db.claims(kind).countOwnedStatement(masterid));
    const configured = this.#db.builders.countOfMasterStatement(masterid);
    const counted = await this.#db.database.read([...owned, configured]);
    const linked = counted.reduce(
      (sum, { rows }) => sum + integerOf(present(rows[0], 'a count'), 'linked'),
      0,
    );
    return this.#writer.withIds(1 + linked, work);
  }

  /** Frees what this incarnation owns; `unlinked` is what has lost its link in this transaction. */
  async #freeOwnedIn(tx: Transaction, owner: Owner, unlinked: ServiceIds): Promise<readonly Event[]> {
    const events: Event[] = [];
    for (const kind of KINDS) {
      const freed = (await this.#db.claims(kind).freeOwnedIn(tx, owner)).map(({ serviceid }) => serviceid);
      const others = unlinked[kind].filter((id) => !freed.includes(id));
      events.push(...(await this.#serviceEvents(tx, kind, 'released', freed)));
      events.push(...(await this.#serviceEvents(tx, kind, 'updated', others)));
    }
    return events;
  }

  /** One event a service, as this transaction leaves it. */
  async #serviceEvents(
    tx: Transaction,
    kind: ServiceKind,
    what: 'claimed' | 'released' | 'updated',
    serviceids: readonly number[],
  ): Promise<readonly Event[]> {
    const services = await this.#db.claims(kind).getServicesIn(tx, serviceids);
    return services.map((service) => serviceEvent(kind, what, service));
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

const KINDS: readonly ServiceKind[] = ['scheduler', 'changesource'];
const NO_SERVICES: ServiceIds = { scheduler: [], changesource: [] };

/** The builders of a master that has become inactive. */
function stoppedBuilders(masterid: number, { builders }: Unlinked): readonly Event[] {
  return builders.map((builder) => builderEvent('stopped', builder, masterid));
}

function completeChange(
  change: NewChange,
  changeid: number,
  now: number,
): Omit<Change, 'sourcestampid' | 'parentChangeid'> {
  return {
    changeid,
    author: change.author,
    committer: change.committer ?? null,
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
