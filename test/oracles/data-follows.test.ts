import { describe, expect, test } from 'vitest';
import { dataFollows } from '../../sim/oracles/data-follows.js';
import type { HistoryEvent, Row, RowChange } from '../../sim/oracles/history.js';
import { commit, eventRow, insert, judge, phase, produce, remove, update } from './story.js';

const IDLE: Row = { id: 1, name: 'master-a', active: 0, incarnation: 0, beat: 0 };
const RUNNING: Row = { ...IDLE, active: 1, incarnation: 1 };
const FAST: Row = { id: 1, name: 'fast', enabled: 1, revision: 0 };
const STARTED = { masterid: 1, name: 'master-a', active: true, incarnation: 1 };
const CLAIMED = { schedulerid: 1, name: 'fast', enabled: true, masterid: 1, revision: 1 };
const BUILDSET: Row = {
  id: 4,
  external_idstring: null,
  reason: '',
  submitted_at: 9,
  complete: 0,
  complete_at: null,
  results: -1,
};
const NEW_BUILDSET = {
  ...{ bsid: 4, external_idstring: null, reason: '', submitted_at: 9, complete: false, complete_at: null },
  ...{ results: -1, changeids: [17, 18], sourcestampids: [5] },
};

/** A master has started and owns a scheduler; both are announced and sent. */
const OWNED: readonly HistoryEvent[] = [
  commit(1, 'master-a#1', insert('masters', IDLE), insert('schedulers', FAST)),
  commit(2, 'master-a#1', update('masters', IDLE, RUNNING), announce(1, 'masters.1.started', STARTED)),
  produce(2, 'master-a#1', 'masters.1.started', STARTED),
  commit(
    3,
    'master-a#1',
    update('schedulers', FAST, { revision: 1 }),
    insert('scheduler_masters', { schedulerid: 1, masterid: 1 }),
    announce(2, 'schedulers.1.claimed', CLAIMED),
  ),
  produce(3, 'master-a#1', 'schedulers.1.claimed', CLAIMED),
];

function announce(id: number, key: string, body: object): RowChange {
  return insert('events', eventRow(id, key, body));
}

function sentences(...events: readonly HistoryEvent[]): readonly string[] {
  return judge(dataFollows, [...OWNED, ...events], 900).sentences;
}

test('changes that are announced as they are committed, and sent, break nothing', () => {
  const { sentences: found, run } = judge(
    dataFollows,
    [
      ...OWNED,
      commit(4, 'master-a#1', update('masters', RUNNING, { beat: 1 })),
      commit(
        5,
        'master-b#1',
        remove('scheduler_masters', { schedulerid: 1, masterid: 1 }),
        update('masters', RUNNING, { active: 0 }),
        announce(3, 'masters.1.stopped', { ...STARTED, active: false }),
        announce(4, 'schedulers.1.released', { ...CLAIMED, masterid: null }),
      ),
      produce(5, 'master-b#1', 'masters.1.stopped', { ...STARTED, active: false }),
      produce(5, 'master-b#1', 'schedulers.1.released', { ...CLAIMED, masterid: null }),
    ],
    900,
  );
  expect(found).toEqual([]);
  expect(run.checks).toBe(8);
});

