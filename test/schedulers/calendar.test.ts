// Cron lines in time zones: against a second implementation on random lines, zones and instants, and by the declared policy
// where clocks change. More triples with STANDIN_CRON_TRIPLES.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CronReference, type CalendarRule } from '../../sim/oracles/cron-reference.js';
import { Calendar } from '../../src/core/calendar.js';
import { TimeZone } from '../../src/core/time-zone.js';

const TRIPLES = Number(process.env['STANDIN_CRON_TRIPLES'] ?? 400);

const ZONES = [
  ...['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kolkata', 'Australia/Lord_Howe', 'America/St_Johns'],
  ...[
    'Asia/Beirut',
    'Africa/Cairo',
    'America/Santiago',
    'Pacific/Auckland',
    'Asia/Kathmandu',
    'Europe/London',
  ],
];

function calendarOf(rule: CalendarRule): Calendar {
  const [minute = '', hour = '', dayOfMonth = '', month = '', dayOfWeek = ''] = rule.line.split(' ');
  return new Calendar({ minute, hour, dayOfMonth, month, dayOfWeek }, new TimeZone(rule.timeZone), rule);
}

function field(low: number, high: number): fc.Arbitrary<string> {
  const value = fc.integer({ min: low, max: high });
  const range = fc.tuple(value, value).map((ends) => ends.toSorted((a, b) => a - b).join('-'));
  const step = fc.integer({ min: 2, max: Math.max(2, (high - low) >> 1) });
  return fc.oneof(
    fc.constant('*'),
    value.map(String),
    range,
    fc.tuple(range, step).map(([ends, by]) => `${ends}/${by}`),
    fc.array(value, { minLength: 1, maxLength: 4 }).map((list) => list.join(',')),
  );
}

const rules: fc.Arbitrary<CalendarRule> = fc.record({
  line: fc
    .tuple(field(0, 59), field(0, 23), field(1, 31), field(1, 12), field(0, 6))
    .map((fields) => fields.join(' ')),
  timeZone: fc.constantFrom(...ZONES),
  missingHour: fc.constantFrom('after', 'skip'),
  repeatedHour: fc.constantFrom('first', 'both'),
});

const HOUR_MS = 3_600_000;
const instants = fc.integer({ min: Date.UTC(2020, 0, 1), max: Date.UTC(2036, 0, 1) });

test(
  `the next slot of ${TRIPLES} random lines, zones and instants is that of the reference`,
  { timeout: 600_000 },
  () => {
    fc.assert(
      fc.property(rules, instants, (rule, at) => {
        expect(calendarOf(rule).next(at)).toBe(new CronReference(rule).next(at));
      }),
      { numRuns: TRIPLES },
    );
  },
);

/** Instants at which the clocks of a zone change. */
function changesOf(timeZone: string, year: number): readonly number[] {
  const zone = new TimeZone(timeZone);
  const changes: number[] = [];
  const start = Date.UTC(year, 0, 1);
  for (let at = start; at < Date.UTC(year + 1, 0, 1); at += HOUR_MS / 2)
    if (zone.offsetMs(at) !== zone.offsetMs(at - HOUR_MS / 2)) changes.push(at);
  return changes;
}

test(
  'around a change of the clocks the slots are those of the reference, by each policy',
  { timeout: 600_000 },
  () => {
    const near = ZONES.flatMap((timeZone) => changesOf(timeZone, 2026).map((at) => ({ timeZone, at })));
    const frequent = fc.tuple(field(0, 59), field(0, 5)).map(([minute, hour]) => `${minute} ${hour} * * *`);
    const distance = fc.integer({ min: -6 * HOUR_MS, max: 6 * HOUR_MS });
    fc.assert(
      fc.property(rules, frequent, fc.constantFrom(...near), distance, (rule, line, { timeZone, at }, by) => {
        const whole = { ...rule, line, timeZone };
        expect(calendarOf(whole).next(at + by)).toBe(new CronReference(whole).next(at + by));
      }),
      { numRuns: Math.ceil(TRIPLES / 2) },
    );
  },
);

