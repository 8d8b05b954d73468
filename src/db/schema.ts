// The schema, as portable SQL (SQLite and PostgreSQL): the tables of Buildbot that the control plane needs, and what its
// guarantees add to them. The additions are
//   masters.incarnation, beat        identity and renewals of a lease
//   masters.housekept                incarnations up to this one are dead and have left nothing behind
//   master_incarnations          the last beat of incarnations that have been superseded and may still own something
//   schedulers.owner_*, epoch        the last owner, and the fence that every effect compares; never reset
//   schedulers.is_free               1 once the last owner's claim has ended for certain (changesources are alike)
//   schedulers.revision              grows with each change that is announced, so that consumers can order what they hear
//   buildrequest_claims.incarnation,
//   builds.incarnation               of which life of a master a claim or a build is: when that is over, it is too
//   buildrequest_claims.is_open      0 once the request is complete: the claim then only says who did it
//   schedulers.switched_at           when it was last enabled or disabled: slots before that are skipped
//   buildset_changes                 which changes a buildset consumed
//   sequences                        where ids come from, outside the transactions that use them
//   operations                       results of effects by operation id, to look up after an unknown outcome
//   events                           what a transaction announces, until it has been published
//   queues, queue_messages           the transactional inbox of durable consumers
// Ids are handed out by `sequences`, save those of `queue_messages`, which must follow the order of commits.
// @source buildbot master/buildbot/db/model.py

/** Tables whose ids come from `sequences`. */
export const SEQUENCED_TABLES = [
  'masters',
  'schedulers',
  'changesources',
  'objects',
  'builders',
  'sourcestamps',
  'changes',
  'buildsets',
  'buildrequests',
  'builds',
  'events',
  'queues',
] as const;

export type SequencedTable = (typeof SEQUENCED_TABLES)[number];

