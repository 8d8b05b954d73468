// The catalogue of events: routing keys and bodies. A body is enough to rebuild the state that it announces; timestamps
// are seconds since the epoch, always numbers. Consumers tolerate unknown keys and unknown messages.
// @source buildbot master/buildbot/data (spec: events actually produced)

import type { JsonObject } from '../core/json.js';
import { SUCCESS } from '../core/results.js';
import type { Filter, RoutingKey } from '../core/routing-key.js';
import type { Change } from '../db/changes.js';
import { SERVICE_NAMES, type RevisedService, type ServiceKind } from '../db/claims.js';
import type { BuildRequest } from '../db/build-requests.js';
import type { Build } from '../db/builds.js';
import type { AnnouncedBuildset, NewBuildset } from '../db/buildsets.js';

/** An event before it has an id. */
export interface Event<Body extends JsonObject = JsonObject> {
  readonly key: RoutingKey;
  readonly body: Body;
}

/** `masters.N.started`, `stopped`: with a master that is stopped go its links, and the builders that it had. */
export type MasterBody = {
  readonly masterid: number;
  readonly name: string;
  readonly active: boolean;
  /** Grows: orders what is heard of a master. */
  readonly incarnation: number;
};

/** `changes.N.new`. */
export type ChangeBody = {
  readonly changeid: number;
  readonly author: string;
  readonly committer: string | null;
  readonly files: readonly string[];
  readonly comments: string;
  readonly branch: string | null;
  readonly revision: string | null;
  readonly revlink: string | null;
  readonly category: string | null;
  readonly repository: string;
  readonly project: string;
  readonly codebase: string;
  readonly when_timestamp: number;
  readonly properties: JsonObject;
  /** None or one. */
  readonly parent_changeids: readonly number[];
  readonly sourcestampid: number;
};

/** `buildsets.N.new`, `complete`. */
export type BuildsetBody = {
  readonly bsid: number;
  readonly scheduler: string | null;
  readonly external_idstring: string | null;
  readonly reason: string;
  readonly submitted_at: number;
  readonly complete: boolean;
  readonly complete_at: number | null;
  /** -1 until it is complete. */
  readonly results: number;
  readonly parent_buildid: number | null;
  readonly parent_relationship: string | null;
  readonly rebuilt_buildid: number | null;
  readonly sourcestampids: readonly number[];
  readonly changeids: readonly number[];
};

/** `buildrequests.N.new`, `claimed`, `unclaimed`, `complete`. */
export type BuildRequestBody = {
  readonly buildrequestid: number;
  readonly buildsetid: number;
  readonly builderid: number;
  readonly priority: number;
  readonly claimed: boolean;
  readonly claimed_at: number | null;
  readonly claimed_by_masterid: number | null;
  readonly complete: boolean;
  /** -1 until it is complete. */
  readonly results: number;
  readonly submitted_at: number;
  readonly complete_at: number | null;
  readonly waited_for: boolean;
};

/** `builds.N.new`, `update`, `finished`. */
export type BuildBody = {
  readonly buildid: number;
  /** Counts the builds of its builder, from 1. */
  readonly number: number;
  readonly builderid: number;
  readonly buildrequestid: number;
  readonly workerid: number | null;
  readonly masterid: number;
  readonly started_at: number;
  readonly complete: boolean;
  readonly complete_at: number | null;
  readonly state_string: string;
  /** Null until it is complete. */
  readonly results: number | null;
};

/** `builders.N.started`, `stopped`: it is configured on a master from now on, or not any more. */
export type BuilderBody = { readonly builderid: number; readonly masterid: number; readonly name: string };

/** What a consumer of changes listens to. */
export const NEW_CHANGES: Filter = ['changes', null, 'new'];
export const MASTER_STOPPED: Filter = ['masters', null, 'stopped'];
export const SCHEDULER_RELEASED: Filter = ['schedulers', null, 'released'];
export const CHANGE_SOURCE_RELEASED: Filter = ['changesources', null, 'released'];
/** What a builder of something listens to. */
export const BUILD_REQUEST_CLAIMABLE: readonly Filter[] = [
  ['buildrequests', null, 'new'],
  ['buildrequests', null, 'unclaimed'],
];
export const SCHEDULER_UPDATED: Filter = ['schedulers', null, 'updated'];

/** A master's incarnation grows, and each begins active: that orders what is heard of it. */
export function masterEvent(
  master: { id: number; name: string; incarnation: number },
  what: 'started' | 'stopped',
): Event<MasterBody> {
  const { id, name, incarnation } = master;
  return {
    key: ['masters', String(id), what],
    body: { masterid: id, name, active: what === 'started', incarnation },
  };
}

