// The methods of Date that depend on the machine's time zone: UTC while a process is current.

import { ambientProcess } from './ambient.js';
import { replace, type AnyFunction, type Holder } from './patch.js';

const NAME = 'Date (local time zone)';
const FIELDS = ['FullYear', 'Month', 'Date', 'Day', 'Hours', 'Minutes', 'Seconds', 'Milliseconds'];
const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** Replaces the local-zone methods of `prototype`, the real Date.prototype. */
export function copyLocalMethods(prototype: Holder): void {
  for (const field of FIELDS) {
    for (const verb of ['get', 'set'])
      inUtc(prototype, `${verb}${field}`, prototype[`${verb}UTC${field}`] as AnyFunction);
  }
  inUtc(prototype, 'getTimezoneOffset', function () {
    return Number.isNaN((this as Date).getTime()) ? NaN : 0;
  });
  inUtc(prototype, 'getYear', function () {
    return (this as Date).getUTCFullYear() - 1900;
  });
  inUtc(prototype, 'setYear', function (year) {
    const given = Math.trunc(Number(year));
    return (this as Date).setUTCFullYear(given >= 0 && given <= 99 ? given + 1900 : given);
  });
  inUtc(prototype, 'toDateString', function () {
    return textOf(this as Date, dateText);
  });
  inUtc(prototype, 'toTimeString', function () {
    return textOf(this as Date, timeText);
  });
  inUtc(prototype, 'toString', function () {
    return textOf(this as Date, (date) => `${dateText(date)} ${timeText(date)}`);
  });
  for (const key of ['toLocaleString', 'toLocaleDateString', 'toLocaleTimeString'])
    inUtcLocale(prototype, key);
}

function inUtc(prototype: Holder, key: string, utc: AnyFunction | undefined): void {
  if (utc === undefined) return;
  replace(
    prototype,
    key,
    (original) =>
      function (this: unknown, ...values: unknown[]): unknown {
        return ambientProcess(NAME) === null ? original.apply(this, values) : utc.apply(this, values);
      },
  );
}

function inUtcLocale(prototype: Holder, key: string): void {
  replace(
    prototype,
    key,
    (original) =>
      function (this: unknown, ...values: unknown[]): unknown {
        const [locale, options] = values as [unknown, Intl.DateTimeFormatOptions | undefined];
        if (options?.timeZone !== undefined && locale !== undefined)
          return original.call(this, locale, options);
        if (ambientProcess(NAME) === null) return original.apply(this, values);
        return original.call(this, locale ?? 'en-US', { timeZone: 'UTC', ...options });
      },
  );
}

function textOf(date: Date, format: (date: Date) => string): string {
  return Number.isNaN(date.getTime()) ? 'Invalid Date' : format(date);
}

function dateText(date: Date): string {
  const year = date.getUTCFullYear();
  const yearText = (year < 0 ? '-' : '') + String(Math.abs(year)).padStart(year < 0 ? 6 : 4, '0');
  return `${DAYS[date.getUTCDay()]} ${MONTHS[date.getUTCMonth()]} ${two(date.getUTCDate())} ${yearText}`;
}

function timeText(date: Date): string {
  const clock = [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()].map(two).join(':');
  return `${clock} GMT+0000 (Coordinated Universal Time)`;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}