/** One statement an element, in the order in which they must run. */
const INITIAL: readonly string[] = [
  `CREATE TABLE sequences (name TEXT PRIMARY KEY, next_id INTEGER NOT NULL)`,
  `CREATE TABLE masters (
     id INTEGER PRIMARY KEY, name TEXT NOT NULL, name_hash TEXT NOT NULL UNIQUE,
     active INTEGER NOT NULL, last_active INTEGER NOT NULL,
     incarnation INTEGER NOT NULL DEFAULT 0, beat INTEGER NOT NULL DEFAULT 0, housekept INTEGER NOT NULL DEFAULT 0)`,
  `CREATE INDEX masters_watched ON masters (id) WHERE active = 1 OR housekept < incarnation`,
  `CREATE TABLE master_incarnations (
     masterid INTEGER NOT NULL REFERENCES masters(id), incarnation INTEGER NOT NULL, last_beat INTEGER NOT NULL,
     PRIMARY KEY (masterid, incarnation))`,
  `CREATE TABLE schedulers (
     id INTEGER PRIMARY KEY, name TEXT NOT NULL, name_hash TEXT NOT NULL UNIQUE, enabled INTEGER NOT NULL DEFAULT 1,
     owner_masterid INTEGER REFERENCES masters(id), owner_incarnation INTEGER,
     epoch INTEGER NOT NULL DEFAULT 0, is_free INTEGER NOT NULL DEFAULT 1, revision INTEGER NOT NULL DEFAULT 0,
     switched_at INTEGER NOT NULL DEFAULT 0)`,
  `CREATE TABLE scheduler_masters (
     schedulerid INTEGER PRIMARY KEY REFERENCES schedulers(id), masterid INTEGER NOT NULL REFERENCES masters(id))`,
  `CREATE INDEX scheduler_masters_masterid ON scheduler_masters (masterid)`,
  `CREATE TABLE changesources (
     id INTEGER PRIMARY KEY, name TEXT NOT NULL, name_hash TEXT NOT NULL UNIQUE, enabled INTEGER NOT NULL DEFAULT 1,
     owner_masterid INTEGER REFERENCES masters(id), owner_incarnation INTEGER,
     epoch INTEGER NOT NULL DEFAULT 0, is_free INTEGER NOT NULL DEFAULT 1, revision INTEGER NOT NULL DEFAULT 0)`,
  `CREATE TABLE changesource_masters (
     changesourceid INTEGER PRIMARY KEY REFERENCES changesources(id), masterid INTEGER NOT NULL REFERENCES masters(id))`,
  `CREATE INDEX changesource_masters_masterid ON changesource_masters (masterid)`,
  `CREATE TABLE objects (
     id INTEGER PRIMARY KEY, name TEXT NOT NULL, class_name TEXT NOT NULL, UNIQUE (name, class_name))`,
  `CREATE TABLE object_state (
     objectid INTEGER NOT NULL REFERENCES objects(id), name TEXT NOT NULL, value_json TEXT NOT NULL,
     PRIMARY KEY (objectid, name))`,
  `CREATE TABLE builders (
     id INTEGER PRIMARY KEY, name TEXT NOT NULL, name_hash TEXT NOT NULL UNIQUE, description TEXT)`,
  `CREATE TABLE builder_masters (
     builderid INTEGER NOT NULL REFERENCES builders(id), masterid INTEGER NOT NULL REFERENCES masters(id),
     PRIMARY KEY (builderid, masterid))`,
  `CREATE INDEX builder_masters_masterid ON builder_masters (masterid)`,
  `CREATE TABLE sourcestamps (
     id INTEGER PRIMARY KEY, ss_hash TEXT NOT NULL UNIQUE, branch TEXT, revision TEXT,
     repository TEXT NOT NULL DEFAULT '', project TEXT NOT NULL DEFAULT '', codebase TEXT NOT NULL DEFAULT '',
     created_at INTEGER NOT NULL, patch TEXT)`,
  `CREATE TABLE changes (
     changeid INTEGER PRIMARY KEY, author TEXT NOT NULL, comments TEXT NOT NULL, branch TEXT, revision TEXT,
     revlink TEXT, category TEXT, repository TEXT NOT NULL DEFAULT '', project TEXT NOT NULL DEFAULT '',
     codebase TEXT NOT NULL DEFAULT '', when_timestamp INTEGER NOT NULL, files TEXT NOT NULL, properties TEXT NOT NULL,
     parent_changeid INTEGER, sourcestampid INTEGER NOT NULL REFERENCES sourcestamps(id), change_key TEXT NOT NULL UNIQUE)`,
  `CREATE INDEX changes_origin ON changes (repository, branch, project, codebase, changeid)`,
  `CREATE INDEX changes_sourcestampid ON changes (sourcestampid)`,
  `CREATE TABLE scheduler_changes (
     schedulerid INTEGER NOT NULL REFERENCES schedulers(id), changeid INTEGER NOT NULL REFERENCES changes(changeid),
     important INTEGER NOT NULL, PRIMARY KEY (schedulerid, changeid))`,
  `CREATE TABLE buildsets (
     id INTEGER PRIMARY KEY, schedulerid INTEGER, external_idstring TEXT, reason TEXT NOT NULL,
     submitted_at INTEGER NOT NULL, complete INTEGER NOT NULL DEFAULT 0, complete_at INTEGER,
     results INTEGER NOT NULL DEFAULT -1, trigger_key TEXT, parent_buildid INTEGER, parent_relationship TEXT,
     rebuilt_buildid INTEGER, UNIQUE (schedulerid, trigger_key))`,
  `CREATE INDEX buildsets_complete ON buildsets (complete, id)`,
  `CREATE TABLE buildset_properties (
     buildsetid INTEGER NOT NULL REFERENCES buildsets(id), property_name TEXT NOT NULL, property_value TEXT NOT NULL,
     PRIMARY KEY (buildsetid, property_name))`,
  `CREATE TABLE buildset_sourcestamps (
     buildsetid INTEGER NOT NULL REFERENCES buildsets(id), sourcestampid INTEGER NOT NULL REFERENCES sourcestamps(id),
     PRIMARY KEY (buildsetid, sourcestampid))`,
  `CREATE TABLE buildset_changes (
     buildsetid INTEGER NOT NULL REFERENCES buildsets(id), changeid INTEGER NOT NULL REFERENCES changes(changeid),
     PRIMARY KEY (buildsetid, changeid))`,
  `CREATE TABLE buildrequests (
     id INTEGER PRIMARY KEY, buildsetid INTEGER NOT NULL REFERENCES buildsets(id),
     builderid INTEGER NOT NULL REFERENCES builders(id), priority INTEGER NOT NULL DEFAULT 0,
     complete INTEGER NOT NULL DEFAULT 0, results INTEGER NOT NULL DEFAULT -1, submitted_at INTEGER NOT NULL,
     complete_at INTEGER, waited_for INTEGER NOT NULL DEFAULT 0)`,
  `CREATE INDEX buildrequests_buildsetid ON buildrequests (buildsetid)`,
  `CREATE INDEX buildrequests_builderid ON buildrequests (builderid, complete, id)`,
  `CREATE INDEX buildrequests_complete ON buildrequests (complete, id)`,
  `CREATE TABLE buildrequest_claims (
     brid INTEGER PRIMARY KEY REFERENCES buildrequests(id), masterid INTEGER NOT NULL REFERENCES masters(id),
     incarnation INTEGER NOT NULL, claimed_at INTEGER NOT NULL, is_open INTEGER NOT NULL DEFAULT 1)`,
  `CREATE INDEX buildrequest_claims_masterid ON buildrequest_claims (masterid, brid)`,
  `CREATE INDEX buildrequest_claims_open ON buildrequest_claims (masterid, brid) WHERE is_open = 1`,
  `CREATE TABLE builds (
     id INTEGER PRIMARY KEY, number INTEGER NOT NULL, builderid INTEGER NOT NULL REFERENCES builders(id),
     buildrequestid INTEGER NOT NULL REFERENCES buildrequests(id), workerid INTEGER,
     masterid INTEGER NOT NULL REFERENCES masters(id), incarnation INTEGER NOT NULL,
     started_at INTEGER NOT NULL, complete_at INTEGER, state_string TEXT NOT NULL DEFAULT '', results INTEGER,
     UNIQUE (builderid, number))`,
  `CREATE INDEX builds_buildrequestid ON builds (buildrequestid)`,
  `CREATE INDEX builds_running ON builds (masterid, id) WHERE complete_at IS NULL`,
  `CREATE TABLE operations (id TEXT PRIMARY KEY, result TEXT NOT NULL, done_at INTEGER NOT NULL)`,
  `CREATE INDEX operations_done_at ON operations (done_at)`,
  `CREATE TABLE events (
     id INTEGER PRIMARY KEY, routing_key TEXT NOT NULL, body TEXT NOT NULL, created_at INTEGER NOT NULL)`,
  `CREATE TABLE queues (
     id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, filter TEXT NOT NULL)`,
  `CREATE TABLE queue_messages (
     id {{commit_ordered_id}}, queueid INTEGER NOT NULL REFERENCES queues(id),
     routing_key TEXT NOT NULL, body TEXT NOT NULL)`,
  `CREATE INDEX queue_messages_queueid ON queue_messages (queueid, id)`,
  ...SEQUENCED_TABLES.map((table) => `INSERT INTO sequences (name, next_id) VALUES ('${table}', 1)`),
];

