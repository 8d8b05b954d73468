import { expect, test } from 'vitest';
import type { HistoryEvent, ObservedSlots } from '../../sim/oracles/history.js';
import { slotOnce } from '../../sim/oracles/slot-once.js';
import { commit, fastRow, fault, insert, judge, phase, REGISTERED, scheduler, update } from './story.js';

/** Every five minutes; the run begins at 1970-01-01T00:00Z. */
const NIGHTLY: ObservedSlots = {
  ...{ kind: 'calendar', line: '*/5 * * * *', timeZone: 'UTC', missingHour: 'after', repeatedHour: 'first' },
  isUnconditional: true,
};
const PERIODIC: ObservedSlots = { kind: 'period', periodMs: 60_000, isUnconditional: true };

const build = (atS: number, slot: number | string, id = atS): HistoryEvent =>
  commit(atS, 'master-a#1', insert('buildsets', { id, schedulerid: 1, trigger_key: `slot:${slot}` }));

function sentences(
  slots: ObservedSlots,
  events: readonly HistoryEvent[],
  finishS: number,
): readonly string[] {
  const context = { schedulers: [scheduler({ slots })], failoverBoundMs: 96_000 };
  return judge(slotOnce, [...REGISTERED, ...events], finishS, context).sentences;
}

test('slots that are each built once, when they are due, break nothing', () => {
  expect(sentences(NIGHTLY, [build(300, 300), build(602, 600)], 650)).toEqual([]);
  expect(sentences(PERIODIC, [build(10, 10), build(71, 70), build(130, 130)], 180)).toEqual([]);
});

test('a slot that is built twice is a violation', () => {
  expect(sentences(NIGHTLY, [build(300, 300), build(301, 300)], 310)).toEqual([
    'buildset 301 of scheduler fast is of the slot 1970-01-01T00:05:00.000Z, which buildset 300 has built',
  ]);
});

test('an instant that is no slot is a violation', () => {
  expect(sentences(NIGHTLY, [build(310, 310)], 312)).toEqual([
    'buildset 310 of scheduler fast is of the slot 1970-01-01T00:05:10.000Z, which is none of its slots',
  ]);
  expect(sentences(PERIODIC, [build(10, 10), build(75, 75)], 80)[0]).toContain('which is none of its slots');
});

test('a buildset that names no slot is a violation', () => {
  expect(sentences(NIGHTLY, [build(300, 'x')], 310)).toEqual([
    'buildset 300 of scheduler fast names no slot',
  ]);
});

test('a slot that is built before it is due is a violation', () => {
  expect(sentences(NIGHTLY, [build(290, 300)], 310)).toEqual([
    'buildset 290 of scheduler fast is of the slot 1970-01-01T00:05:00.000Z, but was made at 4m50s already',
  ]);
});

test('a slot that is left out while nothing goes wrong is a violation', () => {
  expect(sentences(NIGHTLY, [build(300, 300), build(900, 900)], 910)).toEqual([
    'scheduler fast has not built the slot 1970-01-01T00:10:00.000Z by 15m10s, though nothing went wrong since 0s',
  ]);
  expect(sentences(PERIODIC, [build(10, 10), build(250, 250)], 300)[0]).toContain(
    'has not built a slot by 4m10s',
  );
  expect(sentences(PERIODIC, [build(10, 10)], 300)[0]).toContain('has not built a slot by 5m');
});

test('what goes wrong excuses a slot, for as long as a fail-over may take', () => {
  const events = [build(300, 300), fault(550, 'start'), fault(590, 'end'), build(900, 900)];
  expect(sentences(NIGHTLY, events, 910)).toEqual([]);
  expect(
    sentences(NIGHTLY, [build(300, 300), build(602, 600), phase(650, 'convergence'), build(900, 900)], 1_300),
  ).toEqual([
    'scheduler fast has not built the slot 1970-01-01T00:20:00.000Z by 21m40s, though nothing went wrong since 10m50s',
  ]);
});

test('a disabled scheduler owes no slot', () => {
  const off = commit(400, 'master-a#1', update('schedulers', fastRow(null, 1), { enabled: 0 }));
  expect(sentences(NIGHTLY, [build(300, 300), off], 2_000)).toEqual([]);
});

test('a scheduler that waits for changes owes no slot', () => {
  expect(sentences({ ...NIGHTLY, isUnconditional: false }, [build(300, 300)], 2_000)).toEqual([]);
});

test('a slot that the state calls built without a buildset is a violation', () => {
  const claim = (atS: number, slot: number): HistoryEvent =>
    commit(
      atS,
      'master-a#1',
      insert('object_state', { objectid: 7, name: 'last_build', value_json: String(slot) }),
    );
  expect(
    sentences(NIGHTLY, [claim(300, 300), build(301, 300), claim(600, 600), build(601, 600)], 650),
  ).toEqual([]);
  expect(sentences(NIGHTLY, [claim(300, 300), claim(600, 600), build(600, 600)], 650)).toContain(
    'the slot 1970-01-01T00:05:00.000Z of scheduler fast was called built, and was not',
  );
});
