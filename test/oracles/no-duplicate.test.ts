import { expect, test } from 'vitest';
import { noDuplicate } from '../../sim/oracles/no-duplicate.js';
import { commit, fastRow, insert, judge, REGISTERED, remove, scheduler } from './story.js';

const SLOW = insert('schedulers', { ...fastRow(null, 1), id: 2, name: 'slow' });
const CHANGE = commit(192.4, 'master-b#1', insert('changes', { changeid: 17, branch: 'master' }));
const buildset = (id: number, schedulerid: number | null, trigger_key: string | null = null) =>
  insert('buildsets', { id, schedulerid, trigger_key });
const member = (buildsetid: number, changeid: number) => insert('buildset_changes', { buildsetid, changeid });

test('two schedulers may build the same change, and one may build many', () => {
  const { sentences, run } = judge(
    noDuplicate,
    [
      ...REGISTERED,
      commit(5, 'master-a#1', SLOW),
      CHANGE,
      commit(200, 'master-a#1', buildset(4, 1, 'changes:17'), member(4, 17), member(4, 18)),
      commit(201, 'master-a#1', buildset(5, 2, 'changes:17'), member(5, 17)),
      commit(202, 'master-b#1', buildset(6, null), member(6, 17)),
    ],
    900,
  );
  expect(sentences).toEqual([]);
  expect(run.checks).toBe(5);
});

test('a change in two buildsets of one scheduler is a violation', () => {
  const { sentences, subjects } = judge(
    noDuplicate,
    [
      ...REGISTERED,
      CHANGE,
      commit(200, 'master-a#1', buildset(4, 1), member(4, 17)),
      commit(290, 'master-b#1', buildset(9, 1), member(9, 17)),
    ],
    900,
  );
  expect(sentences).toEqual([
    'change 17 (branch master, accepted at 3m12.4s) is in buildsets 4 and 9 of scheduler fast',
  ]);
  expect(subjects).toEqual(['fast']);
});

test('a change that is added to a second buildset by a later transaction is a violation too', () => {
  const { sentences } = judge(
    noDuplicate,
    [
      ...REGISTERED,
      commit(200, 'master-a#1', buildset(4, 1), member(4, 17), buildset(5, 1)),
      commit(210, 'master-a#1', member(5, 17)),
    ],
    900,
  );
  expect(sentences).toEqual(['change 17 is in buildsets 4 and 5 of scheduler fast']);
});

test('two buildsets of one trigger are a violation', () => {
  const { sentences } = judge(
    noDuplicate,
    [
      ...REGISTERED,
      commit(200, 'master-a#1', buildset(4, 1, 'slot:03:00')),
      commit(230.5, 'master-b#1', buildset(6, 1, 'slot:03:00'), buildset(7, 1, 'slot:04:00')),
    ],
    900,
  );
  expect(sentences).toEqual([
    'trigger slot:03:00 of scheduler fast made buildset 6 at 3m50.5s, after buildset 4',
  ]);
});

test.each(['call:build-7', 'job:job-3', 'upstream:12'])('so are two buildsets of %s', (key) => {
  const { sentences } = judge(
    noDuplicate,
    [
      ...REGISTERED,
      commit(200, 'master-a#1', buildset(4, 1, key)),
      commit(230, 'master-b#1', buildset(6, 1, key)),
    ],
    900,
  );
  expect(sentences).toEqual([`trigger ${key} of scheduler fast made buildset 6 at 3m50s, after buildset 4`]);
});

test('a slot that is built for calls, while none waits, is a violation', () => {
  const key = (name: string) => JSON.stringify(['triggers', name, 'new']);
  const message = (id: number, name: string) =>
    remove('queue_messages', { id, queueid: 1, routing_key: key(name), body: '{}' });
  const schedulers = [scheduler({ triggers: { kind: 'calls-by-slot' } })];
  const events = [
    ...REGISTERED,
    commit(60, 'master-a#1', message(1, 'fast'), message(2, 'fast'), buildset(4, 1, 'slot:60')),
    commit(120, 'master-a#1', message(3, 'other'), buildset(5, 1, 'slot:120')),
  ];
  expect(judge(noDuplicate, events, 900, { schedulers }).sentences).toEqual([
    'buildset 5 of scheduler fast at 2m0s takes no trigger that waited',
  ]);
  expect(judge(noDuplicate, events, 900).sentences).toEqual([]);
});