/** What leads from the version before to `version`. One that has been released is never changed: a new one is added. */
export interface Migration {
  readonly version: number;
  readonly statements: readonly string[];
}

/** For lists of many masters or changes that are filtered, sorted and paged. `last_active` has none: every beat writes it. */
const LIST_INDEXES: readonly string[] = [
  `CREATE INDEX masters_name ON masters (name, id)`,
  `CREATE INDEX masters_active ON masters (active, id)`,
  `CREATE INDEX masters_active_name ON masters (active, name, id)`,
  `CREATE INDEX changes_branch ON changes (branch, changeid)`,
  `CREATE INDEX changes_when ON changes (when_timestamp, changeid)`,
];

/** Who committed a change, where that is not its author, and which users it is known to be of. */
const CHANGE_USERS: readonly string[] = [
  `ALTER TABLE changes ADD COLUMN committer TEXT`,
  `CREATE TABLE change_users (
     changeid INTEGER NOT NULL REFERENCES changes(changeid), uid INTEGER NOT NULL, PRIMARY KEY (changeid, uid))`,
];

/** All migrations, the oldest first; versions count from 1. */
export const MIGRATIONS: readonly Migration[] = [
  { version: 1, statements: INITIAL },
  { version: 2, statements: LIST_INDEXES },
  { version: 3, statements: CHANGE_USERS },
];

/** The version of the schema that this program needs. */
export const SCHEMA_VERSION = MIGRATIONS.length;

const VERSION_COLUMNS = 'schema_version (id INTEGER PRIMARY KEY, version INTEGER NOT NULL)';

/** Where a database keeps its version, in one row; there is none before the first migration. */
export const VERSION_TABLE = `CREATE TABLE IF NOT EXISTS ${VERSION_COLUMNS}`;

/** The whole schema at once, for a database that is new. */
export const SCHEMA: readonly string[] = [
  `CREATE TABLE ${VERSION_COLUMNS}`,
  `INSERT INTO schema_version (id, version) VALUES (1, ${SCHEMA_VERSION})`,
  ...MIGRATIONS.flatMap(({ statements }) => statements),
];
