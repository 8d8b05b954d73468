// Builds at the times of a cron line, in a time zone of its own, whatever zone its master's process is in.
//
// Days of the week are counted from Monday = 0. Around daylight-saving changes, a declared policy says what a time that is
// missing, or that comes twice, means.
// @source buildbot master/buildbot/schedulers/timed.py Nightly

import {
  Calendar,
  type CalendarPolicy,
  type CronFields,
  type MissingHour,
  type RepeatedHour,
} from '../core/calendar.js';
import { ConfigError } from '../core/errors.js';
import { TimeZone } from '../core/time-zone.js';
import type { BuilderNames } from './render.js';
import { TimedScheduler, type SlotRule, type TimedOptions } from './timed.js';

/** A field of a cron line: a number, a list, or a text as cron takes it. */
export type CronField = number | string | readonly (number | string)[];

export interface NightlyOptions extends TimedOptions {
  /** Default 0; all others '*'. */
  readonly minute?: CronField;
  readonly hour?: CronField;
  readonly dayOfMonth?: CronField;
  readonly month?: CronField;
  /** 0 = Monday to 6 = Sunday, or names. If both days are restricted, either matches. */
  readonly dayOfWeek?: CronField;
  /** With `onlyIfChanged`: slots at these times are built anyway. If one is given, the others are '*'. */
  readonly forceAtMinute?: CronField;
  readonly forceAtHour?: CronField;
  readonly forceAtDayOfMonth?: CronField;
  readonly forceAtMonth?: CronField;
  readonly forceAtDayOfWeek?: CronField;
  /** Default 'UTC'. */
  readonly timeZone?: string;
  /** What times mean that clocks skip. Default after: as much later as the gap is long. */
  readonly missingHour?: MissingHour;
  /** Times that clocks show twice. Default: both for a line of every hour (hour is '*'), first for any other. */
  readonly repeatedHour?: RepeatedHour;
}

export class Nightly extends TimedScheduler {
  readonly #calendar: Calendar;
  readonly #forcedAt: Calendar | null;
  readonly #rule: SlotRule;

  /** @throws ConfigError naming the scheduler and what is wrong: a field, the zone, a policy. */
  constructor(name: string, builderNames: BuilderNames, options: NightlyOptions) {
    super(name, builderNames, options);
    const fields = fieldsOf(options);
    const forced = forcedFieldsOf(options);
    const timeZone = options.timeZone ?? 'UTC';
    try {
      const zone = new TimeZone(timeZone);
      const policy = policyOf(options, fields);
      this.#calendar = new Calendar(fields, zone, policy);
      this.#forcedAt =
        forced === null ? null : new Calendar(forced, zone, { ...policy, repeatedHour: 'both' });
      this.#rule = { kind: 'calendar', line: Object.values(fields).join(' '), timeZone, ...policy };
    } catch (error) {
      if (error instanceof ConfigError) throw new ConfigError(`scheduler '${name}': ${error.message}`);
      throw error;
    }
  }

  override get slotRule(): SlotRule {
    return this.#rule;
  }

  protected override slotAfter(lastMs: number): number | null {
    return this.#calendar.next(lastMs);
  }

  protected override dueSlots(lastMs: number, nowMs: number, count: number): readonly number[] {
    return nowMs > lastMs ? this.#calendar.latest(lastMs, nowMs, count) : [];
  }

  protected override beginning(nowMs: number): number {
    return nowMs;
  }

  protected override waitMs(slotMs: number, nowMs: number): number {
    return Math.max(slotMs - nowMs, 0);
  }

  protected override get followsWallClock(): boolean {
    return true;
  }

  protected override isForced(slotMs: number): boolean {
    return this.#forcedAt?.next(slotMs - 1) === slotMs;
  }
}

function fieldsOf(options: NightlyOptions): CronFields {
  return {
    minute: textOf(options.minute ?? 0),
    hour: textOf(options.hour ?? '*'),
    dayOfMonth: textOf(options.dayOfMonth ?? '*'),
    month: textOf(options.month ?? '*'),
    dayOfWeek: daysFromMonday(textOf(options.dayOfWeek ?? '*')),
  };
}

function forcedFieldsOf(options: NightlyOptions): CronFields | null {
  const { forceAtMinute, forceAtHour, forceAtDayOfMonth, forceAtMonth, forceAtDayOfWeek } = options;
  const given = [forceAtMinute, forceAtHour, forceAtDayOfMonth, forceAtMonth, forceAtDayOfWeek];
  if (given.every((field) => field === undefined)) return null;
  return {
    minute: textOf(forceAtMinute ?? '*'),
    hour: textOf(forceAtHour ?? '*'),
    dayOfMonth: textOf(forceAtDayOfMonth ?? '*'),
    month: textOf(forceAtMonth ?? '*'),
    dayOfWeek: daysFromMonday(textOf(forceAtDayOfWeek ?? '*')),
  };
}

function textOf(field: CronField): string {
  return Array.isArray(field) ? field.join(',') : String(field);
}

/** Numbers, ranges and steps of days that begin with Monday = 0, as cron counts them; names stay. */
function daysFromMonday(field: string): string {
  return field.split(',').map(dayFromMonday).join(',');
}

function dayFromMonday(part: string): string {
  const [, whole, from, to, step] = /^(?:(\*)|([0-6])(?:-([0-6]))?)(?:\/([1-9]))?$/.exec(part) ?? [];
  if (whole !== undefined && step === undefined) return part;
  if (whole === undefined && from === undefined) return /^\d/.test(part) ? `${part} (0 = Monday)` : part;
  const first = Number(from ?? 0);
  const last = Number(to ?? (step === undefined ? first : 6));
  const days: number[] = [];
  for (let day = first; day <= last; day += Number(step ?? 1)) days.push((day + 1) % 7);
  return days.join(',');
}

function policyOf(
  { missingHour = 'after', repeatedHour }: NightlyOptions,
  { hour }: CronFields,
): CalendarPolicy {
  if (!['after', 'skip'].includes(missingHour))
    throw new ConfigError(`missingHour is '${missingHour}', expected 'after' or 'skip'`);
  const repeated = repeatedHour ?? (hour === '*' ? 'both' : 'first');
  if (!['first', 'both'].includes(repeated))
    throw new ConfigError(`repeatedHour is '${repeated}', expected 'first' or 'both'`);
  return { missingHour, repeatedHour: repeated };
}
