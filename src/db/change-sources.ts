// The change sources connector: clustered services (claims.ts says who may act for one) that bring changes in.
// @source buildbot master/buildbot/db/changesources.py

import { sha1 } from '../core/digest.js';
import { ClaimsConnector, type Service } from './claims.js';
import type { Database } from './database.js';
import { findOrInsert } from './find-or-insert.js';
import type { IdAllocator } from './ids.js';

export type ChangeSource = Service;

export class ChangeSourcesConnector extends ClaimsConnector {
  constructor(database: Database, ids: IdAllocator) {
    super(database, ids, 'changesource');
  }

  /** The id of the change source of this name; a new one is inserted, free. */
  async findChangeSourceId(name: string): Promise<number> {
    const hash = sha1(name);
    return findOrInsert(this.database, this.ids, {
      table: 'changesources',
      find: { sql: 'SELECT id FROM changesources WHERE name_hash = ?', values: [hash] },
      insert: { name, name_hash: hash },
    });
  }

  /** The change source, or null. */
  getChangeSource(changesourceid: number): Promise<ChangeSource | null> {
    return this.getService(changesourceid);
  }

  /** All change sources, by id; `active` = has a link, `masterid` = linked to that master; both must hold. */
  getChangeSources(wanted: { active?: boolean; masterid?: number } = {}): Promise<readonly ChangeSource[]> {
    return this.getServices(wanted);
  }
}