describe('a body that is not what the database holds is a violation', () => {
  test('of a master', () => {
    const expired = commit(5, 'master-b#1', update('masters', RUNNING, { active: 0 }), stopped());
    const late = commit(9, 'master-a#1', announce(9, 'masters.1.started', STARTED));
    expect(sentences(expired, sent(), late)).toEqual([
      'master-a#1 announced masters.1.started at 9s, whose active is true, the database says false',
      'masters.1.started, announced at 9s, was never sent',
    ]);
  });

  test('of a scheduler: its flag, its owner, its revision', () => {
    const disabled = update('schedulers', { ...FAST, revision: 1 }, { enabled: 0, revision: 2 });
    const judged = (body: object) =>
      sentences(commit(5, 'master-b#1', disabled, announce(9, 'schedulers.1.updated', body)))[0];
    const right = { ...CLAIMED, enabled: false, revision: 2 };
    expect(judged(right)).toBe('schedulers.1.updated, announced at 5s, was never sent');
    expect(judged({ ...right, enabled: true })).toContain('whose enabled is true, the database says false');
    expect(judged({ ...right, masterid: null })).toContain('whose masterid is null, the database says 1');
    expect(judged({ ...right, revision: 1 })).toContain('whose revision is 1, the database says 2');
    expect(judged({ schedulerid: 1 })).toContain('whose name is missing, the database says "fast"');
  });

  test('of a buildset: its changes too, in any order', () => {
    const rows = [
      insert('buildsets', BUILDSET),
      insert('buildset_changes', { buildsetid: 4, changeid: 18 }),
      insert('buildset_changes', { buildsetid: 4, changeid: 17 }),
      insert('buildset_sourcestamps', { buildsetid: 4, sourcestampid: 5 }),
    ];
    const built = (body: object) => [
      commit(5, 'master-a#1', ...rows, announce(9, 'buildsets.4.new', body)),
      produce(5, 'master-a#1', 'buildsets.4.new', body),
    ];
    expect(sentences(...built(NEW_BUILDSET))).toEqual([]);
    expect(sentences(...built({ ...NEW_BUILDSET, changeids: [17] }))).toEqual([
      'master-a#1 announced buildsets.4.new at 5s, whose changeids is [17], the database says [18,17]',
    ]);
  });
});

describe('a change that is not announced in its own transaction is a violation', () => {
  test.each<[string, RowChange]>([
    ['masters.1', update('masters', RUNNING, { active: 0 })],
    ['masters.1', update('masters', RUNNING, { incarnation: 2, beat: 0 })],
    ['schedulers.1', update('schedulers', FAST, { enabled: 0 })],
    ['schedulers.1', remove('scheduler_masters', { schedulerid: 1, masterid: 1 })],
    ['schedulers.1', update('scheduler_masters', { schedulerid: 1, masterid: 1 }, { masterid: 2 })],
    ['changes.17', insert('changes', { changeid: 17 })],
    ['buildsets.4', insert('buildsets', BUILDSET)],
    ['buildsets.4', update('buildsets', BUILDSET, { complete: 1 })],
    ['buildrequests.8', insert('buildrequests', { id: 8, complete: 0 })],
  ])('%s', (name, change) => {
    expect(sentences(commit(5, 'master-b#1', change))).toEqual([
      `master-b#1 changed ${name} at 5s and did not announce it`,
    ]);
  });
});

test('a message about an entity that no transaction announced so is a violation; other messages are free', () => {
  expect(
    sentences(
      produce(5, 'master-a#1', 'schedulers.1.claimed', { ...CLAIMED, masterid: 2 }),
      produce(6, 'master-a#1', 'control.builds.1.stop', {}),
    ),
  ).toEqual(['master-a#1 sent schedulers.1.claimed at 5s, which no transaction announced so']);
});

test('an announcement may be sent again, by another process and after it was forgotten', () => {
  const forgotten = commit(12, 'master-a#1', remove('events', eventRow(2, 'schedulers.1.claimed', CLAIMED)));
  const again = produce(90, 'master-b#1', 'schedulers.1.claimed', CLAIMED);
  expect(sentences(again, forgotten, again)).toEqual([]);
});

test('an announcement that is forgotten before it was sent is a violation', () => {
  const body = { ...STARTED, active: false };
  const row = eventRow(9, 'masters.1.stopped', body);
  expect(
    sentences(
      commit(5, 'master-b#1', update('masters', RUNNING, { active: 0 }), insert('events', row)),
      commit(7, 'master-b#1', remove('events', row)),
    ),
  ).toEqual(['master-b#1 forgot masters.1.stopped, announced at 5s, at 7s, before anybody had sent it']);
});

test('an announcement must have been sent in time after the chaos; before that it is pending', () => {
  const events = [
    commit(5, 'master-b#1', update('masters', RUNNING, { active: 0 }), stopped()),
    phase(600, 'convergence'),
  ];
  const early = judge(dataFollows, [...OWNED, ...events], 715);
  expect(early.sentences).toEqual([]);
  expect(early.run.pending).toEqual(['masters.1.stopped']);
  expect(judge(dataFollows, [...OWNED, ...events], 716).subjects).toEqual(['masters.stopped']);
});

