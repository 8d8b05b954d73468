// The slots of a cron line in a time zone: instants at which something is due.
//
// The line itself knows nothing of zones: it names local times, one after the other (croner finds the next). Which instant
// a local time is, the zone says, and where daylight-saving time makes that none or two, a declared policy: a missing time
// is moved behind the gap (02:30 becomes 03:30) or left out; of a repeated time the first is meant, or both.

import { Cron } from 'croner';
import { ConfigError } from './errors.js';
import type { TimeZone } from './time-zone.js';

/** Local times that clocks skip: `after` = as much later as the gap is long, `skip` = not at all. */
export type MissingHour = 'after' | 'skip';
/** Local times that clocks show twice: the `first` time only, or `both` times. */
export type RepeatedHour = 'first' | 'both';

/** The five fields of a cron line; days of the week as cron counts them, 0 = Sunday. */
export interface CronFields {
  readonly minute: string;
  readonly hour: string;
  readonly dayOfMonth: string;
  readonly month: string;
  readonly dayOfWeek: string;
}

export interface CalendarPolicy {
  readonly missingHour: MissingHour;
  readonly repeatedHour: RepeatedHour;
}

/** Around a change of the clocks, local times and instants are in no simple order: so far from it they are. */
const MARGIN_MS = 3 * 3_600_000;

export class Calendar {
  readonly #cron: Cron;
  readonly #zone: TimeZone;
  readonly #policy: CalendarPolicy;

  /** @throws ConfigError naming the first field that is wrong; a day of month and a day of week mean either. */
  constructor(fields: CronFields, zone: TimeZone, policy: CalendarPolicy) {
    for (const [field, text] of Object.entries(fields)) checkField(field as keyof CronFields, text as string);
    this.#cron = lineOf(fields);
    this.#zone = zone;
    this.#policy = policy;
  }

  /** The first slot after this instant (ms since the epoch, strictly); null when there is none in any year. */
  next(afterMs: number): number | null {
    const offset = this.#zone.offsetMs(afterMs);
    const local = this.#nextLocal(afterMs + offset);
    if (local === null) return null;
    const at = local - offset;
    const isSteady = [afterMs - MARGIN_MS, at - MARGIN_MS, at, at + MARGIN_MS].every(
      (instant) => this.#zone.offsetMs(instant) === offset,
    );
    return isSteady ? at : this.#nextNearChange(afterMs);
  }

  /** The newest `count` slots in (afterMs, untilMs], ascending. */
  latest(afterMs: number, untilMs: number, count: number): readonly number[] {
    for (let spanMs = MARGIN_MS; ; spanMs *= 2) {
      const fromMs = Math.max(afterMs, untilMs - spanMs);
      const slots: number[] = [];
      for (let at = this.next(fromMs); at !== null && at <= untilMs; at = this.next(at)) {
        slots.push(at);
        if (slots.length > count) slots.shift();
      }
      if (slots.length === count || fromMs === afterMs) return slots;
    }
  }

  /** Looks at every local time that may be next, since a later one can be an earlier instant. */
  #nextNearChange(afterMs: number): number | null {
    const near = (instant: number): number[] =>
      [instant - MARGIN_MS, instant, instant + MARGIN_MS].map((at) => this.#zone.offsetMs(at));
    let best: number | null = null;
    let local = this.#nextLocal(afterMs + Math.min(...near(afterMs)) - 1);
    while (local !== null) {
      if (best !== null && local - Math.max(...near(best)) > best) break;
      for (const at of this.#slotsOf(local)) if (at > afterMs && (best === null || at < best)) best = at;
      local = this.#nextLocal(local);
    }
    return best;
  }

  #slotsOf(local: number): readonly number[] {
    const { missingHour, repeatedHour } = this.#policy;
    const { instants, after } = this.#zone.instantsOf(local);
    if (instants.length === 0) return missingHour === 'after' ? [after] : [];
    return repeatedHour === 'first' ? instants.slice(0, 1) : instants;
  }

  #nextLocal(local: number): number | null {
    // oxlint-disable-next-line no-restricted-globals -- an instant that is given, not the time
    return this.#cron.nextRun(new Date(local))?.getTime() ?? null;
  }
}

const RANGES: Readonly<Record<keyof CronFields, string>> = {
  minute: '0 to 59',
  hour: '0 to 23',
  dayOfMonth: '1 to 31',
  month: '1 to 12 or names like jan',
  dayOfWeek: '0 to 6 or names like mon',
};

/** Each field by itself, so that the message can name it. */
function checkField(field: keyof CronFields, text: string): void {
  const whole = { minute: '*', hour: '*', dayOfMonth: '*', month: '*', dayOfWeek: '*', [field]: text };
  try {
    if (text.trim() === '' || /\s/.test(text)) throw new RangeError();
    lineOf(whole);
  } catch {
    throw new ConfigError(
      `'${text}' is no ${field}, expected ${RANGES[field]}, or '*', lists, ranges and steps of them`,
    );
  }
}

/** An offset of 0 keeps the library away from any zone: it then counts in fields alone. */
function lineOf({ minute, hour, dayOfMonth, month, dayOfWeek }: CronFields): Cron {
  const line = `${minute} ${hour} ${dayOfMonth} ${month} ${dayOfWeek}`;
  return new Cron(line, { utcOffset: 0, paused: true, mode: '5-part' });
}