/** Ownership changes are announced too: `masterid` is the master that is linked after it, or null. */
export function serviceEvent(
  kind: ServiceKind,
  what: 'claimed' | 'released' | 'updated',
  service: RevisedService,
): Event {
  const { table, id } = SERVICE_NAMES[kind];
  const { name, enabled, masterid, revision } = service;
  return {
    key: [table, String(service.id), what],
    body: { [id]: service.id, name, enabled, masterid, revision },
  };
}

export function changeEvent(change: Change): Event<ChangeBody> {
  return {
    key: ['changes', String(change.changeid), 'new'],
    body: {
      changeid: change.changeid,
      author: change.author,
      committer: change.committer,
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
    committer: (body['committer'] as string | null | undefined) ?? null, // older messages lack it
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

/** A buildset that has just been added, and its requests, as one event each; one without requests is complete at once. */
export function buildsetEvents(buildset: NewBuildset, scheduler: string | null): readonly Event[] {
  const { bsid, submittedAt, priority, waitedFor } = buildset;
  const requests = buildset.requests.map(({ brid, builderid }) =>
    buildRequestEvent('new', {
      buildrequestid: brid,
      buildsetid: bsid,
      builderid,
      priority,
      complete: false,
      results: -1,
      submittedAt,
      completeAt: null,
      waitedFor,
      claimed: false,
      claimedAt: null,
      claimedByMasterid: null,
    }),
  );
  const added: AnnouncedBuildset = {
    ...buildset,
    scheduler,
    complete: false,
    completeAt: null,
    results: -1,
    parentBuildid: buildset.parentBuildid ?? null,
    parentRelationship: buildset.parentRelationship ?? null,
    rebuiltBuildid: buildset.rebuiltBuildid ?? null,
  };
  const complete = { ...added, complete: true, completeAt: submittedAt, results: SUCCESS };
  const end = requests.length === 0 ? [buildsetEvent('complete', complete)] : [];
  return [...requests, buildsetEvent('new', added), ...end];
}

/** How many events `buildsetEvents` gives for a buildset with so many requests. */
export function countBuildsetEvents(requests: number): number {
  return requests === 0 ? 2 : requests + 1;
}

/** The same fields, whatever happened. */
export function buildsetEvent(what: 'new' | 'complete', buildset: AnnouncedBuildset): Event<BuildsetBody> {
  return {
    key: ['buildsets', String(buildset.bsid), what],
    body: {
      bsid: buildset.bsid,
      scheduler: buildset.scheduler,
      external_idstring: buildset.externalIdstring,
      reason: buildset.reason,
      submitted_at: buildset.submittedAt,
      complete: buildset.complete,
      complete_at: buildset.completeAt,
      results: buildset.results,
      parent_buildid: buildset.parentBuildid,
      parent_relationship: buildset.parentRelationship,
      rebuilt_buildid: buildset.rebuiltBuildid,
      sourcestampids: buildset.sourcestampids,
      changeids: buildset.changeids,
    },
  };
}

export function buildRequestEvent(
  what: 'new' | 'claimed' | 'unclaimed' | 'complete',
  request: Omit<BuildRequest, 'buildername'>,
): Event<BuildRequestBody> {
  return {
    key: ['buildrequests', String(request.buildrequestid), what],
    body: {
      buildrequestid: request.buildrequestid,
      buildsetid: request.buildsetid,
      builderid: request.builderid,
      priority: request.priority,
      claimed: request.claimed,
      claimed_at: request.claimedAt,
      claimed_by_masterid: request.claimedByMasterid,
      complete: request.complete,
      results: request.results,
      submitted_at: request.submittedAt,
      complete_at: request.completeAt,
      waited_for: request.waitedFor,
    },
  };
}

export function buildEvent(what: 'new' | 'update' | 'finished', build: Build): Event<BuildBody> {
  return {
    key: ['builds', String(build.buildid), what],
    body: {
      buildid: build.buildid,
      number: build.number,
      builderid: build.builderid,
      buildrequestid: build.buildrequestid,
      workerid: build.workerid,
      masterid: build.masterid,
      started_at: build.startedAt,
      complete: build.complete,
      complete_at: build.completeAt,
      state_string: build.stateString,
      results: build.results,
    },
  };
}

export function builderEvent(
  what: 'started' | 'stopped',
  builder: { readonly builderid: number; readonly name: string },
  masterid: number,
): Event<BuilderBody> {
  const { builderid, name } = builder;
  return { key: ['builders', String(builderid), what], body: { builderid, masterid, name } };
}
