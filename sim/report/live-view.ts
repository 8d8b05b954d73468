// The live cluster for people: a line for each thing that becomes known, or on a terminal one picture that is drawn anew.

import type { JsonObject, JsonValue } from '../../src/core/json.js';
import type { LiveCluster } from '../../src/services/live-cluster.js';

/** How many buildsets a picture shows. */
const LATEST = 8;

/** What a state says, as one line; null for what only shows in others. */
export function describeState(live: LiveCluster, word: string, state: JsonObject): string | null {
  switch (word) {
    case 'masters':
      return `master ${describeMaster(state)}`;
    case 'schedulers':
      return `scheduler ${describeScheduler(live, state)}`;
    case 'buildsets':
      return `buildset ${describeBuildset(live, state)}`;
    default:
      return null;
  }
}

/** The whole cluster, as lines. */
export function drawCluster(live: LiveCluster): readonly string[] {
  return [
    ...section('masters', live.masters.all.map(describeMaster)),
    ...section(
      'schedulers',
      live.schedulers.all.map((state) => describeScheduler(live, state)),
    ),
    ...section(
      'buildsets',
      live.buildsets.all.slice(-LATEST).map((state) => describeBuildset(live, state)),
    ),
  ];
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return [title, ...(lines.length === 0 ? ['  none heard of'] : lines.map((line) => `  ${line}`))];
}

function describeMaster({ name, active, incarnation }: JsonObject): string {
  return `${text(name)} ${active === true ? 'is active' : 'is not active'}, incarnation ${text(incarnation)}`;
}

function describeScheduler(live: LiveCluster, { name, enabled, masterid }: JsonObject): string {
  const owner =
    masterid === null
      ? 'nobody'
      : text(live.masters.get(Number(masterid))?.['name'] ?? `master ${text(masterid)}`);
  return `${text(name)} is owned by ${owner}${enabled === true ? '' : ', and disabled'}`;
}

function describeBuildset(live: LiveCluster, state: JsonObject): string {
  const { bsid, scheduler, reason, complete, results, changeids } = state;
  const requests = live.buildrequests.all.filter((request) => request['buildsetid'] === bsid).length;
  const changes = Array.isArray(changeids) && changeids.length > 0 ? `, changes ${changeids.join(' ')}` : '';
  const end = complete === true ? `, complete with results ${text(results)}` : '';
  return `${text(bsid)} of ${scheduler === null ? 'nobody' : text(scheduler)}: ${text(reason)}, ${requests} requests${changes}${end}`;
}

/** On one line, whatever somebody wrote into it. */
function text(value: JsonValue | undefined): string {
  return (typeof value === 'string' ? value : JSON.stringify(value ?? null)).replace(/\p{Cc}+/gu, ' ');
}
