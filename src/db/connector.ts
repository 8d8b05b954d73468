// All connector components over one database, as `master.db`.

import { StandinError } from '../core/errors.js';
import type { Runtime } from '../runtime/runtime.js';
import { BuildersConnector } from './builders.js';
import { BuildsetsConnector } from './buildsets.js';
import { ChangesConnector } from './changes.js';
import { Database } from './database.js';
import type { Driver } from './driver.js';
import { EventsConnector } from './events.js';
import { IdAllocator } from './ids.js';
import { MastersConnector } from './masters.js';
import { QueuesConnector } from './queues.js';
import { integerOf } from './row.js';
import { SCHEMA_VERSION } from './schema.js';
import { SchedulersConnector } from './schedulers.js';
import { StateConnector } from './state.js';

/** The parts of the connector that may be replaced when a master is assembled. */
export interface ConnectorParts {
  readonly SchedulersConnector: typeof SchedulersConnector;
}

export class DatabaseConnector {
  readonly database: Database;
  readonly ids: IdAllocator;
  readonly masters: MastersConnector;
  readonly schedulers: SchedulersConnector;
  readonly state: StateConnector;
  readonly changes: ChangesConnector;
  readonly buildsets: BuildsetsConnector;
  readonly builders: BuildersConnector;
  readonly queues: QueuesConnector;
  readonly events: EventsConnector;

  constructor(driver: Driver, runtime: Runtime, parts: ConnectorParts = { SchedulersConnector }) {
    this.database = new Database(driver, runtime);
    this.ids = new IdAllocator(this.database);
    this.masters = new MastersConnector(this.database, this.ids, runtime.clock);
    this.schedulers = new parts.SchedulersConnector(this.database, this.ids);
    this.state = new StateConnector(this.database, this.ids);
    this.changes = new ChangesConnector(this.database);
    this.buildsets = new BuildsetsConnector(this.database);
    this.builders = new BuildersConnector(this.database, this.ids);
    this.queues = new QueuesConnector(this.database, this.ids);
    this.events = new EventsConnector(this.database);
  }

  /** @throws StandinError `schema-version` when the database is of another version than this code. */
  async checkSchema(): Promise<void> {
    const results = await this.database.read([{ sql: 'SELECT version FROM schema_version', values: [] }]);
    const row = results[0]?.rows[0];
    const version = row === undefined ? 0 : integerOf(row, 'version');
    if (version !== SCHEMA_VERSION) {
      throw new StandinError(
        'schema-version',
        `the database has schema version ${version}, this program needs ${SCHEMA_VERSION}`,
      );
    }
  }
}
