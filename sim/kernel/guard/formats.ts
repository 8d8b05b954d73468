// Intl.DateTimeFormat and Temporal.Now: the current process's wall clock, and where a default would be taken from the
// machine, en-US and the node's time zone.

import type { NodeProcess } from '../process.js';
import { ambientProcess } from './ambient.js';
import { define, replace, type AnyFunction, type Holder } from './patch.js';

type Format = (date?: Date | number) => string;

export function guardFormats(): void {
  const RealFormat = Intl.DateTimeFormat;
  const withDefaults = (values: readonly unknown[]): [unknown, unknown] => {
    const [locale, options] = values as [unknown, Intl.DateTimeFormatOptions | undefined];
    const isExplicit = locale !== undefined && options?.timeZone !== undefined;
    const process = isExplicit ? null : ambientProcess('Intl.DateTimeFormat');
    if (process === null) return [locale, options];
    return [locale ?? 'en-US', { ...options, timeZone: options?.timeZone ?? timeZoneOf(process) }];
  };
  const Guarded = new Proxy(RealFormat, {
    apply: (target, self, values: unknown[]) => Reflect.apply(target, self, withDefaults(values)) as object,
    construct: (target, values: unknown[], newTarget) =>
      Reflect.construct(target, withDefaults(values), newTarget) as object,
  });
  define(Intl as unknown as Holder, 'DateTimeFormat', Guarded);
  define(RealFormat.prototype as unknown as Holder, 'constructor', Guarded);
  guardFormatting(RealFormat.prototype as unknown as Holder);
  guardTemporal();
}

/** `format` and `formatToParts` without an argument mean now. */
function guardFormatting(prototype: Holder): void {
  replace(prototype, 'formatToParts', (original) => {
    return function (this: unknown, date: unknown) {
      return original.call(this, date ?? wallMs('Intl.DateTimeFormat.formatToParts'));
    };
  });
  const getter = Object.getOwnPropertyDescriptor(prototype, 'format')?.get;
  if (getter === undefined) return;
  const bound = new WeakMap<object, Format>();
  Object.defineProperty(prototype, 'format', {
    configurable: true,
    get(this: object): Format {
      const known = bound.get(this);
      if (known !== undefined) return known;
      const real = getter.call(this) as Format;
      const format: Format = (date) => real(date ?? wallMs('Intl.DateTimeFormat.format'));
      bound.set(this, format);
      return format;
    },
  });
}

/** Undefined when nothing is routed: the engine then takes its own clock. */
function wallMs(name: string): number | undefined {
  return ambientProcess(name)?.wallMs();
}

function timeZoneOf({ node }: NodeProcess): string {
  return node.timeZone?.name ?? 'UTC';
}

interface Temporal {
  readonly Now: Holder;
  readonly Instant: { fromEpochMilliseconds(ms: number): Instant };
}
interface Instant {
  toZonedDateTimeISO(zone: unknown): Zoned;
}
type Zoned = Record<'toPlainDateTime' | 'toPlainDate' | 'toPlainTime', () => unknown>;

/** From Node 26 on. */
function guardTemporal(): void {
  const temporal = (globalThis as { Temporal?: Temporal }).Temporal;
  if (temporal === undefined) return;
  const route = (key: string, read: (now: Instant, zone: unknown) => unknown): void => {
    replace(temporal.Now, key, (original): AnyFunction => {
      return (...values) => {
        const process = ambientProcess(`Temporal.Now.${key}`);
        if (process === null) return original.apply(temporal.Now, values);
        const now = temporal.Instant.fromEpochMilliseconds(process.wallMs());
        return read(now, values[0] ?? timeZoneOf(process));
      };
    });
  };
  route('instant', (now) => now);
  route('timeZoneId', (_now, zone) => zone);
  route('zonedDateTimeISO', (now, zone) => now.toZonedDateTimeISO(zone));
  route('plainDateTimeISO', (now, zone) => now.toZonedDateTimeISO(zone).toPlainDateTime());
  route('plainDateISO', (now, zone) => now.toZonedDateTimeISO(zone).toPlainDate());
  route('plainTimeISO', (now, zone) => now.toZonedDateTimeISO(zone).toPlainTime());
}
