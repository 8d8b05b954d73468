// The claims of clustered services, schedulers and change sources alike: what Buildbot's own tests demand of
// setSchedulerMaster and setChangeSourceMaster, and what claims by incarnation and epoch add. Where we differ from
// Buildbot, the test says so; docs/decisions/0005 says why.

import { expect, test } from 'vitest';
import {
  ClaimLostError,
  ownershipOf,
  SERVICE_NAMES,
  type Claim,
  type ClaimsConnector,
  type Ownership,
  type ServiceKind,
} from '../../src/db/claims.js';
import type { DatabaseConnector } from '../../src/db/connector.js';
import { onEachDatabase, type DatabaseEnvironment } from './databases.js';

/** Runs a body with the services of one kind in a fresh database. */
type RunWithServices = (body: (services: Services) => Promise<void>) => Promise<void>;

for (const kind of ['scheduler', 'changesource'] as const) {
  onEachDatabase(`the claims of a ${kind}`, (inDatabase) => {
    const run: RunWithServices = (body) => inDatabase((environment) => body(new Services(environment, kind)));
    claimSuite(run);
    releaseSuite(run);
    expirySuite(run);
    fenceSuite(run);
  });
}

function claimSuite(run: RunWithServices): void {
  test('a free service is claimed: it is linked, owned by that very incarnation, and its epoch grows', () =>
    run(async (services) => {
      await services.addTwo();
      expect(await services.claim(24, 13)).toEqual({
        serviceid: 24,
        masterid: 13,
        incarnation: 2,
        epoch: 1,
      });
      expect(await services.get(24)).toMatchObject({ masterid: 13 });
      expect(await services.ownership(24)).toEqual({
        serviceid: 24,
        enabled: true,
        isFree: false,
        epoch: 1,
        ownerMasterid: 13,
        ownerIncarnation: 2,
        ownerBeat: 0,
        masterLastActive: 1000,
        linkedMasterid: 13,
      });
    }));

  test('a service that another master owns is not claimed, whether or not that owner is still active', () =>
    run(async (services) => {
      await services.addTwo();
      await services.addMaster(15, true);
      await services.claim(24, 13);
      expect(await services.claim(24, 15)).toBeNull();
      await services.db.masters.setMasterState(13, false);
      expect(await services.claim(24, 15)).toBeNull();
      expect(await services.ownership(24)).toMatchObject({
        isFree: false,
        ownerMasterid: 13,
        linkedMasterid: null,
      });
    }));

  test('claiming what one owns already is no error; the epoch grows, so that an older reply counts no more', () =>
    run(async (services) => {
      await services.addTwo();
      await services.claim(24, 13);
      expect(await services.claim(24, 13)).toMatchObject({ epoch: 2 });
    }));

  test('an inactive master claims nothing, unlike in Buildbot', () =>
    run(async (services) => {
      await services.addTwo();
      expect(await services.claim(25, 14)).toBeNull();
      expect(await services.get(25)).toMatchObject({ masterid: null });
    }));

  test('a superseded incarnation claims nothing, not even what its successor owns', () =>
    run(async (services) => {
      await services.addTwo();
      await services.db.masters.newIncarnation(13);
      expect(await services.claim(24, 13, 2)).toBeNull();
      await services.claim(24, 13, 3);
      expect(await services.claim(24, 13, 2)).toBeNull();
    }));

  test('a new incarnation does not own what the last one of the same master owned', () =>
    run(async (services) => {
      await services.addTwo();
      await services.claim(24, 13);
      await services.db.masters.newIncarnation(13);
      expect(await services.claim(24, 13, 3)).toBeNull();
      expect(await services.ownership(24)).toMatchObject({ ownerIncarnation: 2, ownerBeat: 0 });
    }));

  test('a missing service or master claims nothing', () =>
    run(async (services) => {
      await services.addTwo();
      expect(await services.claim(99, 13)).toBeNull();
      expect(await services.claim(24, 99)).toBeNull();
    }));

  test('of two who claim the same free service at once, one gets it', () =>
    run(async (services) => {
      await services.addTwo();
      await services.addMaster(15, true);
      const claims = await Promise.all([services.claim(24, 13), services.claim(24, 15)]);
      expect(claims.filter((one) => one !== null)).toHaveLength(1);
    }));
}

