// Values that are known only when a buildset is made: a function of its changes, stamps and properties may stand where a
// builder name, a list of builder names or the value of a property stands.
// @source buildbot master/buildbot/process/properties.py (renderables)

import type { JsonValue } from '../core/json.js';
import type { Properties } from '../db/buildsets.js';
import type { Change } from '../db/changes.js';
import type { SourceStamp } from '../db/sourcestamps.js';

/** What a buildset is made of, as far as it is known when values are rendered. */
export interface BuildsetContents {
  /** Of the stamps that are built, by id. */
  readonly changes: readonly Change[];
  readonly sourcestamps: readonly SourceStamp[];
  /** Name to [value, source]: those that need no rendering, those of the changes included. */
  readonly properties: Properties;
}

/** A value, or a pure function that makes it: `({ sourcestamps }) => 'build-' + sourcestamps[0]?.branch`. */
export type Renderable<T> = T | ((contents: BuildsetContents) => T);

/** The names of builders: each may be rendered, or the whole list. */
export type BuilderNames = Renderable<readonly Renderable<string>[]>;

/** Properties of a scheduler by name; each value may be rendered. */
export type RenderableProperties = Readonly<Record<string, Renderable<JsonValue>>>;

/** The value itself, or what its function makes of the contents. */
export function render<T>(value: Renderable<T>, contents: BuildsetContents): T {
  return typeof value === 'function' ? (value as (contents: BuildsetContents) => T)(contents) : value;
}

/** The builder names that need no rendering. */
export function plainNames(names: BuilderNames): readonly string[] {
  return typeof names === 'function' ? [] : names.filter((name) => typeof name === 'string');
}
