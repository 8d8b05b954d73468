// The layers below a master, put together as a master does, for one process of a cluster on one database in memory.

import { DataUpdates } from '../../src/data/updates.js';
import { EffectCommitter, type Actor } from '../../src/data/effects.js';
import { EventWriter } from '../../src/data/event-writer.js';
import { DatabaseConnector } from '../../src/db/connector.js';
import type { Driver, Row, SqlValue } from '../../src/db/driver.js';
import type { Claim } from '../../src/db/claims.js';
import { SimpleMQ } from '../../src/mq/simple-queue.js';
import { GatedDriver } from './gated-driver.js';
import { TestRuntime } from './test-runtime.js';

/** What a process does as a master, by hand. */
export interface Identity {
  readonly masterid: number;
  readonly incarnation: number;
}

export class Plane {
  readonly runtime: TestRuntime;
  readonly driver: GatedDriver;
  readonly mq: SimpleMQ;
  readonly db: DatabaseConnector;
  readonly writer: EventWriter;
  readonly updates: DataUpdates;
  readonly effects: EffectCommitter;
  /** Keys of the messages that were published, `changes/1/new`. */
  readonly published: string[] = [];

  /** `mq`: that of another process in the same cluster; default one of its own. */
  constructor(driver: Driver, runtime = new TestRuntime(), mq = new SimpleMQ(runtime)) {
    this.runtime = runtime;
    this.driver = new GatedDriver(driver);
    this.mq = mq;
    this.db = new DatabaseConnector(this.driver, runtime);
    this.writer = new EventWriter(this.db, this.mq, runtime.clock);
    this.updates = new DataUpdates(this.db, this.writer, runtime.clock);
    this.effects = new EffectCommitter(this.db, this.writer, runtime.clock);
  }

  /** Collects in `published` what matches, from now on. */
  async listen(...filters: readonly (readonly (string | null)[])[]): Promise<void> {
    for (const filter of filters) {
      await this.mq.startConsuming((key) => void this.published.push(key.join('/')), filter);
    }
  }

  /** Begins an incarnation of the master of this name. */
  async join(name = 'master-a'): Promise<Identity> {
    const masterid = await this.db.masters.findMasterId(name);
    return { masterid, incarnation: await this.db.masters.newIncarnation(masterid) };
  }

  /** Claims a scheduler by hand; throws when that is refused. */
  async claim(schedulerid: number, { masterid, incarnation }: Identity): Promise<Claim> {
    const owner = { masterid, incarnation };
    const claim = await this.updates.claimService('scheduler', { serviceid: schedulerid }, owner);
    if (claim === null) throw new Error('the claim was refused');
    return claim;
  }

  /** Somebody who acts under `claim`. */
  actor(claim: Claim, objectid: number, signal = new AbortController().signal): Actor {
    return { name: `scheduler-${claim.serviceid}`, objectid, claim, signal };
  }

  async rows(sql: string, ...values: SqlValue[]): Promise<readonly Row[]> {
    return (await this.db.database.read([{ sql, values }]))[0]?.rows ?? [];
  }

  /** How many rows a table has. */
  async count(table: string): Promise<number> {
    return (await this.rows(`SELECT 1 AS one FROM ${table}`)).length;
  }
}