function releaseSuite(run: RunWithServices): void {
  test('a release deletes the link, frees the service and keeps owner and epoch', () =>
    run(async (services) => {
      await services.addTwo();
      const held = await services.mustClaim(24, 13);
      expect(await services.release(held)).toBe(true);
      expect(await services.get(24)).toMatchObject({ masterid: null });
      expect(await services.ownership(24)).toMatchObject({ isFree: true, epoch: 1, ownerMasterid: 13 });
    }));

  test('releasing what is free already is no error and no change', () =>
    run(async (services) => {
      await services.addTwo();
      const held = await services.mustClaim(24, 13);
      await services.release(held);
      expect(await services.release(held)).toBe(false);
    }));

  test("a release leaves somebody else's claim, unlike in Buildbot", () =>
    run(async (services) => {
      await services.addTwo();
      await services.addMaster(15, true);
      const lost = await services.mustClaim(24, 13);
      await services.release(lost);
      await services.claim(24, 15);
      expect(await services.release(lost)).toBe(false);
      expect(await services.get(24)).toMatchObject({ masterid: 15 });
    }));

  test('an incarnation that has quiesced frees all that it owns, and nothing of another incarnation', () =>
    run(async (services) => {
      await services.addTwo();
      await services.claim(24, 13);
      await services.db.masters.newIncarnation(13);
      await services.claim(25, 13, 3);
      const freed = await services.db.database.transaction((tx) =>
        services.connector.freeOwnedIn(tx, { masterid: 13, incarnation: 3 }),
      );
      expect(freed).toEqual([{ serviceid: 25, name: 'service-25', enabled: true }]);
      expect(await services.ownership(24)).toMatchObject({ isFree: false });
      expect(await services.ownership(25)).toMatchObject({ isFree: true, linkedMasterid: null });
    }));
}

function expirySuite(run: RunWithServices): void {
  test('an owner whose beat stood still is ended: set inactive, its links deleted, its services free', () =>
    run(async (services) => {
      await services.addTwo();
      await services.claim(24, 13);
      expect(await services.expire(13, 2, 0)).toMatchObject({
        masterName: 'master-13',
        wasActive: true,
        freed: [{ serviceid: 24, name: 'service-24', enabled: true }],
      });
      expect(await services.db.masters.getMaster(13)).toMatchObject({ active: false, incarnation: 2 });
      expect(await services.ownership(24)).toMatchObject({ isFree: true, linkedMasterid: null });
    }));

  test('an owner that has renewed since it was seen is not ended', () =>
    run(async (services) => {
      await services.addTwo();
      await services.claim(24, 13);
      const session = await services.db.database.openReserved();
      await services.db.masters.renew(session, 13, 2);
      session.close();
      expect(await services.expire(13, 2, 0)).toBeNull();
      expect(await services.db.masters.getMaster(13)).toMatchObject({ active: true });
      expect(await services.ownership(24)).toMatchObject({ isFree: false, linkedMasterid: 13 });
    }));

  test('ending a superseded incarnation frees what it owned and leaves its successor active', () =>
    run(async (services) => {
      await services.addTwo();
      await services.claim(24, 13);
      await services.db.masters.newIncarnation(13);
      await services.claim(25, 13, 3);
      expect(await services.expire(13, 2, 0)).toMatchObject({
        wasActive: false,
        freed: [{ serviceid: 24 }],
      });
      expect(await services.db.masters.getMaster(13)).toMatchObject({ active: true, incarnation: 3 });
      expect(await services.ownership(25)).toMatchObject({ isFree: false, linkedMasterid: 13 });
    }));

  test('two observers who end the same owner: the second finds nothing left to free', () =>
    run(async (services) => {
      await services.addTwo();
      await services.claim(24, 13);
      await services.expire(13, 2, 0);
      expect(await services.expire(13, 2, 0)).toMatchObject({ wasActive: false, freed: [] });
    }));
}