describe('in Berlin, where 2026-03-29 has no 02:30 and 2026-10-25 has two', () => {
  type Row = readonly [string, Partial<CalendarRule>, string, readonly string[]];
  const rows: readonly Row[] = [
    ['03:00 in spring', { line: '0 3 * * *' }, '2026-03-28T12:00Z', ['03-29T01:00', '03-30T01:00']],
    ['03:00 in autumn, once', { line: '0 3 * * *' }, '2026-10-24T12:00Z', ['10-25T02:00', '10-26T02:00']],
    [
      '02:30 in spring: an hour later',
      { line: '30 2 * * *' },
      '2026-03-28T12:00Z',
      ['03-29T01:30', '03-30T00:30'],
    ],
    ['02:30 left out', { line: '30 2 * * *', missingHour: 'skip' }, '2026-03-28T12:00Z', ['03-30T00:30']],
    ['02:30 in autumn, once', { line: '30 2 * * *' }, '2026-10-24T12:00Z', ['10-25T00:30', '10-26T01:30']],
    [
      '02:30 twice',
      { line: '30 2 * * *', repeatedHour: 'both' },
      '2026-10-24T12:00Z',
      ['10-25T00:30', '10-25T01:30'],
    ],
    ['01:30 in autumn', { line: '30 1 * * *' }, '2026-10-24T12:00Z', ['10-24T23:30', '10-26T00:30']],
    [
      'every hour in spring',
      { line: '0 * * * *', repeatedHour: 'both' },
      '2026-03-28T23:30Z',
      ['03-29T00:00', '03-29T01:00', '03-29T02:00'],
    ],
    [
      'every hour in autumn',
      { line: '0 * * * *', repeatedHour: 'both' },
      '2026-10-24T23:30Z',
      ['10-25T00:00', '10-25T01:00', '10-25T02:00'],
    ],
  ];

  test.each(rows)('%s', (_name, overrides, after, expected) => {
    const policy = { missingHour: 'after', repeatedHour: 'first' } as const;
    const calendar = calendarOf({ line: '', timeZone: 'Europe/Berlin', ...policy, ...overrides });
    let at = Date.parse(after.replace('Z', ':00Z'));
    const slots = expected.map(() => {
      at = calendar.next(at) ?? 0;
      return new Date(at).toISOString().slice(5, 16);
    });
    expect(slots).toEqual(expected);
  });
});

test('a line that names no day of any year has no slot', () => {
  const rule: CalendarRule = {
    line: '0 0 30 2 *',
    timeZone: 'UTC',
    missingHour: 'after',
    repeatedHour: 'first',
  };
  expect(calendarOf(rule).next(0)).toBeNull();
});

test('the newest slots of a span are found without going through all of them', () => {
  const every = calendarOf({
    line: '*/10 * * * *',
    timeZone: 'Asia/Kolkata',
    missingHour: 'after',
    repeatedHour: 'both',
  });
  const until = Date.UTC(2026, 0, 1, 0, 5);
  const iso = (slots: readonly number[]): string[] =>
    slots.map((at) => new Date(at).toISOString().slice(11, 16));
  expect(iso(every.latest(0, until, 3))).toEqual(['23:40', '23:50', '00:00']);
  expect(iso(every.latest(until - HOUR_MS / 4, until, 3))).toEqual(['00:00']);
  expect(every.latest(until - 60_000, until, 3)).toEqual([]);
  const monthly = calendarOf({
    line: '0 0 1 * *',
    timeZone: 'UTC',
    missingHour: 'after',
    repeatedHour: 'both',
  });
  expect(monthly.latest(Date.UTC(2025, 10, 15), Date.UTC(2026, 0, 20), 5)).toEqual([
    Date.UTC(2025, 11, 1),
    Date.UTC(2026, 0, 1),
  ]);
});
