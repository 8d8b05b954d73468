// From what a scheduler asks for to the draft of a buildset: ids, stamps, properties, builders, priority.
//
// Properties: those that are passed, overridden by the scheduler's own, overridden by those of the changes of the stamps
// that are built. Builder names and values that are functions are rendered last.
// @source buildbot master/buildbot/schedulers/base.py addBuildsetFor...

import { present } from '../core/assert.js';
import { StandinError } from '../core/errors.js';
import type { JsonValue } from '../core/json.js';
import type { BuildsetDraft, Effect } from '../data/effects.js';
import type { Properties } from '../db/buildsets.js';
import { changeOfRow, changesOfStampsStatement, type Change } from '../db/changes.js';
import type { DatabaseConnector } from '../db/connector.js';
import { sourceStampOf, spareStampId, stampsStatement, type SourceStamp } from '../db/sourcestamps.js';
import type { CodebaseDefaults } from './codebases.js';
import {
  render,
  type BuilderNames,
  type BuildsetContents,
  type Renderable,
  type RenderableProperties,
} from './render.js';

/** What all `addBuildsetFor…` methods take. */
export interface AddBuildsetOptions {
  readonly reason?: string;
  /** Default: all of the scheduler's. Names that no builder has vanish. */
  readonly builderNames?: BuilderNames;
  readonly properties?: Properties;
  readonly priority?: number;
  readonly waitedFor?: boolean;
  readonly externalIdstring?: string | null;
  /** Names what triggered it: a second buildset of this scheduler with the same key is refused. */
  readonly triggerKey?: string | null;
}

/** The ids of a buildset and, by builder id, of its requests. They are valid once the effect has committed. */
export interface AddedBuildset {
  readonly bsid: number;
  readonly brids: ReadonlyMap<number, number>;
}

/** An integer, or what makes it of the builder names and, by codebase, the changes. */
export type Priority =
  | number
  | ((builderNames: readonly string[], changesByCodebase: ReadonlyMap<string, readonly Change[]>) => number);

interface SchedulerSettings {
  readonly name: string;
  readonly builderNames: BuilderNames;
  readonly properties: RenderableProperties;
  readonly priority: Priority;
  readonly codebases: readonly string[];
  readonly defaultsOf: (codebase: string) => CodebaseDefaults;
}

/** What is built, before properties and names are known. */
interface Contents {
  readonly stamps: BuildsetDraft['stamps'];
  readonly sourcestamps: readonly SourceStamp[];
  /** Of those stamps: their properties count. */
  readonly changes: readonly Change[];
  /** Those that are consumed. */
  readonly consumed: readonly Change[];
}

export class BuildsetBuilder {
  readonly #settings: SchedulerSettings;

  constructor(settings: SchedulerSettings) {
    this.#settings = settings;
  }

  /** The names of the configured codebases. */
  get codebases(): readonly string[] {
    return this.#settings.codebases;
  }

  /** One stamp a codebase: that of its newest change, or its default. Changes of other codebases are ignored. */
  async forChanges(
    db: DatabaseConnector,
    effect: Effect,
    options: AddBuildsetOptions & { readonly changes: readonly Change[] },
  ): Promise<AddedBuildset> {
    const newest = new Map<string, Change>();
    const consumed = options.changes
      .filter((change) => this.codebases.includes(change.codebase))
      .toSorted((a, b) => a.changeid - b.changeid);
    for (const change of consumed) newest.set(change.codebase, change);
    const stamps: BuildsetDraft['stamps'][number][] = [];
    const sourcestamps: SourceStamp[] = [];
    for (const codebase of this.codebases.toSorted(byCodeUnits)) {
      const change = newest.get(codebase);
      const stamp = change ?? this.#wholeStamp({ codebase });
      stamps.push(change?.sourcestampid ?? { stamp, spareId: await spareStampId(db.ids) });
      sourcestamps.push(pickStamp(stamp));
    }
    const built = new Set([...newest.values()].map(({ sourcestampid }) => sourcestampid));
    const changes = consumed.filter(({ sourcestampid }) => built.has(sourcestampid));
    return this.#add(db, effect, options, { stamps, sourcestamps, changes, consumed });
  }

  /** The given stamps as they are. */
  async forSourceStamps(
    db: DatabaseConnector,
    effect: Effect,
    options: AddBuildsetOptions & { readonly sourcestamps: readonly (number | Partial<SourceStamp>)[] },
  ): Promise<AddedBuildset> {
    const known = await readStamps(
      db,
      options.sourcestamps.filter((stamp) => typeof stamp === 'number'),
    );
    const stamps: BuildsetDraft['stamps'][number][] = [];
    const sourcestamps: SourceStamp[] = [];
    for (const given of options.sourcestamps) {
      const stamp = typeof given === 'number' ? known.stamps.get(given) : this.#wholeStamp(given);
      if (stamp === undefined)
        throw new StandinError(
          'bad-sourcestamps',
          `there is no source stamp ${typeof given === 'number' ? given : ''}`,
        );
      sourcestamps.push(stamp);
      stamps.push(typeof given === 'number' ? given : { stamp, spareId: await spareStampId(db.ids) });
    }
    return this.#add(db, effect, options, { stamps, sourcestamps, changes: known.changes, consumed: [] });
  }

