// The catalogue of events: routing keys and bodies. A body is enough to rebuild the state that it announces; timestamps
// are seconds since the epoch, always numbers. Consumers tolerate unknown keys and unknown messages.
// @source buildbot master/buildbot/data (spec: events actually produced)

import type { JsonObject } from '../core/json.js';
import type { Filter, RoutingKey } from '../core/routing-key.js';
import type { Change } from '../db/changes.js';
import { SERVICE_NAMES, type FreedService, type ServiceKind } from '../db/claims.js';
import type { NewBuildset } from '../db/buildsets.js';

/** An event before it has an id. */
export interface Event {
  readonly key: RoutingKey;
  readonly body: JsonObject;
}

/** What a consumer of changes listens to. */
export const NEW_CHANGES: Filter = ['changes', null, 'new'];
export const MASTER_STOPPED: Filter = ['masters', null, 'stopped'];
export const SCHEDULER_RELEASED: Filter = ['schedulers', null, 'released'];
export const SCHEDULER_UPDATED: Filter = ['schedulers', null, 'updated'];

export function masterEvent(master: { id: number; name: string }, what: 'started' | 'stopped'): Event {
  return {
    key: ['masters', String(master.id), what],
    body: { masterid: master.id, name: master.name, active: what === 'started' },
  };
}

/** Ownership changes are announced too: `masterid` is the master that is linked after it, or null. */
export function serviceEvent(
  kind: ServiceKind,
  what: 'claimed' | 'released' | 'updated',
  service: FreedService & { readonly masterid: number | null },
): Event {
  const { table, id } = SERVICE_NAMES[kind];
  const { serviceid, name, enabled, masterid } = service;
  return { key: [table, String(serviceid), what], body: { [id]: serviceid, name, enabled, masterid } };
}

export function changeEvent(change: Change): Event {
  return {
    key: ['changes', String(change.changeid), 'new'],
    body: {
      changeid: change.changeid,
      author: change.author,
      files: change.files,
      comments: change.comments,
      branch: change.branch,
      revision: change.revision,
      revlink: change.revlink,
      category: change.category,
      repository: change.repository,
      project: change.project,
      codebase: change.codebase,
      when_timestamp: change.when,
      properties: change.properties,
      parent_changeids: change.parentChangeid === null ? [] : [change.parentChangeid],
      sourcestampid: change.sourcestampid,
    },
  };
}

/** The change that a `changes.N.new` body announces. */
export function changeOfEvent(body: JsonObject): Change {
  const parents = body['parent_changeids'] as readonly number[];
  return {
    changeid: body['changeid'] as number,
    author: body['author'] as string,
    files: body['files'] as readonly string[],
    comments: body['comments'] as string,
    branch: body['branch'] as string | null,
    revision: body['revision'] as string | null,
    revlink: body['revlink'] as string | null,
    category: body['category'] as string | null,
    repository: body['repository'] as string,
    project: body['project'] as string,
    codebase: body['codebase'] as string,
    when: body['when_timestamp'] as number,
    properties: body['properties'] as JsonObject,
    parentChangeid: parents[0] ?? null,
    sourcestampid: body['sourcestampid'] as number,
  };
}

/** A buildset and its requests, as one event each. */
export function buildsetEvents(buildset: NewBuildset, scheduler: string | null): readonly Event[] {
  const { bsid, submittedAt, priority } = buildset;
  const requests = buildset.requests.map(({ brid, builderid }) => ({
    key: ['buildrequests', String(brid), 'new'],
    body: {
      buildrequestid: brid,
      buildsetid: bsid,
      builderid,
      priority,
      claimed: false,
      claimed_at: null,
      claimed_by_masterid: null,
      complete: false,
      results: -1,
      submitted_at: submittedAt,
      complete_at: null,
      waited_for: buildset.waitedFor,
    },
  }));
  const body = {
    bsid,
    scheduler,
    external_idstring: buildset.externalIdstring,
    reason: buildset.reason,
    submitted_at: submittedAt,
    complete: false,
    complete_at: null,
    results: -1,
    sourcestampids: buildset.sourcestampids,
    changeids: buildset.changeids,
  };
  return [...requests, { key: ['buildsets', String(bsid), 'new'], body }];
}
