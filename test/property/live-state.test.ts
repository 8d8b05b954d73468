// G13 from outside: whoever folds all messages of a run, in whatever order, has the database's rows.

import { fileURLToPath } from 'node:url';
import { test } from '@fast-check/vitest';
import fc from 'fast-check';
import { describe, expect } from 'vitest';
import {
  loadScenario,
  plans,
  simulate,
  type HistoryEvent,
  type Oracle,
  type RowChange,
} from '../../sim/index.js';
import type { JsonObject } from '../../src/core/json.js';
import {
  LIVE_BUILDREQUESTS,
  LIVE_BUILDSETS,
  LIVE_MASTERS,
  LIVE_SCHEDULERS,
  LiveEntities,
  type EntityKind,
} from '../../src/data/live-entities.js';

const KINDS = [LIVE_MASTERS, LIVE_SCHEDULERS, LIVE_BUILDSETS, LIVE_BUILDREQUESTS];

/** Collects the messages that were sent, and the rows as last committed. */
class Recorder {
  readonly messages: { readonly key: readonly string[]; readonly body: JsonObject }[] = [];
  readonly tables = new Map<string, Map<number, Record<string, unknown>>>();
  readonly oracle: Oracle = {
    name: 'recorder',
    start: () => ({
      checks: 1,
      observe: (event) => {
        this.#see(event);
        return [];
      },
      finish: () => [],
    }),
  };

  rows(table: string): readonly Record<string, unknown>[] {
    return [...(this.tables.get(table) ?? [])].sort(([a], [b]) => a - b).map(([, row]) => row);
  }

  #see(event: HistoryEvent): void {
    if (event.kind === 'produce')
      this.messages.push({ key: event.key, body: JSON.parse(event.body) as JsonObject });
    if (event.kind === 'commit') for (const change of event.rows) this.#commit(change);
  }

  #commit({ table, old, row }: RowChange): void {
    const rows = this.tables.get(table) ?? new Map<number, Record<string, unknown>>();
    this.tables.set(table, rows);
    const idOf = (found: Record<string, unknown>): number => Number(found['schedulerid'] ?? found['id']);
    const key = (found: Record<string, unknown>): number =>
      table === 'scheduler_masters' ? idOf(found) : Number(found['id']);
    if (row !== null) rows.set(key(row), row);
    else if (old !== null) rows.delete(key(old));
  }
}

function fold(kind: EntityKind, messages: Recorder['messages']): readonly JsonObject[] {
  const entities = new LiveEntities(kind);
  for (const { key, body } of messages) entities.hear(key, body);
  return entities.all;
}

/** Masters, owners, buildsets and requests, as the rows say; what was never announced is left out. */
function told(recorder: Recorder): readonly unknown[] {
  const owners = new Map(
    recorder.rows('scheduler_masters').map((row) => [row['schedulerid'], row['masterid']]),
  );
  const masters = recorder.rows('masters').filter(({ incarnation }) => incarnation !== 0);
  const schedulers = recorder.rows('schedulers').filter(({ revision }) => revision !== 0);
  return [
    masters.map(({ id, incarnation, active }) => [id, incarnation, active === 1]),
    schedulers.map(({ id, enabled, revision }) => [id, revision, enabled === 1, owners.get(id) ?? null]),
    recorder
      .rows('buildsets')
      .map((row) => [row['id'], row['reason'], row['complete'] === 1, row['results']]),
    recorder.rows('buildrequests').map(requestOf),
  ];
}

function requestOf(row: Record<string, unknown>): readonly unknown[] {
  const { id, buildsetid, builderid, priority, complete, results, submitted_at: submittedAt } = row;
  return [id, buildsetid, builderid, priority, complete === 1, results, submittedAt];
}

function folded(messages: Recorder['messages']): readonly unknown[] {
  return [
    fold(LIVE_MASTERS, messages).map((m) => [m['masterid'], m['incarnation'], m['active']]),
    fold(LIVE_SCHEDULERS, messages).map((s) => [
      s['schedulerid'],
      s['revision'],
      s['enabled'],
      s['masterid'],
    ]),
    fold(LIVE_BUILDSETS, messages).map((b) => [b['bsid'], b['reason'], b['complete'], b['results']]),
    fold(LIVE_BUILDREQUESTS, messages).map((r) =>
      requestOf({ ...r, id: r['buildrequestid'], complete: Number(r['complete']) }),
    ),
  ];
}

describe.each(['failover', 'message-trouble', 'busy-tasks'])('in %s', async (name) => {
  const path = fileURLToPath(new URL(`../../scenarios/${name}.scenario.ts`, import.meta.url));
  const { scenario, options } = await loadScenario(path);

  test.prop([plans(scenario), fc.infiniteStream(fc.nat())], { numRuns: 6, endOnFailure: true })(
    'the messages that were sent, in any order, give masters, owners, buildsets and requests',
    async (plan, random) => {
      const recorder = new Recorder();
      const result = await simulate({ ...scenario, oracles: [recorder.oracle] }, plan, options);
      expect(result.violations).toEqual([]);
      expect(recorder.messages.length).toBeGreaterThan(KINDS.length);
      const rows = told(recorder);
      expect(folded(recorder.messages)).toEqual(rows);
      const shuffled = recorder.messages
        .map((message) => ({ message, at: random.next().value }))
        .sort((a, b) => a.at - b.at)
        .map(({ message }) => message);
      expect(folded(shuffled)).toEqual(rows);
    },
  );
});
