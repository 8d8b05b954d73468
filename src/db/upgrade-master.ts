// What `upgrade-master` does: the schema is brought up to date, and all masters are treated as if they had stopped checking
// in long ago, so that the next one that starts cleans up after them. To be run while no master does.
// @source buildbot master/buildbot/scripts/upgrade_master.py

import type { Runtime } from '../runtime/runtime.js';
import { DatabaseConnector } from './connector.js';
import { migrate } from './migrate.js';
import { openDatabase } from './open-database.js';
import { SCHEMA_VERSION } from './schema.js';

export interface Upgrade {
  /** 0 when the database was empty. */
  readonly from: number;
  readonly to: number;
}

/** Upgrades the database at `url`. @throws ConfigError, SchemaVersionError, DatabaseError */
export async function upgradeMaster(url: string, runtime: Runtime): Promise<Upgrade> {
  const driver = await openDatabase(url, runtime.clock);
  const db = new DatabaseConnector(driver, runtime);
  try {
    const from = await migrate(driver, runtime, 'any');
    await db.masters.setAllMastersActiveLongTimeAgo();
    return { from, to: SCHEMA_VERSION };
  } finally {
    db.database.stop();
    driver.close();
  }
}
