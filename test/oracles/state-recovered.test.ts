import { expect, test } from 'vitest';
import type { HistoryEvent } from '../../sim/oracles/history.js';
import { stateRecovered } from '../../sim/oracles/state-recovered.js';
import { commit, insert, judge, REGISTERED, remove, stateRead } from './story.js';

const write = (atS: number, name: string, value_json: string): HistoryEvent =>
  commit(atS, 'master-a#1', insert('object_state', { objectid: 7, name, value_json }));

test('a read may return any value that was current while it ran', () => {
  const writes = [...REGISTERED, write(10, 'last', '1'), write(20, 'last', '2'), write(30, 'last', '3')];
  const reads = [
    stateRead(15, 31, 'last', '1'),
    stateRead(15, 31, 'last', '2'),
    stateRead(15, 31, 'last', '3'),
  ];
  const { sentences, run } = judge(stateRecovered, [...writes, ...reads], 99);
  expect(sentences).toEqual([]);
  expect(run.checks).toBe(3);
});

test('a value that is overwritten in the microsecond in which a read begins, or written in that in which it ends, counts', () => {
  const events = [
    ...REGISTERED,
    write(10, 'last', '1'),
    write(20, 'last', '2'),
    stateRead(20, 21, 'last', '1'),
  ];
  expect(judge(stateRecovered, events, 99).sentences).toEqual([]);
  expect(judge(stateRecovered, [...events, stateRead(19, 20, 'last', '2')], 99).sentences).toEqual([]);
});

test('an absent key reads as absent, before it is written and after it is deleted', () => {
  const events = [
    stateRead(0, 1, 'last', null),
    ...REGISTERED,
    stateRead(3, 5, 'last', null),
    write(10, 'last', '1'),
    commit(11, 'master-a#1', remove('object_state', { objectid: 7, name: 'last', value_json: '1' })),
    stateRead(12, 13, 'last', null),
  ];
  expect(judge(stateRecovered, events, 99).sentences).toEqual([]);
});

test('a read of a value that had been overwritten before it began is a violation', () => {
  const events = [
    ...REGISTERED,
    write(10, 'last', '4'),
    write(192, 'last', '5'),
    stateRead(192.4, 193, 'last', '4'),
  ];
  const { sentences, subjects } = judge(stateRecovered, events, 999);
  expect(sentences).toEqual([
    'master-b#1 read last of scheduler fast as 4 at 3m13s; since the read began at 3m12.4s it was 5',
  ]);
  expect(subjects).toEqual(['fast last']);
});

test('a read that misses a committed value is a violation', () => {
  const events = [
    ...REGISTERED,
    write(10, 'last', '4'),
    write(12, 'last', '5'),
    stateRead(11, 13, 'last', null),
  ];
  expect(judge(stateRecovered, events, 99).sentences).toEqual([
    'master-b#1 read last of scheduler fast as absent at 13s; since the read began at 11s it was 4, then 5',
  ]);
});

test('a read that reaches back beyond what is kept is not judged', () => {
  const writes = Array.from({ length: 300 }, (_, i) => write(10 + i, 'last', String(i)));
  const { sentences, run } = judge(
    stateRecovered,
    [...REGISTERED, ...writes, stateRead(12, 400, 'last', '3')],
    999,
  );
  expect(sentences).toEqual([]);
  expect(run.checks).toBe(0);
});

test('a counter that grows by one from one is fine, other keys may hold anything', () => {
  const events = [
    ...REGISTERED,
    write(10, 'builds', '1'),
    write(11, 'builds', '2'),
    write(12, 'last', '"x"'),
  ];
  const { sentences, run } = judge(stateRecovered, events, 99);
  expect(sentences).toEqual([]);
  expect(run.checks).toBe(2);
});

test('a counter that starts again, stays, skips, is no number or is deleted is a violation', () => {
  const events = [
    ...REGISTERED,
    write(10, 'builds', '1'),
    write(11, 'builds', '2'),
    write(12, 'builds', '1'),
    write(13, 'builds', '1'),
    write(14, 'builds', '3'),
    write(15, 'builds', '"3"'),
    commit(16, 'master-a#1', remove('object_state', { objectid: 7, name: 'builds', value_json: '"3"' })),
  ];
  const sentence = (atS: number, after: string, before: string): string =>
    `master-a#1 committed counter builds of scheduler fast as ${after} at ${atS}s, after ${before}; ` +
    'it grows by one a commit';
  expect(judge(stateRecovered, events, 99).sentences).toEqual([
    sentence(12, '1', '2'),
    sentence(13, '1', '1'),
    sentence(14, '3', '1'),
    sentence(15, '"3"', '3'),
    sentence(16, 'absent', '"3"'),
  ]);
});

test('a counter must start at one', () => {
  expect(judge(stateRecovered, [...REGISTERED, write(10, 'builds', '0')], 99).sentences).toHaveLength(1);
});
