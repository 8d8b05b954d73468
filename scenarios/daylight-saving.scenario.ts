// The clocks of several zones go forward or back while schedulers build by them, on masters whose own time zones differ and
// that crash and pause: a local time that is missing or comes twice means what the scheduler has declared, and no more.

import { defineScenario, Nightly } from 'standin';

/** Both changes of the year in Europe, in New York, and on Lord Howe Island, whose clocks change by half an hour. */
const CHANGES = [
  ...['2026-03-29T01:00Z', '2026-10-25T01:00Z'],
  ...['2026-03-08T07:00Z', '2026-11-01T06:00Z'],
  ...['2026-04-04T15:00Z', '2026-10-03T15:30Z'],
];
/** A run takes half an hour: it begins so many minutes before the change, or is over before it, or comes after it. */
const BEFORE = [63, 28, 16, 8, -32];

const berlin = { timeZone: 'Europe/Berlin' };

export default defineScenario({
  name: 'daylight-saving',
  description: 'Clocks of several zones go forward or back, on masters in other zones that crash and pause.',
  masters: 2,
  durationS: 1_500,
  changes: 0,
  clocks: { offsetS: 1, driftPpm: 50, timeZones: ['America/New_York', 'Asia/Kolkata', 'Europe/London'] },
  startsAt: CHANGES.flatMap((change) =>
    BEFORE.map((minutes) => new Date(Date.parse(change) - minutes * 60_000).toISOString()),
  ),
  schedulers: () => [
    new Nightly('berlin', ['linux'], { ...berlin, minute: '*/5', hour: '1-3', repeatedHour: 'first' }),
    new Nightly('at-two', ['linux'], { ...berlin, minute: [0, 30], hour: 2, missingHour: 'skip' }),
    new Nightly('hourly', ['linux'], { ...berlin, minute: '*/15', missedSlots: { atMost: 2 } }),
    new Nightly('new-york', ['docs'], { timeZone: 'America/New_York', minute: '*/10', hour: '0-4' }),
    new Nightly('lord-howe', ['mac'], {
      ...{ timeZone: 'Australia/Lord_Howe', minute: '*/10', hour: '1-3' },
      repeatedHour: 'both',
    }),
  ],
  faults: { crash: 8, pause: 8, stop: 2 },
});
