import { describe, expect, test } from 'vitest';
import type { HistoryEvent } from '../../sim/oracles/history.js';
import { queueContract } from '../../sim/oracles/queue-contract.js';
import {
  commit,
  consume,
  deliver,
  eventRow,
  health,
  insert,
  judge,
  life,
  produce,
  remove,
  seconds,
  take,
} from './story.js';

/** Both masters are healthy from 1 s on; consumer 7 of master-b hears of new changes from 2 s on. */
const CALM: readonly HistoryEvent[] = [
  health(1, 'master-a', true),
  health(1, 'master-b', true),
  consume(2, 'master-b#1', 'asked'),
  consume(2, 'master-b#1', 'started'),
];
const MISSED =
  'the consumer of changes.*.new on master-b#1 did not get changes.17.new, which master-a#1 produced at 1m40s, ' +
  'within a minute, and was not told that it may have missed it';

function sentences(...events: readonly HistoryEvent[]): readonly string[] {
  return judge(queueContract, [...CALM, ...events], 900).sentences;
}

describe('consumers', () => {
  test('get what they asked for', () => {
    const events = [
      ...CALM,
      produce(100, 'master-a#1', 'changes.17.new'),
      deliver(100.1, 'master-b#1', 7, 'changes.17.new'),
      consume(101, 'master-b#1', 'stopping'),
      consume(101, 'master-b#1', 'stopped'),
      produce(102, 'master-a#1', 'changes.18.new'),
    ];
    const { sentences: found, run } = judge(queueContract, events, 900);
    expect(found).toEqual([]);
    expect(run.checks).toBe(2);
  });

  test('a key that the filter does not match is a violation', () => {
    for (const key of ['changes.17.gone', 'changes.17.x.new', 'changes.new'])
      expect(sentences(deliver(100, 'master-b#1', 7, key))).toEqual([
        `master-b#1 delivered ${key} at 1m40s to a consumer whose filter is changes.*.new`,
      ]);
  });

  test('a delivery after stopConsuming was called is a violation, and so is one to a subscription that failed', () => {
    const late = ['master-b#1 delivered changes.17.new at 1m40.1s to a consumer that had been stopped'];
    const delivery = deliver(100.1, 'master-b#1', 7, 'changes.17.new');
    expect(sentences(consume(100, 'master-b#1', 'stopping'), delivery)).toEqual(late);
    expect(sentences(consume(100, 'master-b#1', 'stopped'), delivery)).toEqual(late);
  });

  test('what was under way may arrive while a consumer starts', () => {
    const asked = consume(99, 'master-b#1', 'asked', 8);
    expect(sentences(asked, deliver(99.5, 'master-b#1', 8, 'changes.16.new'))).toEqual([]);
  });

  test('a message that one of two consumers misses after the other has stopped is a violation', () => {
    const events = [
      consume(3, 'master-b#1', 'asked', 8),
      consume(3, 'master-b#1', 'started', 8),
      consume(90, 'master-b#1', 'stopping', 8),
      produce(100, 'master-a#1', 'changes.17.new'),
    ];
    expect(sentences(...events, life(161, 'master-a#1', 'clock'))).toEqual([MISSED]);
    expect(judge(queueContract, [...CALM, ...events], 160).run.pending).toEqual([
      'changes.17.new to master-b#1',
    ]);
    expect(judge(queueContract, [...CALM, ...events], 161).subjects).toEqual(['changes.*.new']);
  });

  test('each of two equal messages is owed', () => {
    const twice = [
      produce(100, 'master-a#1', 'changes.17.new'),
      produce(100, 'master-a#1', 'changes.17.new'),
    ];
    expect(sentences(...twice, deliver(101, 'master-b#1', 7, 'changes.17.new'))).toEqual([MISSED]);
  });

  test('of two equal messages the one that is missing may be that of either producer', () => {
    const ready = [health(1, 'master-c', true)];
    const twice = [
      produce(100, 'master-a#1', 'changes.17.new'),
      produce(100, 'master-c#1', 'changes.17.new'),
      deliver(100.1, 'master-b#1', 7, 'changes.17.new'),
    ];
    const [missed] = sentences(...ready, ...twice);
    expect(missed).toContain('which master-c#1 or master-a#1 produced at 1m40s');
    for (const node of ['master-a', 'master-c'])
      expect(sentences(...ready, ...twice, reconnect(110, node))).toEqual([]);
  });

  test.each<[string, HistoryEvent]>([
    ['the consumer is told that it may have missed something', reconnect(110, 'master-b')],
    ['the producer lost its connection', reconnect(110, 'master-a')],
    ['a fault at the router dropped or delayed it', lost(110, 'master-b')],
    ['the process of the consumer ends', life(110, 'master-b#1', 'crash')],
    ['the consumer is disturbed', health(110, 'master-b', false)],
    ['the producer is disturbed', health(110, 'master-a', false)],
    ['the consumer stops', consume(110, 'master-b#1', 'stopping')],
  ])('nothing is owed any more when %s', (_, event) => {
    expect(sentences(produce(100, 'master-a#1', 'changes.17.new'), event)).toEqual([]);
  });

  test('what became of another message, or of another node, excuses nothing', () => {
    const message = produce(100, 'master-a#1', 'changes.17.new');
    for (const event of [
      lost(110, 'master-c'),
      lost(110, 'master-b', 'changes.18.new'),
      reconnect(110, 'master-c'),
    ])
      expect(sentences(message, event)).toEqual([MISSED]);
  });

  test('nothing is owed within a minute of a disturbance, and all is after it', () => {
    const restart = [health(50, 'master-b', false), health(55, 'master-b', true)];
    expect(sentences(...restart, produce(100, 'master-a#1', 'changes.17.new'))).toEqual([]);
    expect(sentences(...restart, produce(120, 'master-a#1', 'changes.17.new'))).toHaveLength(1);
  });
});

