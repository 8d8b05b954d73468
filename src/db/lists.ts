// The lists that can be asked for, by name: where their rows are, their fields, and in which other things they are found.
// Field names are those of the messages and of Buildbot's API; times are seconds since the epoch.
// @source buildbot master/buildbot/data (endpoints and entities)

import type { Field, Fields } from './result-spec.js';

export interface List {
  readonly from: string;
  /** The unique column, and the name of the field that holds it. */
  readonly key: { readonly column: string; readonly field: string };
  readonly fields: Fields;
  /** By the list of the thing in which these are found: the condition on its id. */
  readonly within: Readonly<Record<string, string>>;
}

const integer = (column: string): Field => ({ column, kind: 'integer' });
const text = (column: string): Field => ({ column, kind: 'text' });
const boolean = (column: string): Field => ({ column, kind: 'boolean' });
const json = (column: string): Field => ({ column, kind: 'json' });
const nullable = (field: Field): Field => ({ ...field, isNullable: true });

/** What is configured on several masters and linked to at most one. */
function service(table: string, links: string, id: string): List {
  return {
    from: `${table} t LEFT JOIN ${links} l ON l.${id} = t.id`,
    key: { column: 't.id', field: id },
    fields: {
      [id]: integer('t.id'),
      name: text('t.name'),
      enabled: boolean('t.enabled'),
      masterid: nullable(integer('l.masterid')),
    },
    within: { masters: 'l.masterid = ?' },
  };
}

export const LISTS: Readonly<Record<string, List>> = {
  masters: {
    from: 'masters t',
    key: { column: 't.id', field: 'masterid' },
    fields: {
      masterid: integer('t.id'),
      name: text('t.name'),
      active: boolean('t.active'),
      last_active: integer('t.last_active'),
    },
    within: {
      builders: 'EXISTS (SELECT 1 FROM builder_masters o WHERE o.masterid = t.id AND o.builderid = ?)',
    },
  },
  schedulers: service('schedulers', 'scheduler_masters', 'schedulerid'),
  changesources: service('changesources', 'changesource_masters', 'changesourceid'),
  builders: {
    from: 'builders t',
    key: { column: 't.id', field: 'builderid' },
    fields: {
      builderid: integer('t.id'),
      name: text('t.name'),
      description: nullable(text('t.description')),
    },
    within: {
      masters: 'EXISTS (SELECT 1 FROM builder_masters o WHERE o.builderid = t.id AND o.masterid = ?)',
    },
  },
  changes: {
    from: 'changes t',
    key: { column: 't.changeid', field: 'changeid' },
    fields: {
      changeid: integer('t.changeid'),
      author: text('t.author'),
      committer: nullable(text('t.committer')),
      comments: text('t.comments'),
      branch: nullable(text('t.branch')),
      revision: nullable(text('t.revision')),
      revlink: nullable(text('t.revlink')),
      category: nullable(text('t.category')),
      repository: text('t.repository'),
      project: text('t.project'),
      codebase: text('t.codebase'),
      when_timestamp: integer('t.when_timestamp'),
      files: json('t.files'),
      properties: json('t.properties'),
      parent_changeid: nullable(integer('t.parent_changeid')),
      sourcestampid: integer('t.sourcestampid'),
    },
    within: {
      buildsets:
        'EXISTS (SELECT 1 FROM buildset_changes o WHERE o.changeid = t.changeid AND o.buildsetid = ?)',
    },
  },
  buildsets: {
    from: 'buildsets t',
    key: { column: 't.id', field: 'bsid' },
    fields: {
      bsid: integer('t.id'),
      schedulerid: nullable(integer('t.schedulerid')),
      external_idstring: nullable(text('t.external_idstring')),
      reason: text('t.reason'),
      submitted_at: integer('t.submitted_at'),
      complete: boolean('t.complete'),
      complete_at: nullable(integer('t.complete_at')),
      results: integer('t.results'),
      parent_buildid: nullable(integer('t.parent_buildid')),
      parent_relationship: nullable(text('t.parent_relationship')),
      rebuilt_buildid: nullable(integer('t.rebuilt_buildid')),
    },
    within: { schedulers: 't.schedulerid = ?' },
  },
  buildrequests: {
    from: 'buildrequests t LEFT JOIN buildrequest_claims c ON c.brid = t.id',
    key: { column: 't.id', field: 'buildrequestid' },
    fields: {
      buildrequestid: integer('t.id'),
      buildsetid: integer('t.buildsetid'),
      builderid: integer('t.builderid'),
      priority: integer('t.priority'),
      claimed: boolean('CASE WHEN c.brid IS NULL THEN 0 ELSE 1 END'),
      claimed_at: nullable(integer('c.claimed_at')),
      claimed_by_masterid: nullable(integer('c.masterid')),
      complete: boolean('t.complete'),
      complete_at: nullable(integer('t.complete_at')),
      results: integer('t.results'),
      submitted_at: integer('t.submitted_at'),
      waited_for: boolean('t.waited_for'),
    },
    within: { buildsets: 't.buildsetid = ?', builders: 't.builderid = ?' },
  },
  builds: {
    from: 'builds t',
    key: { column: 't.id', field: 'buildid' },
    fields: {
      buildid: integer('t.id'),
      number: integer('t.number'),
      builderid: integer('t.builderid'),
      buildrequestid: integer('t.buildrequestid'),
      workerid: nullable(integer('t.workerid')),
      masterid: integer('t.masterid'),
      started_at: integer('t.started_at'),
      complete: boolean('CASE WHEN t.complete_at IS NULL THEN 0 ELSE 1 END'),
      complete_at: nullable(integer('t.complete_at')),
      state_string: text('t.state_string'),
      results: nullable(integer('t.results')),
    },
    within: { builders: 't.builderid = ?', buildrequests: 't.buildrequestid = ?', masters: 't.masterid = ?' },
  },
};
