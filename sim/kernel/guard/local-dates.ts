// The methods of Date that depend on the machine's time zone: that of the current process's node, by default UTC.
//
// Other zones are served by a second date that shows the local time in its UTC fields: what is read is read of it, and
// what is set is set there and translated back.

import type { TimeZone } from '../../../src/core/time-zone.js';
import { ambientProcess } from './ambient.js';
import { replace, type AnyFunction, type Holder } from './patch.js';

const RealDate = Date;
const NAME = 'Date (local time zone)';
const MINUTE_MS = 60_000;
const FIELDS = ['FullYear', 'Month', 'Date', 'Day', 'Hours', 'Minutes', 'Seconds', 'Milliseconds'];
const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** Replaces the local-zone methods of `prototype`, the real Date.prototype. */
export function copyLocalMethods(prototype: Holder): void {
  for (const field of FIELDS) {
    reads(prototype, `get${field}`, methodOf(prototype, `getUTC${field}`));
    sets(prototype, `set${field}`, methodOf(prototype, `setUTC${field}`));
  }
  reads(prototype, 'getYear', (local) => local.getUTCFullYear() - 1900);
  sets(prototype, 'setYear', (local, year) => {
    const given = Math.trunc(Number(year));
    return local.setUTCFullYear(given >= 0 && given <= 99 ? given + 1900 : given);
  });
  readsValid(prototype, 'getTimezoneOffset', NaN, (local, at) => (at - local.getTime()) / MINUTE_MS);
  readsValid(prototype, 'toDateString', INVALID, (local) => dateText(local));
  readsValid(prototype, 'toTimeString', INVALID, (local, at, zone) => timeText(local, at, zone));
  readsValid(
    prototype,
    'toString',
    INVALID,
    (local, at, zone) => `${dateText(local)} ${timeText(local, at, zone)}`,
  );
  for (const key of ['toLocaleString', 'toLocaleDateString', 'toLocaleTimeString'])
    inZoneLocale(prototype, key);
}

const INVALID = 'Invalid Date';

type OnLocal = (local: Date, ...values: unknown[]) => unknown;

function methodOf(prototype: Holder, key: string): OnLocal | null {
  const method = prototype[key] as AnyFunction | undefined;
  return method === undefined ? null : (local, ...values) => method.apply(local, values);
}

function reads(prototype: Holder, key: string, read: OnLocal | null): void {
  if (read !== null)
    route(prototype, key, (date, zone, values) =>
      read(zone === null ? date : shifted(date, zone), ...values),
    );
}

function sets(prototype: Holder, key: string, set: OnLocal | null): void {
  if (set === null) return;
  route(prototype, key, (date, zone, values) => {
    if (zone === null) return set(date, ...values);
    const local = shifted(date, zone);
    set(local, ...values);
    const at = local.getTime();
    return date.setTime(Number.isNaN(at) ? at : zone.instantOf(at));
  });
}

/** `read` with the instant and the zone besides; `invalid` of a date that is none. */
function readsValid(
  prototype: Holder,
  key: string,
  invalid: unknown,
  read: (local: Date, at: number, zone: TimeZone | null) => unknown,
): void {
  route(prototype, key, (date, zone) => {
    const at = date.getTime();
    if (Number.isNaN(at)) return invalid;
    return read(zone === null ? date : shifted(date, zone), at, zone);
  });
}

function shifted(date: Date, zone: TimeZone): Date {
  const at = date.getTime();
  return new RealDate(Number.isNaN(at) ? at : zone.localOf(at));
}

function route(
  prototype: Holder,
  key: string,
  routed: (date: Date, zone: TimeZone | null, values: unknown[]) => unknown,
): void {
  replace(
    prototype,
    key,
    (original) =>
      function (this: unknown, ...values: unknown[]): unknown {
        const process = ambientProcess(NAME);
        if (process === null) return original.apply(this, values);
        return routed(this as Date, process.node.timeZone, values);
      },
  );
}

function inZoneLocale(prototype: Holder, key: string): void {
  replace(
    prototype,
    key,
    (original) =>
      function (this: unknown, ...values: unknown[]): unknown {
        const [locale, options] = values as [unknown, Intl.DateTimeFormatOptions | undefined];
        if (options?.timeZone !== undefined && locale !== undefined)
          return original.call(this, locale, options);
        const process = ambientProcess(NAME);
        if (process === null) return original.apply(this, values);
        const timeZone = options?.timeZone ?? process.node.timeZone?.name ?? 'UTC';
        return original.call(this, locale ?? 'en-US', { ...options, timeZone });
      },
  );
}

function dateText(date: Date): string {
  const year = date.getUTCFullYear();
  const yearText = (year < 0 ? '-' : '') + String(Math.abs(year)).padStart(year < 0 ? 6 : 4, '0');
  return `${DAYS[date.getUTCDay()]} ${MONTHS[date.getUTCMonth()]} ${two(date.getUTCDate())} ${yearText}`;
}

/** The name of the zone as it was given: how engines word it differs. */
function timeText(local: Date, at: number, zone: TimeZone | null): string {
  const clock = [local.getUTCHours(), local.getUTCMinutes(), local.getUTCSeconds()].map(two).join(':');
  const minutes = Math.round((local.getTime() - at) / MINUTE_MS);
  const ahead = Math.abs(minutes);
  const offset = `${minutes < 0 ? '-' : '+'}${two(Math.floor(ahead / 60))}${two(ahead % 60)}`;
  return `${clock} GMT${offset} (${zone === null ? 'Coordinated Universal Time' : zone.name})`;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}