function fenceSuite(run: RunWithServices): void {
  test('the fence lets the current claim through and says whether the service is enabled', () =>
    run(async (services) => {
      await services.addTwo();
      const held = await services.mustClaim(24, 13);
      expect(await services.fence(held)).toEqual({ enabled: true });
      await services.disable(24);
      expect(await services.fence(held)).toEqual({ enabled: false });
    }));

  test('the fence refuses an older epoch, another incarnation, another master and a claim that was released', () =>
    run(async (services) => {
      await services.addTwo();
      const older = await services.mustClaim(24, 13);
      const held = await services.mustClaim(24, 13);
      await expect(services.fence(older)).rejects.toThrow(ClaimLostError);
      await expect(services.fence({ ...held, incarnation: 1 })).rejects.toThrow(ClaimLostError);
      await expect(services.fence({ ...held, masterid: 14 })).rejects.toThrow(ClaimLostError);
      await services.release(held);
      await expect(services.fence(held)).rejects.toThrow(ClaimLostError);
    }));

  test('the fence refuses an owner that was set inactive by others, although its claim has not ended', () =>
    run(async (services) => {
      await services.addTwo();
      const held = await services.mustClaim(24, 13);
      await services.db.masters.setMasterState(13, false);
      await expect(services.fence(held)).rejects.toThrow(ClaimLostError);
    }));
}

class Services {
  readonly db: DatabaseConnector;
  readonly connector: ClaimsConnector;
  readonly #environment: DatabaseEnvironment;
  readonly #kind: ServiceKind;

  constructor(environment: DatabaseEnvironment, kind: ServiceKind) {
    this.db = environment.db;
    this.connector = environment.db.claims(kind);
    this.#environment = environment;
    this.#kind = kind;
  }

  /** Services 24 and 25; master 13, active, and 14, inactive, both in their incarnation 2. */
  async addTwo(): Promise<void> {
    await this.addMaster(13, true);
    await this.addMaster(14, false);
    const insert = `INSERT INTO ${SERVICE_NAMES[this.#kind].table} (id, name, name_hash) VALUES (?, ?, ?)`;
    await this.#environment.write([insert, 24, 'service-24', 'a'], [insert, 25, 'service-25', 'b']);
  }

  async addMaster(id: number, isActive: boolean): Promise<void> {
    await this.#environment.write([
      'INSERT INTO masters (id, name, name_hash, active, last_active, incarnation) VALUES (?, ?, ?, ?, 1000, 2)',
      id,
      `master-${id}`,
      `hash-${id}`,
      Number(isActive),
    ]);
  }

  async disable(id: number): Promise<void> {
    await this.#environment.write([
      `UPDATE ${SERVICE_NAMES[this.#kind].table} SET enabled = 0 WHERE id = ?`,
      id,
    ]);
  }

  get(id: number): Promise<unknown> {
    const { schedulers, changeSources } = this.db;
    return this.#kind === 'scheduler' ? schedulers.getScheduler(id) : changeSources.getChangeSource(id);
  }

  claim(id: number, masterid: number, incarnation = 2): Promise<Claim | null> {
    return this.db.database.transaction((tx) => this.connector.claimIn(tx, id, masterid, incarnation), {
      isIdempotent: true,
    });
  }

  async mustClaim(id: number, masterid: number): Promise<Claim> {
    const held = await this.claim(id, masterid);
    if (held === null) throw new Error('the claim was refused');
    return held;
  }

  release(held: Claim): Promise<boolean> {
    return this.db.database.transaction((tx) => this.connector.releaseIn(tx, held));
  }

  expire(masterid: number, incarnation: number, seenBeat: number): Promise<unknown> {
    const owner = { masterid, incarnation, seenBeat };
    return this.db.database.transaction(async (tx) => {
      const expiry = await this.db.masters.expireIn(tx, owner);
      return expiry === null ? null : { ...expiry, freed: await this.connector.freeOwnedIn(tx, owner) };
    });
  }

  fence(held: Claim): Promise<{ readonly enabled: boolean }> {
    return this.db.database.transaction(async (tx) => {
      const [result] = await tx.run([this.connector.fenceStatement(held)]);
      return this.connector.checkFence(result, held, 'a test');
    });
  }

  async ownership(id: number): Promise<Ownership | undefined> {
    const [result] = await this.db.database.read([this.connector.ownershipStatement([id])]);
    return result?.rows.map(ownershipOf)[0];
  }
}
