// Local dates in a process whose node lives in a time zone: what the engine says on a machine in that zone, whatever zone
// this machine is in.

import { afterEach, describe, expect, test } from 'vitest';
import { makeKernel } from './run-world.js';

const ZONES = ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kolkata'];
const MINUTE_MS = 60_000;

const machineZone = process.env['TZ'];

afterEach(() => {
  if (machineZone === undefined) delete process.env['TZ'];
  else process.env['TZ'] = machineZone;
});

/** Around every change of the clocks in 2026 in those zones, and well away from any. */
const INSTANTS = [
  ...['2026-03-29T01:00Z', '2026-10-25T01:00Z', '2026-03-08T07:00Z', '2026-11-01T06:00Z'],
  ...['2026-04-04T15:00Z', '2026-10-03T15:30Z', '2026-07-14T12:34Z'],
].flatMap((text) => [-61, -30, -1, 0, 29, 61].map((minutes) => Date.parse(text) + minutes * MINUTE_MS));

/** All that shows a zone, without the name that an engine gives it. */
function look(): unknown[] {
  return INSTANTS.flatMap((at) => {
    const date = new Date(at);
    const { year, month, day } = {
      year: date.getUTCFullYear(),
      month: date.getUTCMonth(),
      day: date.getUTCDate(),
    };
    const local = [2, 2.5, 3].map((hour) => new Date(year, month, day, Math.floor(hour), (hour % 1) * 60));
    return [
      [
        date.getFullYear(),
        date.getMonth(),
        date.getDate(),
        date.getDay(),
        date.getHours(),
        date.getMinutes(),
      ],
      date.getTimezoneOffset(),
      date.toString().replace(/ \(.*\)$/, ''),
      date.toDateString(),
      date.toLocaleString('en-US'),
      local.map((each) => each.toISOString()),
      [new Date(at).setHours(2, 30), new Date(at).setMinutes(90), new Date(at).setDate(1)],
      Date.parse(`${new Date(at).toISOString().slice(0, 10)}T02:30`),
      new Intl.DateTimeFormat('en-US', { dateStyle: 'short', timeStyle: 'long' }).format(date),
      new Intl.DateTimeFormat('en-US').resolvedOptions().timeZone,
      new Date(NaN).getHours(),
      new Date(NaN).toString(),
    ];
  });
}

describe.each(ZONES)('in %s', (timeZone) => {
  test('local dates are those of a machine that is there', async () => {
    process.env['TZ'] = timeZone;
    const expected = look();
    process.env['TZ'] = 'Pacific/Auckland';
    const kernel = makeKernel();
    let seen: unknown[] = [];
    kernel.start(kernel.addNode('a', { offsetMs: 0, driftPpm: 0, timeZone }), () => void (seen = look()));
    await kernel.run(1_000_000);
    expect(seen).toEqual(expected);
  });
});

test('two masters in two zones read one instant as two local times', async () => {
  const kernel = makeKernel({ epochMs: Date.parse('2026-03-29T00:59Z') });
  const hours: string[] = [];
  for (const timeZone of ['Europe/London', 'Asia/Kolkata', 'UTC'])
    kernel.start(kernel.addNode(timeZone, { offsetMs: 0, driftPpm: 0, timeZone }), (process) => {
      const say = (): void => void hours.push(new Date().toTimeString().slice(0, 5));
      say();
      process.setTimer(say, MINUTE_MS);
    });
  await kernel.run(61_000_000);
  expect(hours).toEqual(['00:59', '06:29', '00:59', '02:00', '06:30', '01:00']);
});
