import { expect, test } from 'vitest';
import { disabledIdle } from '../../sim/oracles/disabled-idle.js';
import type { HistoryEvent } from '../../sim/oracles/history.js';
import { commit, fastRow, insert, judge, REGISTERED, update } from './story.js';

const build = (atS: number, trigger_key: string | null = null, schedulerid = 1): HistoryEvent =>
  commit(atS, 'master-a#1', insert('buildsets', { id: atS, schedulerid, trigger_key }));
const turn = (atS: number, enabled: 0 | 1): HistoryEvent =>
  commit(atS, 'master-b#1', update('schedulers', fastRow(null, 1), { enabled }));

function sentences(...events: readonly HistoryEvent[]): readonly string[] {
  return judge(disabledIdle, [...REGISTERED, ...events], 900).sentences;
}

test('what is built before, after, or by another scheduler breaks nothing', () => {
  expect(sentences(build(90), turn(100, 0), build(150, null, 2), turn(200, 1), build(210))).toEqual([]);
});

test('a buildset of a disabled scheduler is a violation', () => {
  expect(sentences(turn(100, 0), build(101))).toEqual([
    'buildset 101 of scheduler fast was made at 1m41s, while it was disabled since 1m40s',
  ]);
});

test('so is one made later for a slot at which it was disabled', () => {
  expect(sentences(turn(100, 0), turn(200, 1), build(201, 'slot:150'))).toEqual([
    'buildset 201 of scheduler fast is of a slot at 2m30s, at which it was disabled',
  ]);
  expect(sentences(turn(100, 0), turn(200, 1), build(201, 'slot:201'))).toEqual([]);
});
