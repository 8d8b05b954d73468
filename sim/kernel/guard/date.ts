// Date: the current process's wall clock, and its node's time zone wherever the machine's would show.
//
// The replacement is a function that shares the real prototype: `instanceof Date` holds for all dates, made before,
// during or after a run, here or by a library. Times given as a number or with a zone need no clock and pass through.

import { ambientProcess, isGuarding } from './ambient.js';
import { copyLocalMethods } from './local-dates.js';
import type { Holder } from './patch.js';

const RealDate = Date;

/** Text in ISO form with a time but no zone, which engines read in the local zone. */
const ISO_WITHOUT_ZONE = /^\s*[+-]?\d{4,6}(-\d\d(-\d\d)?)?T[\d:.,]+\s*$/;
const ISO_DATE = /^\s*[+-]?\d{4,6}(-\d\d(-\d\d)?)?\s*$/;
const HAS_ZONE = /(Z|UTC|GMT|[+-]\d\d:?\d\d|\b[ECMP][SD]T)\s*(\(.*\))?\s*$/i;

export function guardDate(): void {
  function GuardedDate(this: unknown, ...values: unknown[]): Date | string {
    if (new.target === undefined) return new RealDate(now('Date')).toString();
    const target = (new.target as unknown) === GuardedDate ? RealDate : new.target;
    return Reflect.construct(RealDate, constructorValues(values), target) as Date;
  }
  const statics = { now: () => now('Date.now'), parse: (text: string) => parse(text), UTC: RealDate.UTC };
  for (const [key, value] of Object.entries(statics)) {
    Object.defineProperty(GuardedDate, key, { value, writable: true, configurable: true });
  }
  Object.defineProperty(GuardedDate, 'name', { value: 'Date', configurable: true });
  Object.defineProperty(GuardedDate, 'length', { value: 7, configurable: true });
  Object.defineProperty(GuardedDate, 'prototype', { value: RealDate.prototype, writable: false });
  copyLocalMethods(RealDate.prototype as unknown as Holder);
  Object.defineProperty(RealDate.prototype, 'constructor', {
    value: GuardedDate,
    writable: true,
    configurable: true,
  });
  globalThis.Date = GuardedDate as unknown as DateConstructor;
}

function now(name: string): number {
  return ambientProcess(name)?.wallMs() ?? RealDate.now();
}

function constructorValues(values: readonly unknown[]): unknown[] {
  if (values.length === 0) return [now('new Date')];
  if (!isGuarding()) return [...values];
  const [first] = values;
  if (values.length === 1) return [typeof first === 'string' ? parse(first) : first];
  return [inZone(RealDate.UTC(...(values.map(Number) as [number, number])))];
}

function parse(text: unknown): number {
  const given = String(text);
  if (!isGuarding() || HAS_ZONE.test(given) || ISO_DATE.test(given)) return RealDate.parse(given);
  return inZone(RealDate.parse(given.trim() + (ISO_WITHOUT_ZONE.test(given) ? 'Z' : ' UTC')));
}

/** The instant of a local time of the current process. */
function inZone(localMs: number): number {
  const zone = ambientProcess('Date (local time zone)')?.node.timeZone ?? null;
  return zone === null || Number.isNaN(localMs) ? localMs : zone.instantOf(localMs);
}
