// Which of a master's clustered services it holds: looked at once a heartbeat, and at once when there is reason to.
//
// A pass is a periodic task in a runner of its own, and one round trip when there is nothing to do. It reads who owns the
// services of this master, and
//   - lets go of a service whose claim is not there any more;
//   - claims one that is free, and takes up again one that this very incarnation still owns;
//   - ends an owner that has been unable to renew for a whole lease, and claims in the same pass.
// Ownership never moves otherwise: a master that comes back takes nothing from an owner that renews.

import { describeError } from '../core/errors.js';
import { present } from '../core/assert.js';
import type { DataUpdates } from '../data/updates.js';
import type { DatabaseConnector } from '../db/connector.js';
import type { Statement } from '../db/driver.js';
import { ownershipOf, type Claim, type Ownership, type ServiceKind } from '../db/claims.js';
import { LoneTask } from '../periodic/lone-task.js';
import type { PeriodicTasks } from '../periodic/periodic-tasks.js';
import type { Runtime } from '../runtime/runtime.js';
import type { ClusteredService, Tenure } from '../services/clustered-service.js';
import type { Lease } from './lease.js';
import type { OwnerWatch, Suspect } from './owner-watch.js';

export interface KeeperContext {
  readonly runtime: Runtime;
  readonly db: DatabaseConnector;
  readonly updates: DataUpdates;
  readonly lease: Lease;
  readonly watch: OwnerWatch;
  readonly masterid: number;
  readonly heartbeatMs: number;
  readonly PeriodicTasks: typeof PeriodicTasks;
  /** An owner was ended: it may have left something behind. */
  onEnded(): void;
}

const RETRY_MS = 1_000;

export class ClaimKeeper implements Tenure {
  readonly #context: KeeperContext;
  readonly #services: Set<ClusteredService>;
  /** Those of them that are on their way out: left, not claimed any more. */
  readonly #removed = new Set<ClusteredService>();
  readonly #task: LoneTask;
  /** Each resolves when a pass that began after it was added here has ended, whether it succeeded or not. */
  readonly #awaiting: (() => void)[] = [];
  #isSuspended = false;
  #ownership: Map<ServiceKind, Statement> | null = null;
  /** Services that are being attended to, each with what resolves when that is done. */
  readonly #attended = new Map<ClusteredService, Promise<void>>();

  constructor(context: KeeperContext, services: readonly ClusteredService[]) {
    this.#context = context;
    this.#services = new Set(services);
    const { runtime, heartbeatMs, PeriodicTasks: Manager } = context;
    const options = { name: 'watching', spacingMs: heartbeatMs, retryMs: RETRY_MS };
    this.#task = new LoneTask(runtime, options, () => this.#announcedPass(), Manager);
  }

  /**
   * Begins; resolves when the first pass has ended and what it claimed is active. A pass that fails ends too: what keeps a
   * service from being claimed keeps no master from starting.
   */
  async start(): Promise<void> {
    const first = this.#nextPass();
    this.#task.start();
    await first;
  }

