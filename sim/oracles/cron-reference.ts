// A second opinion on cron lines: when the slots of a line are in a time zone, worked out day by day and minute by minute,
// without the library that the control plane uses and without its code. Slow and plain.

/** A line and what daylight-saving time does to it; the policies as in src/core/calendar. */
export interface CalendarRule {
  /** minute, hour, day of month, month, day of week (0 = Sunday): numbers, names, lists, ranges, steps and '*'. */
  readonly line: string;
  readonly timeZone: string;
  readonly missingHour: 'after' | 'skip';
  readonly repeatedHour: 'first' | 'both';
}

const DAY_MS = 86_400_000;
const QUARTER_MS = 900_000;
/** No zone is further from UTC, nor moves a missing time further. */
const LONGEST_OFFSET_MS = 16 * 3_600_000;
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

export class CronReference {
  readonly #rule: CalendarRule;
  readonly #fields: readonly ReadonlySet<number>[];
  readonly #isAnyDay: readonly [boolean, boolean];
  readonly #format: Intl.DateTimeFormat;
  readonly #offsets = new Map<number, number>();

  constructor(rule: CalendarRule) {
    const texts = rule.line.split(' ');
    const [minute = '', hour = '', day = '', month = '', weekday = ''] = texts;
    this.#rule = rule;
    this.#fields = [
      parse(minute, 0, 59),
      parse(hour, 0, 23),
      parse(day, 1, 31),
      parse(month, 1, 12, MONTHS),
      parse(weekday, 0, 7, DAYS),
    ];
    this.#isAnyDay = [day === '*', weekday === '*'];
    this.#format = new Intl.DateTimeFormat('en-US', { timeZone: rule.timeZone, timeZoneName: 'longOffset' });
  }

  /** All slots in (fromMs, toMs], ascending. */
  between(fromMs: number, toMs: number): readonly number[] {
    const slots = new Set<number>();
    const [first, last] = [fromMs - LONGEST_OFFSET_MS, toMs + LONGEST_OFFSET_MS];
    for (let day = Math.floor(first / DAY_MS); day <= Math.floor(last / DAY_MS); day++) {
      for (const local of this.#timesOfDay(day * DAY_MS)) {
        if (local < first || local > last) continue;
        for (const at of this.#instantsOf(local)) if (at > fromMs && at <= toMs) slots.add(at);
      }
    }
    return [...slots].sort((a, b) => a - b);
  }

  /** The first slot after this instant; null when none comes within ten years. */
  next(afterMs: number): number | null {
    const firstDay = Math.floor(afterMs / DAY_MS) - 2;
    let found: number | null = null;
    let foundOn = 0;
    for (let day = firstDay; day < firstDay + 3_660; day++) {
      if (found !== null && day > foundOn + 1) return found;
      for (const at of this.#timesOfDay(day * DAY_MS).flatMap((local) => this.#instantsOf(local))) {
        if (at <= afterMs || (found !== null && at >= found)) continue;
        found = at;
        foundOn = day;
      }
    }
    return found;
  }

  /** The local times of the line on a day, as if they were UTC. */
  #timesOfDay(midnight: number): readonly number[] {
    if (!this.#isDay(new Date(midnight))) return [];
    const [minutes, hours] = this.#fields;
    const times: number[] = [];
    for (const hour of hours ?? [])
      for (const minute of minutes ?? []) times.push(midnight + (hour * 60 + minute) * 60_000);
    return times;
  }

  #isDay(date: Date): boolean {
    const [, , days, months, weekdays] = this.#fields;
    if (months?.has(date.getUTCMonth() + 1) !== true) return false;
    const isDay = days?.has(date.getUTCDate()) === true;
    const isWeekday =
      weekdays?.has(date.getUTCDay()) === true || (date.getUTCDay() === 0 && weekdays?.has(7) === true);
    const [isAnyDay, isAnyWeekday] = this.#isAnyDay;
    return isAnyDay || isAnyWeekday ? isDay && isWeekday : isDay || isWeekday;
  }

  #instantsOf(local: number): readonly number[] {
    const offsets = [this.#offset(local - DAY_MS), this.#offset(local + DAY_MS)];
    const instants = [...new Set(offsets)].map((offset) => local - offset);
    const shown = instants.filter((at) => at + this.#offset(at) === local).sort((a, b) => a - b);
    if (shown.length === 0) return this.#rule.missingHour === 'skip' ? [] : [local - (offsets[0] ?? 0)];
    return this.#rule.repeatedHour === 'both' ? shown : shown.slice(0, 1);
  }

  /** From a name like `GMT+05:30`; zones change their offsets at full quarters of an hour. */
  #offset(at: number): number {
    const quarter = Math.floor(at / QUARTER_MS);
    const known = this.#offsets.get(quarter);
    if (known !== undefined) return known;
    const parts = this.#format.formatToParts(quarter * QUARTER_MS);
    const name = parts.find(({ type }) => type === 'timeZoneName')?.value ?? '';
    const [, sign, hours, minutes] = /GMT([+-])(\d\d):(\d\d)/.exec(name) ?? [];
    const offset = (sign === '-' ? -1 : 1) * (Number(hours ?? 0) * 60 + Number(minutes ?? 0)) * 60_000;
    this.#offsets.set(quarter, offset);
    return offset;
  }
}

function parse(field: string, low: number, high: number, names: readonly string[] = []): ReadonlySet<number> {
  const numberOf = (text: string): number => {
    const index = names.indexOf(text.toLowerCase());
    return index >= 0 ? index + (low === 1 ? 1 : 0) : Number(text);
  };
  const values = new Set<number>();
  for (const part of field.split(',')) {
    const [range = '', step] = part.split('/');
    const [from, to] = range === '*' ? [low, high] : range.split('-').map(numberOf);
    const last = to ?? (step === undefined ? (from ?? low) : high);
    for (let value = from ?? low; value <= last; value += Number(step ?? 1)) values.add(value);
  }
  return values;
}