describe('durable queues', () => {
  const REGISTERED = commit(
    5,
    'master-a#1',
    insert('queues', { id: 3, name: 'q', filter: '["changes",null,"new"]' }),
  );
  const queued = (id: number, n: number, queueid = 3) =>
    insert('queue_messages', { id, queueid, routing_key: `["changes","${n}","new"]`, body: `{"n":${n}}` });
  const announced = (n: number) => insert('events', eventRow(n, `changes.${n}.new`, { n }));
  const two = [
    REGISTERED,
    commit(10, 'master-a#1', announced(1), queued(11, 1)),
    commit(20, 'master-b#1', announced(2), queued(12, 2)),
  ];

  test('get what is announced, and give it out in order, again after a failure', () => {
    const taken = [11, 12, 11, 12].map((id, i) => take(30 + i, 'master-a#1', id));
    const [message] = [queued(11, 1)];
    const acknowledged = commit(40, 'master-a#1', remove('queue_messages', message?.row ?? {}));
    const events = [...two, ...taken, acknowledged, take(41, 'master-a#1', 11), take(42, 'master-b#1', 12)];
    const { sentences: found, run } = judge(queueContract, [...CALM, ...events], 900);
    expect(found).toEqual([]);
    expect(run.checks).toBe(8);
  });

  test('an announcement that a queue does not get is a violation', () => {
    expect(sentences(REGISTERED, commit(10, 'master-a#1', announced(1)))).toEqual([
      'queue q did not get 3 ["changes","1","new"] {"n":1} at 10s',
    ]);
  });

  test('what was announced before a queue was registered is not its own', () => {
    expect(sentences(commit(4, 'master-a#1', announced(1)), REGISTERED)).toEqual([]);
  });

  test('a message that is queued twice, or without having been announced, is a violation', () => {
    expect(
      sentences(REGISTERED, commit(10, 'master-a#1', announced(1), queued(11, 1), queued(12, 1))),
    ).toEqual([
      'queue q got, which was not announced to it, or got twice, message 12 (["changes","1","new"]) at 10s',
    ]);
    expect(sentences(REGISTERED, commit(10, 'master-a#1', queued(11, 1)))).toHaveLength(1);
  });

  test('messages whose ids are not in the order of their commits are a violation', () => {
    expect(sentences(...two, commit(25, 'master-a#1', announced(3), queued(9, 3)))).toEqual([
      'queue q got after message 12, and so out of order, message 9 (["changes","3","new"]) at 25s',
    ]);
  });

  test('a new message before one that waited is a violation', () => {
    expect(sentences(...two, take(30, 'master-a#1', 12))).toEqual([
      'master-a#1 took message 12 of queue q before message 11, which had been committed earlier at 30s',
    ]);
    expect(sentences(...two, take(30, 'master-a#1', 11), take(31, 'master-b#1', 12))).toHaveLength(1);
  });

  test('a new process begins at the front, and so may its successor', () => {
    const first = [take(30, 'master-a#1', 11), take(31, 'master-a#1', 12), life(32, 'master-a#1', 'crash')];
    expect(sentences(...two, ...first, take(40, 'master-a#2', 11), take(41, 'master-a#2', 12))).toEqual([]);
  });

  test('a message that was acknowledged long ago is not given out again', () => {
    const gone = commit(40, 'master-a#1', remove('queue_messages', queued(11, 1).row ?? {}));
    const later = commit(130, 'master-a#1', remove('queue_messages', queued(12, 2).row ?? {}));
    expect(sentences(...two, gone, take(90, 'master-b#1', 11))).toEqual([]);
    expect(sentences(...two, gone, later, take(140, 'master-b#1', 11))).toEqual([
      'master-b#1 took message 11 of queue q which it has not held for a minute at 2m20s',
    ]);
  });
});

function reconnect(atS: number, node: string): HistoryEvent {
  return { kind: 'reconnect', atUs: seconds(atS), node, incarnation: 1 };
}

function lost(atS: number, node: string, key = 'changes.17.new'): HistoryEvent {
  return { kind: 'lost', atUs: seconds(atS), node, key: key.split('.') };
}