function stopped(): RowChange {
  return announce(3, 'masters.1.stopped', { ...STARTED, active: false });
}

function sent(): HistoryEvent {
  return produce(5, 'master-b#1', 'masters.1.stopped', { ...STARTED, active: false });
}

describe('what somebody outside sees', () => {
  const WATCHED: HistoryEvent = { kind: 'watch', atUs: 0 };
  const CHANGED = commit(3, 'master-a#1', update('masters', RUNNING, { active: 0, incarnation: 2 }));

  function view(atS: number, word: string, state: Readonly<Record<string, unknown>>): HistoryEvent {
    return { kind: 'view', atUs: atS * 1_000_000, word, state };
  }

  function list(atS: number, latestId: number, total: number): HistoryEvent {
    return { kind: 'list', atUs: atS * 1_000_000, latestId, total };
  }

  /** What the two oracles in one say about the view alone. */
  function seen(...events: readonly HistoryEvent[]): readonly string[] {
    const rows = commit(1, 'master-a#1', insert('masters', RUNNING));
    const { sentences: found } = judge(dataFollows, [WATCHED, rows, ...events], 900);
    return found.filter((sentence) => /live view|a list/.test(sentence));
  }

  test('is right when it ends in the rows, however late', () => {
    expect(seen(view(200, 'masters', STARTED))).toEqual([]);
    expect(
      seen(
        view(2, 'masters', STARTED),
        CHANGED,
        view(500, 'masters', { ...STARTED, active: false, incarnation: 2 }),
      ),
    ).toEqual([]);
  });

  test('is wrong when something is missing or old in the end', () => {
    expect(seen()).toEqual(['the live view still lacks all of it of masters.1, committed at 1s']);
    expect(seen(view(2, 'masters', STARTED), CHANGED)).toEqual([
      'the live view still lacks active, incarnation of masters.1, committed at 3s',
    ]);
  });

  test('is not asked for what was committed just before the end', () => {
    const late = commit(890, 'master-a#1', update('masters', RUNNING, { active: 0 }));
    expect(seen(view(2, 'masters', STARTED), late)).toEqual([]);
  });

  test('never shows what nobody has committed, and never goes back', () => {
    expect(seen(view(2, 'masters', { ...STARTED, incarnation: 2 }))[0]).toMatch(/as nobody had committed it/);
    const back = [CHANGED, view(4, 'masters', { ...STARTED, incarnation: 2 }), view(5, 'masters', STARTED)];
    expect(seen(...back)[0]).toMatch(/^the live view of masters.1 went back/);
  });

  test('shows the owner of a scheduler as its link says', () => {
    const link = { schedulerid: 1, masterid: 1 };
    const rows = commit(
      2,
      'master-a#1',
      insert('schedulers', { ...FAST, revision: 1 }),
      insert('scheduler_masters', link),
    );
    const master = view(2, 'masters', STARTED);
    expect(seen(rows, master, view(3, 'schedulers', CLAIMED))).toEqual([]);
    expect(seen(rows, master, view(3, 'schedulers', { ...CLAIMED, masterid: null }))[0]).toMatch(
      /lacks masterid/,
    );
  });

  test('a list may be old, but is of one instant', () => {
    const request = (id: number): RowChange =>
      insert('buildrequests', { id, buildsetid: 1, builderid: 1, complete: 0 });
    const rows = [
      commit(2, 'master-a#1', request(7), request(8)),
      commit(3, 'master-a#1', request(12)),
      view(4, 'masters', STARTED),
      ...[7, 8, 12].map((buildrequestid) => view(4, 'buildrequests', { buildrequestid, complete: false })),
    ];
    expect(seen(...rows, list(4, 0, 0), list(4, 8, 2), list(4, 12, 3))).toEqual([]);
    expect(seen(...rows, list(4, 8, 3))).toEqual([
      'a list of 3 build requests up to 8, read at 4s, is of no instant',
    ]);
    expect(seen(...rows, list(4, 7, 1))).toHaveLength(1);
  });
});
