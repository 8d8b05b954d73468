// All connector components over one database, as `master.db`.

import type { Runtime } from '../runtime/runtime.js';
import { BuildRequestsConnector } from './build-requests.js';
import { BuildersConnector } from './builders.js';
import { BuildsConnector } from './builds.js';
import { BuildsetsConnector } from './buildsets.js';
import { ChangeSourcesConnector } from './change-sources.js';
import { ChangesConnector } from './changes.js';
import type { ClaimsConnector, ServiceKind } from './claims.js';
import { Database } from './database.js';
import type { Driver } from './driver.js';
import { EventsConnector } from './events.js';
import { IdAllocator } from './ids.js';
import { LeftoversConnector } from './leftovers.js';
import { MastersConnector } from './masters.js';
import { OperationsConnector } from './operations.js';
import { QueuesConnector } from './queues.js';
import { checkSchema } from './schema-check.js';
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
  readonly changeSources: ChangeSourcesConnector;
  readonly state: StateConnector;
  readonly changes: ChangesConnector;
  readonly buildsets: BuildsetsConnector;
  readonly buildRequests: BuildRequestsConnector;
  readonly builders: BuildersConnector;
  readonly builds: BuildsConnector;
  readonly leftovers = new LeftoversConnector();
  readonly queues: QueuesConnector;
  readonly events: EventsConnector;
  readonly operations: OperationsConnector;

  constructor(driver: Driver, runtime: Runtime, parts: ConnectorParts = { SchedulersConnector }) {
    this.database = new Database(driver, runtime);
    this.ids = new IdAllocator(this.database);
    this.masters = new MastersConnector(this.database, this.ids, runtime.clock);
    this.schedulers = new parts.SchedulersConnector(this.database, this.ids);
    this.changeSources = new ChangeSourcesConnector(this.database, this.ids);
    this.state = new StateConnector(this.database, this.ids);
    this.changes = new ChangesConnector(this.database);
    this.buildsets = new BuildsetsConnector(this.database);
    this.buildRequests = new BuildRequestsConnector(this.database);
    this.builders = new BuildersConnector(this.database, this.ids);
    this.builds = new BuildsConnector(this.database);
    this.queues = new QueuesConnector(this.database, this.ids);
    this.events = new EventsConnector(this.database);
    this.operations = new OperationsConnector(this.database);
  }

  /** The connector of the clustered services of this kind. */
  claims(kind: ServiceKind): ClaimsConnector {
    return kind === 'scheduler' ? this.schedulers : this.changeSources;
  }

  /** @throws SchemaVersionError when the database is of another version than this code. */
  checkSchema(): Promise<void> {
    return checkSchema(this.database);
  }
}
