// From what a scheduler asks for to the draft of a buildset: ids, stamps, properties, priority.
// @source buildbot master/buildbot/schedulers/base.py addBuildsetFor...

import { present } from '../core/assert.js';
import { StandinError } from '../core/errors.js';
import type { JsonObject, JsonValue } from '../core/json.js';
import type { BuildsetDraft, Effect } from '../data/effects.js';
import type { Properties } from '../db/buildsets.js';
import type { Change } from '../db/changes.js';
import type { DatabaseConnector } from '../db/connector.js';
import { spareStampId, type SourceStamp } from '../db/sourcestamps.js';

/** What all `addBuildsetFor…` methods take. */
export interface AddBuildsetOptions {
  readonly reason?: string;
  /** Default: all of the scheduler's. Names that no builder has vanish. */
  readonly builderNames?: readonly string[];
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

interface SchedulerSettings {
  readonly name: string;
  readonly builderNames: readonly string[];
  readonly properties?: JsonObject;
  readonly codebases?: Readonly<Record<string, Partial<SourceStamp>>>;
  readonly priority?: number;
}

type Stamps = BuildsetDraft['stamps'];

export class BuildsetBuilder {
  readonly #settings: SchedulerSettings;
  readonly #codebases: Readonly<Record<string, Partial<SourceStamp>>>;

  constructor(settings: SchedulerSettings) {
    this.#settings = settings;
    this.#codebases = settings.codebases ?? { '': {} };
  }

  /** The names of the configured codebases. */
  get codebases(): readonly string[] {
    return Object.keys(this.#codebases);
  }

  /** One stamp a codebase: that of its newest change (the last one), or its default. Changes of other codebases are ignored. */
  async forChanges(
    db: DatabaseConnector,
    effect: Effect,
    options: AddBuildsetOptions & { readonly changes: readonly Change[] },
  ): Promise<AddedBuildset> {
    const known = options.changes.filter((change) => Object.hasOwn(this.#codebases, change.codebase));
    const stamps: Stamps[number][] = [];
    for (const codebase of this.codebases.toSorted(byCodeUnits)) {
      const newest = known.filter((change) => change.codebase === codebase).at(-1);
      stamps.push(newest?.sourcestampid ?? (await this.#newStamp(db, { codebase })));
    }
    return this.#add(db, effect, { options, stamps, changes: known });
  }

  /** The given stamps as they are. */
  async forSourceStamps(
    db: DatabaseConnector,
    effect: Effect,
    options: AddBuildsetOptions & { readonly sourcestamps: readonly (number | Partial<SourceStamp>)[] },
  ): Promise<AddedBuildset> {
    const stamps: Stamps[number][] = [];
    for (const stamp of options.sourcestamps) {
      stamps.push(typeof stamp === 'number' ? stamp : await this.#newStamp(db, stamp));
    }
    return this.#add(db, effect, { options, stamps, changes: [] });
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
      .filter(([codebase]) => !Object.hasOwn(this.#codebases, codebase))
      .map(([, stamp]) => stamp);
    return this.forSourceStamps(db, effect, { ...options, sourcestamps: [...configured, ...others] });
  }

  async #newStamp(db: DatabaseConnector, stamp: Partial<SourceStamp>): Promise<Stamps[number]> {
    const whole = {
      ...{ branch: null, revision: null, repository: '', project: '', codebase: '' },
      ...this.#codebases[stamp.codebase ?? ''],
      ...stamp,
    };
    return { stamp: whole, spareId: await spareStampId(db.ids) };
  }

  async #add(
    db: DatabaseConnector,
    effect: Effect,
    { options, stamps, changes }: { options: AddBuildsetOptions; stamps: Stamps; changes: readonly Change[] },
  ): Promise<AddedBuildset> {
    const builderids = await builderIds(db, options.builderNames ?? this.#settings.builderNames);
    const bsid = await db.ids.takeOne('buildsets');
    const requestIds = await db.ids.take('buildrequests', builderids.length);
    const requests = builderids.map((builderid, i) => ({
      builderid,
      brid: present(requestIds[i], 'request id'),
    }));
    effect.buildsets.push({
      bsid,
      requests,
      stamps,
      changeids: changes.map((change) => change.changeid),
      reason: options.reason ?? '',
      externalIdstring: options.externalIdstring ?? null,
      properties: this.#properties(options, changes),
      priority: options.priority ?? this.#settings.priority ?? 0,
      waitedFor: options.waitedFor ?? false,
      triggerKey: options.triggerKey ?? null,
    });
    return { bsid, brids: new Map(requests.map(({ builderid, brid }) => [builderid, brid])) };
  }

  /** Passed properties, overridden by the scheduler's own, overridden by those of the changes. */
  #properties(options: AddBuildsetOptions, changes: readonly Change[]): Properties {
    const own = Object.entries({ ...this.#settings.properties, scheduler: this.#settings.name });
    return {
      ...options.properties,
      ...Object.fromEntries(
        own.map(([name, value]): [string, [JsonValue, string]] => [name, [value, 'Scheduler']]),
      ),
      ...(Object.assign({}, ...changes.map((change) => change.properties)) as Properties),
    };
  }
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
