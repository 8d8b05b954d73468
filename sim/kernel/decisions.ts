// Decisions: every random choice of a run, named by (site, entity, ordinal).
//
// A value is an integer hash of (seed, site, entity, ordinal) and of nothing else: a new stream, or one draw more or less
// in another stream, moves no value here. An override wins over the hash. Without a seed every decision is 0, its
// default and benign outcome. Integers only; the one division is exact in IEEE 754 on every machine.

import { assert } from '../../src/core/assert.js';

/** site → entity → ordinal (decimal, from 0) → value. */
export type DecisionLog = { [site: string]: { [entity: string]: { [ordinal: string]: number } } };

/** The choices of one kind (site) about one thing (entity), in order. */
export interface DecisionStream {
  /** A uniform integer in [0, bound), bound in 1…2^53; consumes one ordinal. 0 is the benign outcome. */
  choose(bound: number): number;
  /** True with probability ppm / 1,000,000; consumes one ordinal, whose value is 1 for true and 0 for false. */
  chance(ppm: number): boolean;
}

const MILLION = 1_000_000;

/** All decision streams of one run. */
export class Decisions {
  readonly #seed: string | null;
  readonly #overrides: DecisionLog;
  readonly #isRecording: boolean;
  readonly #streams = new Map<string, Map<string, Stream>>();

  /** `seed` null: every decision is 0 unless overridden. Without `isRecording` what was decided is not kept. */
  constructor(seed: string | null, overrides: DecisionLog = {}, isRecording = true) {
    this.#seed = seed;
    this.#overrides = overrides;
    this.#isRecording = isRecording;
  }

  /** The stream of (site, entity): the same object for the same names. */
  stream(site: string, entity: string): DecisionStream {
    let entities = this.#streams.get(site);
    if (entities === undefined) this.#streams.set(site, (entities = new Map<string, Stream>()));
    let stream = entities.get(entity);
    if (stream === undefined) {
      stream = new Stream(
        this.#seed === null ? null : hashNames(this.#seed, site, entity),
        this.#overridesOf(site, entity),
        this.#isRecording,
      );
      entities.set(entity, stream);
    }
    return stream;
  }

  /** Every decision recorded so far whose value was not 0, in the order in which the streams were first used. */
  nonDefault(): DecisionLog {
    const log: DecisionLog = {};
    for (const [site, entities] of this.#streams) {
      for (const [entity, stream] of entities) {
        if (stream.ordinals.length === 0) continue;
        const values: { [ordinal: string]: number } = {};
        stream.ordinals.forEach((ordinal, i) => (values[String(ordinal)] = stream.values[i] ?? 0));
        (log[site] ??= {})[entity] = values;
      }
    }
    return log;
  }

  /** How many overrides were above what their decision allowed, and were taken as the largest allowed value. */
  get staleOverrides(): number {
    let stale = 0;
    for (const entities of this.#streams.values())
      for (const stream of entities.values()) stale += stream.stale;
    return stale;
  }

  #overridesOf(site: string, entity: string): ReadonlyMap<number, number> | null {
    const values = ownEntry(ownEntry(this.#overrides, site), entity);
    if (values === undefined) return null;
    return new Map(Object.entries(values).map(([ordinal, value]) => [Number(ordinal), value]));
  }
}

class Stream implements DecisionStream {
  /** The decisions that were not 0: their ordinals and, in step, their values. */
  readonly ordinals: number[] = [];
  readonly values: number[] = [];
  stale = 0;
  #next = 0;
  readonly #isSeeded: boolean;
  readonly #high: number;
  readonly #low: number;
  readonly #overrides: ReadonlyMap<number, number> | null;
  readonly #isRecording: boolean;

  constructor(key: Hash64 | null, overrides: ReadonlyMap<number, number> | null, isRecording: boolean) {
    this.#isRecording = isRecording;
    this.#isSeeded = key !== null;
    this.#high = key?.high ?? 0;
    this.#low = key?.low ?? 0;
    this.#overrides = overrides;
  }

  choose(bound: number): number {
    assert(Number.isSafeInteger(bound - 1) && bound >= 1, `a decision needs a bound of 1…2^53, got ${bound}`);
    const ordinal = this.#next++;
    const value =
      this.#override(ordinal, bound) ?? (this.#isSeeded ? scale(this.#high, this.#low, ordinal, bound) : 0);
    return this.#record(ordinal, value);
  }

  chance(ppm: number): boolean {
    const ordinal = this.#next++;
    const drawn = this.#isSeeded && scale(this.#high, this.#low, ordinal, MILLION) < ppm ? 1 : 0;
    return this.#record(ordinal, this.#override(ordinal, 2) ?? drawn) === 1;
  }

  #override(ordinal: number, bound: number): number | undefined {
    if (this.#overrides === null) return undefined;
    const value = this.#overrides.get(ordinal);
    if (value === undefined || value < bound) return value;
    this.stale += 1;
    return bound - 1;
  }

  #record(ordinal: number, value: number): number {
    if (value !== 0 && this.#isRecording) {
      this.ordinals.push(ordinal);
      this.values.push(value);
    }
    return value;
  }
}

interface Hash64 {
  readonly high: number;
  readonly low: number;
}

/** 64 bits of state over the UTF-16 units of the names, each closed by a separator that no unit equals. */
function hashNames(...names: readonly string[]): Hash64 {
  let high = 0x6a09e667;
  let low = 0xbb67ae85 | 0;
  for (const name of names) {
    for (let i = 0; i <= name.length; i++) {
      const unit = i < name.length ? name.charCodeAt(i) : 0x10000;
      high = Math.imul(high ^ unit, 0x9e3779b1);
      low = Math.imul(low ^ unit, 0x5f356495);
      high ^= low >>> 15;
      low ^= high >>> 13;
    }
  }
  return { high: avalanche(high ^ low), low: avalanche(low + 0x27d4eb2f) };
}

/** A uniform integer in [0, bound) from 53 bits of the hash of (key, ordinal). */
function scale(high: number, low: number, ordinal: number, bound: number): number {
  const a = avalanche(low ^ Math.imul(ordinal + 1, 0x9e3779b1));
  const b = avalanche(high ^ a);
  const c = avalanche(b + low + ordinal);
  const unit = ((b >>> 5) * 0x4000000 + (c >>> 6)) / 0x20000000000000;
  const value = Math.floor(unit * bound);
  return value < bound ? value : bound - 1;
}

/** A bijection of 32 bits in which each input bit moves each output bit with about even odds. */
function avalanche(value: number): number {
  let x = value | 0;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return x ^ (x >>> 16);
}

/** An entry of a record that came from JSON, without its prototype's. */
function ownEntry<T>(record: { [key: string]: T } | undefined, key: string): T | undefined {
  return record !== undefined && Object.hasOwn(record, key) ? record[key] : undefined;
}