  /** No further pass; everything that is held quiesces and is released. Resolves when that is done. */
  async stop(): Promise<void> {
    this.#isSuspended = true;
    this.#passEnded(this.#awaiting.splice(0));
    await this.#task.stop();
    await Promise.all(this.#attended.values());
    await this.#leaveAll('its master stops', { isReleasing: true });
    await this.releaseOwned(); // what had been left without being released
  }

  /** Attends to one more service, which has been bound; resolves as `start` does, at once after `stop`. */
  async add(service: ClusteredService): Promise<void> {
    this.#services.add(service);
    this.#ownership = null;
    const next = this.#nextPass();
    this.lookAgain();
    if (!this.#task.isStopping) await next;
  }

  /** Attends to it no more; resolves when nothing of it runs any more and its claim has been given back. */
  async remove(service: ClusteredService): Promise<void> {
    this.#removed.add(service);
    await this.#attended.get(service);
    await service.leave('it was removed from the configuration', { isReleasing: true });
    this.#services.delete(service);
    this.#ownership = null;
    this.#removed.delete(service);
  }

  /** Looks at once. */
  lookAgain(): void {
    this.#task.wake();
  }

  isTrusted(incarnation: number): boolean {
    return this.#context.lease.isTrusted(incarnation);
  }

  async release(service: ClusteredService, claim: Claim): Promise<void> {
    await this.#context.updates.releaseService(service.kind, claim);
  }

  /** Claims nothing until `resume`, and lets go of what is held; resolves when nothing of it runs any more. */
  async quiesce(reason: string): Promise<void> {
    this.#isSuspended = true;
    await Promise.all(this.#attended.values());
    await this.#leaveAll(reason, { isReleasing: false });
  }

  /** Gives back every claim of this incarnation, after `quiesce`. */
  async releaseOwned(): Promise<void> {
    const { updates, masterid, lease } = this.#context;
    if (lease.incarnation !== null) await updates.releaseOwned(masterid, lease.incarnation);
  }

  /** Claims again; harmless when it does already. */
  resume(): void {
    if (!this.#isSuspended) return;
    this.#isSuspended = false;
    this.lookAgain();
  }

  /** To be called when belief may have ended: what is not trusted any more is left, unreleased. */
  letGoOfUntrusted(): void {
    for (const service of this.#services) {
      const claim = service.claim;
      if (claim !== null && !this.isTrusted(claim.incarnation)) {
        void service.leave('its lease was not renewed in time', { isReleasing: false });
      }
    }
  }

  async #leaveAll(reason: string, options: { readonly isReleasing: boolean }): Promise<void> {
    await Promise.all([...this.#services].map((service) => service.leave(reason, options)));
  }

  #nextPass(): Promise<void> {
    return new Promise<void>((resolve) => this.#awaiting.push(resolve));
  }

  #passEnded(awaiting: readonly (() => void)[]): void {
    for (const resolve of awaiting) resolve();
  }

  async #announcedPass(): Promise<void> {
    const awaiting = this.#awaiting.splice(0);
    try {
      await this.#pass();
      if (awaiting.length > 0) await Promise.all(this.#attended.values());
    } finally {
      this.#passEnded(awaiting);
    }
  }

  async #pass(): Promise<void> {
    const { db, watch, onEnded } = this.#context;
    this.letGoOfUntrusted();
    const services = [...this.#services];
    const claims = services.map((service) => service.claim);
    const owned = this.#ownershipStatements();
    const kinds = [...owned.keys()];
    const results = owned.size === 0 ? [] : await db.database.read([...owned.values()]);
    const seen = kinds.map((_, i) => present(results[i], 'ownerships').rows.map(ownershipOf));
    const endedOwners = await this.#endOverdue(watch.observe(seen.flat()));
    for (const [i, service] of services.entries()) {
      const ownership = seen[kinds.indexOf(service.kind)]?.find((one) => one.serviceid === service.serviceid);
      // What was read is older than a claim that has come or gone meanwhile.
      if (ownership === undefined || claims[i] !== service.claim || this.#isBusy(service)) continue;
      this.#attend(service, ownership, endedOwners);
    }
    if (endedOwners.size > 0) onEnded();
  }

  #isBusy(service: ClusteredService): boolean {
    return this.#attended.has(service) || this.#removed.has(service) || !this.#services.has(service);
  }

  /** By kind, the same at every pass until services come or go. */
  #ownershipStatements(): ReadonlyMap<ServiceKind, Statement> {
    if (this.#ownership !== null) return this.#ownership;
    this.#ownership = new Map();
    for (const kind of new Set([...this.#services].map((service) => service.kind))) {
      const services = [...this.#services].filter((service) => service.kind === kind);
      const ids = services.map((service) => present(service.serviceid, 'service id'));
      this.#ownership.set(kind, this.#context.db.claims(kind).ownershipStatement(ids));
    }
    return this.#ownership;
  }

  /** Ends those who have been unable to renew for a whole lease; returns who was ended, as `nameOwner` names them. */
  async #endOverdue(suspects: readonly Suspect[]): Promise<ReadonlySet<string>> {
    if (suspects.length === 0) return NOBODY;
    const ended = await Promise.all(suspects.map((suspect) => this.#end(suspect)));
    return new Set(
      suspects.filter((_, i) => ended[i]).map((one) => nameOwner(one.masterid, one.incarnation)),
    );
  }

  async #end(suspect: Suspect): Promise<boolean> {
    const { runtime, updates } = this.#context;
    try {
      return await updates.expireMaster(suspect);
    } catch (error) {
      runtime.logger.log('warning', `could not end master ${suspect.masterid}: ${describeError(error)}`);
      return false;
    }
  }

  /** Brings one service in line with who owns it, which takes nothing as long as nothing has happened. */
  #attend(service: ClusteredService, ownership: Ownership, ended: ReadonlySet<string>): void {
    if (this.#isSuspended) return;
    const adjust = this.#adjustment(service, ownership, ended);
    if (adjust === null) return;
    const failed = (error: unknown): void =>
      this.#context.runtime.logger.log(
        'warning',
        `could not attend to '${service.name}': ${describeError(error)}`,
      );
    const done = adjust()
      .catch(failed)
      .then(() => void this.#attended.delete(service));
    this.#attended.set(service, done);
  }

  /** What has to be done for a service of which this was seen; null: nothing. */
  #adjustment(
    service: ClusteredService,
    ownership: Ownership,
    ended: ReadonlySet<string>,
  ): (() => Promise<void>) | null {
    service.setEnabled(ownership.enabled);
    const { claim } = service;
    if (claim !== null) {
      if (this.#stands(claim, ownership)) return null;
      return () => service.leave('its claim is gone', { isReleasing: true });
    }
    const { masterid, lease } = this.#context;
    const { incarnation } = lease;
    if (incarnation === null || !service.isWilling || !this.isTrusted(incarnation)) return null;
    const { isFree, ownerMasterid, ownerIncarnation } = ownership;
    const isMine = ownerMasterid === masterid && ownerIncarnation === incarnation;
    const isVacant = isFree || isMine || ended.has(nameOwner(ownerMasterid, ownerIncarnation));
    return isVacant ? () => this.#claim(service, ownership, incarnation) : null;
  }

  async #claim(service: ClusteredService, ownership: Ownership, incarnation: number): Promise<void> {
    const { updates, masterid, lease } = this.#context;
    const claim = await updates.claimService(service.kind, ownership, { masterid, incarnation });
    if (claim === null) return;
    // A reply counts only in the incarnation that asked, and while the service is there.
    const isWanted = !this.#isSuspended && !this.#removed.has(service);
    if (lease.incarnation === incarnation && isWanted) await service.take(claim);
    else await updates.releaseService(service.kind, claim);
  }

  #stands(claim: Claim, ownership: Ownership): boolean {
    return (
      !ownership.isFree &&
      ownership.ownerMasterid === claim.masterid &&
      ownership.ownerIncarnation === claim.incarnation &&
      ownership.epoch === claim.epoch &&
      ownership.linkedMasterid === claim.masterid
    );
  }
}

const NOBODY: ReadonlySet<string> = new Set();

function nameOwner(masterid: number | null, incarnation: number | null): string {
  return `${masterid}/${incarnation}`;
}