  /** One stamp a configured codebase; given stamps of other codebases are appended. */
  async withDefaults(
    db: DatabaseConnector,
    effect: Effect,
    options: AddBuildsetOptions & { readonly sourcestamps?: readonly Partial<SourceStamp>[] },
  ): Promise<AddedBuildset> {
    const given = new Map<string, Partial<SourceStamp>>();
    for (const stamp of options.sourcestamps ?? []) {
      const codebase = stamp.codebase ?? '';
      if (given.has(codebase)) {
        throw new StandinError(
          'bad-sourcestamps',
          `two stamps for codebase '${codebase}' of scheduler '${this.#settings.name}'`,
        );
      }
      given.set(codebase, stamp);
    }
    const configured = this.codebases.map((codebase) => ({ codebase, ...given.get(codebase) }));
    const others = [...given]
      .filter(([codebase]) => !this.codebases.includes(codebase))
      .map(([, stamp]) => stamp);
    return this.forSourceStamps(db, effect, { ...options, sourcestamps: [...configured, ...others] });
  }

  #wholeStamp(stamp: Partial<SourceStamp>): SourceStamp {
    const codebase = stamp.codebase ?? '';
    return {
      ...{ branch: null, revision: null, repository: '', project: '', codebase: '' },
      ...(this.codebases.includes(codebase) ? this.#settings.defaultsOf(codebase) : {}),
      ...stamp,
    };
  }

  async #add(
    db: DatabaseConnector,
    effect: Effect,
    options: AddBuildsetOptions,
    contents: Contents,
  ): Promise<AddedBuildset> {
    const { changes, sourcestamps, stamps, consumed } = contents;
    const { plain, rendered } = this.#properties(options, changes);
    const whole: BuildsetContents = { changes, sourcestamps, properties: plain };
    const builderNames = renderNames(options.builderNames ?? this.#settings.builderNames, whole);
    const builderids = await builderIds(db, builderNames);
    const bsid = await db.ids.takeOne('buildsets');
    const requestIds = await db.ids.take('buildrequests', builderids.length);
    const requests = builderids.map((builderid, i) => ({
      builderid,
      brid: present(requestIds[i], 'request id'),
    }));
    effect.buildsets.push({
      ...{ bsid, requests, stamps },
      changeids: consumed.map((change) => change.changeid),
      reason: options.reason ?? '',
      externalIdstring: options.externalIdstring ?? null,
      properties: rendered(whole),
      priority: options.priority ?? this.#priority(builderNames, consumed),
      waitedFor: options.waitedFor ?? false,
      triggerKey: options.triggerKey ?? null,
    });
    return { bsid, brids: new Map(requests.map(({ builderid, brid }) => [builderid, brid])) };
  }

  #priority(builderNames: readonly string[], changes: readonly Change[]): number {
    const { priority } = this.#settings;
    if (typeof priority === 'number') return priority;
    const byCodebase = new Map<string, Change[]>();
    for (const change of changes) {
      byCodebase.set(change.codebase, [...(byCodebase.get(change.codebase) ?? []), change]);
    }
    return priority(builderNames, byCodebase);
  }

  /** The properties that are known at once, and what makes all of them. */
  #properties(
    options: AddBuildsetOptions,
    changes: readonly Change[],
  ): { readonly plain: Properties; readonly rendered: (contents: BuildsetContents) => Properties } {
    const { properties, name: scheduler } = this.#settings;
    const own = Object.entries<Renderable<JsonValue>>({ ...properties, scheduler });
    const sourced = (entries: readonly (readonly [string, JsonValue])[]): Properties =>
      Object.fromEntries(
        entries.map(([name, value]): [string, [JsonValue, string]] => [name, [value, 'Scheduler']]),
      );
    const all = (entries: readonly (readonly [string, JsonValue])[]): Properties => ({
      ...options.properties,
      ...sourced(entries),
      ...(Object.assign({}, ...changes.map((change) => change.properties)) as Properties),
    });
    return {
      plain: all(
        own.flatMap(([name, value]) => (typeof value === 'function' ? [] : [[name, value] as const])),
      ),
      rendered: (contents) => all(own.map(([name, value]) => [name, render(value, contents)] as const)),
    };
  }
}

async function readStamps(
  db: DatabaseConnector,
  ids: readonly number[],
): Promise<{ readonly stamps: ReadonlyMap<number, SourceStamp>; readonly changes: readonly Change[] }> {
  if (ids.length === 0) return { stamps: new Map(), changes: [] };
  const [stamps, changes] = await db.database.read([stampsStatement(ids), changesOfStampsStatement(ids)]);
  return {
    stamps: new Map(present(stamps, 'stamps').rows.map(sourceStampOf)),
    changes: present(changes, 'changes').rows.map(changeOfRow),
  };
}

function pickStamp(of: SourceStamp): SourceStamp {
  const { branch, revision, repository, project, codebase } = of;
  return { branch, revision, repository, project, codebase };
}

function renderNames(names: BuilderNames, contents: BuildsetContents): readonly string[] {
  return render(names, contents).map((name) => render(name, contents));
}

/** The ids of the builders of these names, in the order of the names. */
async function builderIds(db: DatabaseConnector, names: readonly string[]): Promise<readonly number[]> {
  const known = await db.builders.getBuilderIds(names);
  return names.flatMap((name) => known.get(name) ?? []);
}

function byCodeUnits(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
