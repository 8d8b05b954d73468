import { expect, test } from 'vitest';
import type { HistoryEvent } from '../../sim/oracles/history.js';
import { noLostChange } from '../../sim/oracles/no-lost-change.js';
import { commit, fastRow, fault, insert, judge, phase, REGISTERED, scheduler, update } from './story.js';

/** The bound of these stories: 95.8 s of failover and two polls of 30 s. */
const accept = (atS: number, changeid: number, branch: string | null = 'master'): HistoryEvent =>
  commit(atS, 'master-b#1', insert('changes', { changeid, branch }));
const build = (atS: number, buildsetid: number, ...changeids: number[]): HistoryEvent =>
  commit(
    atS,
    'master-a#1',
    insert('buildsets', { id: buildsetid, schedulerid: 1, trigger_key: null }),
    ...changeids.map((changeid) => insert('buildset_changes', { buildsetid, changeid })),
  );

test('a change that is built is not lost, and unwanted or unclassifiable ones are not owed', () => {
  const unclear = scheduler({
    wants: (change) => (change['branch'] === null ? null : change['branch'] === 'master'),
  });
  const events = [...REGISTERED, accept(10, 1), accept(11, 2, 'side'), accept(12, 3, null), build(20, 1, 1)];
  const { sentences, run } = judge(noLostChange, events, 9000, { schedulers: [unclear] });
  expect(sentences).toEqual([]);
  expect(run.checks).toBe(1);
  expect(run.pending).toEqual([]);
});

test('a change accepted before the scheduler was registered is not owed', () => {
  expect(judge(noLostChange, [accept(2, 1), ...REGISTERED], 9000).sentences).toEqual([]);
});

test('a change in no buildset, long after it was due, is a violation', () => {
  const { sentences, subjects } = judge(noLostChange, [...REGISTERED, accept(192.4, 17)], 900);
  expect(sentences).toEqual([
    'change 17 (branch master, accepted at 3m12.4s) is in no buildset of scheduler fast at 15m0s; it was due by 5m48.2s',
  ]);
  expect(subjects).toEqual(['fast']);
});

test('a buildset of another scheduler, or of none, does not settle the debt', () => {
  const elsewhere = commit(
    20,
    'master-a#1',
    insert('buildsets', { id: 1, schedulerid: 2, trigger_key: null }),
    insert('buildset_changes', { buildsetid: 1, changeid: 1 }),
    insert('buildset_changes', { buildsetid: 99, changeid: 1 }),
  );
  expect(judge(noLostChange, [...REGISTERED, accept(10, 1), elsewhere], 900).sentences).toHaveLength(1);
});

test('what is not due at the end is pending, and named', () => {
  const events = [...REGISTERED, accept(10, 4), fault(500, 'start'), fault(700, 'end')];
  const { sentences, run } = judge(noLostChange, events, 800);
  expect(sentences).toEqual([]);
  expect(run.pending).toEqual(['change 4 of scheduler fast']);
  expect(judge(noLostChange, events, 860).sentences).toHaveLength(1);
});

test('a disabled scheduler owes nothing until it is enabled', () => {
  const disabled = commit(5, 'master-b#1', update('schedulers', fastRow(null, 1), fastRow(null, 1, 0)));
  const enabled = commit(800, 'master-b#1', update('schedulers', fastRow(null, 1, 0), fastRow(null, 1)));
  const events = [...REGISTERED, disabled, accept(10, 1)];
  expect(judge(noLostChange, events, 9000).sentences).toEqual([]);
  expect(judge(noLostChange, [...events, enabled], 900).sentences).toEqual([]);
  expect(judge(noLostChange, [...events, enabled], 960).sentences).toHaveLength(1);
});

test('with a tree-stable timer a change is due after the latest change', () => {
  const schedulers = [scheduler({ treeStableTimerMs: 20_000 })];
  const events = [...REGISTERED, accept(10, 1), accept(400, 2, 'side')];
  expect(judge(noLostChange, events, 575, { schedulers }).sentences).toEqual([]);
  expect(judge(noLostChange, events, 576, { schedulers }).sentences).toEqual([
    'change 1 (branch master, accepted at 10s) is in no buildset of scheduler fast at 9m36s; it was due by 9m35.8s',
  ]);
});

test('a late buildset is a violation in convergence, and none during chaos', () => {
  const events = [
    ...REGISTERED,
    accept(10, 1),
    accept(11, 2),
    build(590, 1, 2),
    phase(600, 'convergence'),
    build(760, 2, 1),
  ];
  expect(judge(noLostChange, events, 900).sentences).toEqual([
    'change 1 (branch master, accepted at 10s) came into buildset 2 of scheduler fast only at 12m40s; ' +
      'it was due by 12m35.8s',
  ]);
});
