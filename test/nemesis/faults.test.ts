import { expect, test } from 'vitest';
import { faultOfKind } from '../../sim/nemesis/index.js';
import { SmallWorld } from './small-world.js';

type Undo = () => void;

function struck(undo: Undo | null): Undo {
  if (undo === null) throw new Error('there was nothing to strike');
  return undo;
}

function state(world: SmallWorld, node: string): string {
  const { state: now, incarnation } = world.kernel.node(node);
  return `${now} ${incarnation}`;
}

test.each(['crash', 'host-crash'])(
  '%s takes a master down once, and its undo starts the next process',
  (kind) =>
    SmallWorld.with(async (world) => {
      await world.until(10);
      const undo = struck(world.strike(kind, 'master-a'));
      expect(state(world, 'master-a')).toBe('down 1');
      expect(world.network.isHostDown('master-a')).toBe(kind === 'host-crash');
      await world.until(30);
      expect(world.strike(kind, 'master-a')).toBeNull();
      undo();
      undo();
      expect(state(world, 'master-a')).toBe('up 2');
      await world.until(40);
      expect(world.delaysMs('master-a>db', 31)).not.toHaveLength(0);
    }),
);

test('the undo of a crash leaves a master alone that somebody else has started', () =>
  SmallWorld.with(async (world) => {
    await world.until(10);
    const undo = struck(world.strike('crash', 'master-a'));
    world.startMaster('master-a');
    const later = struck(world.strike('crash', 'master-a'));
    undo();
    expect(state(world, 'master-a')).toBe('down 2');
    later();
    expect(state(world, 'master-a')).toBe('up 3');
  }));

test('pause stops a process and its undo lets the same process go on', () =>
  SmallWorld.with(async (world) => {
    await world.until(10);
    const undo = struck(world.strike('pause', 'master-a'));
    expect(state(world, 'master-a')).toBe('paused 1');
    expect(world.strike('pause', 'master-a')).toBeNull();
    await world.until(20);
    expect(world.delaysMs('master-a>db', 10.2)).toEqual([]);
    undo();
    expect(state(world, 'master-a')).toBe('up 1');
    await world.until(21);
    expect(world.delaysMs('master-a>db', 20)).not.toHaveLength(0);
  }));

test('the undo of a pause does not resume a later process that is paused itself', () =>
  SmallWorld.with(async (world) => {
    await world.until(10);
    const undo = struck(world.strike('pause', 'master-a'));
    struck(world.strike('crash', 'master-a'))();
    const later = struck(world.strike('pause', 'master-a'));
    undo();
    expect(state(world, 'master-a')).toBe('paused 2');
    later();
    expect(state(world, 'master-a')).toBe('up 2');
  }));

test('a master stopped cleanly is started again when its stop is complete, also when the undo comes earlier', () =>
  SmallWorld.with(async (world) => {
    await world.until(10);
    const undo = struck(world.strike('stop', 'master-a'));
    await world.until(11);
    undo();
    expect(state(world, 'master-a')).toBe('up 1');
    await world.until(15);
    expect(state(world, 'master-a')).toBe('up 2');
    const slow = struck(world.strike('stop', 'master-a'));
    await world.until(30);
    expect(state(world, 'master-a')).toBe('down 2');
    slow();
    expect(state(world, 'master-a')).toBe('up 3');
  }));

test.each([
  ['partition-database', {}, ['master-a>db', 'db>master-a']],
  ['partition-router', {}, ['master-a>router', 'router>master-a']],
  ['partition-all', {}, ['master-a>db', 'db>master-a', 'master-a>router', 'router>master-a']],
  ['one-way-database', { lost: 'from-master' }, ['master-a>db']],
  ['one-way-database', { lost: 'to-master' }, ['db>master-a']],
  ['one-way-router', { lost: 'from-master' }, ['master-a>router']],
  ['one-way-router', { lost: 'to-master' }, ['router>master-a']],
] as const)('%s %j blocks its directions and no other, until it is undone', (kind, params, blocked) =>
  SmallWorld.with(async (world) => {
    const links = [
      'master-a>db',
      'db>master-a',
      'master-a>router',
      'router>master-a',
      'master-b>db',
      'router>master-b',
    ];
    await world.until(10);
    const undo = struck(world.strike(kind, 'master-a', params));
    await world.until(15);
    expect(links.filter((link) => world.delaysMs(link, 10.2).length === 0)).toEqual(blocked);
    undo();
    await world.until(40);
    expect(links.filter((link) => world.delaysMs(link, 35).length === 0)).toEqual([]);
  }),
);

test.each([
  ['cut-database', 'db'],
  ['cut-router', 'router'],
])('%s resets the connections of one master to one peer, which can be made again', (kind, peer) =>
  SmallWorld.with(async (world) => {
    expect(world.strike(kind, 'master-a')).toBeNull();
    await world.until(10);
    struck(world.strike(kind, 'master-a'))();
    await world.until(12);
    expect(world.closed).toEqual([`${peer} reset`]);
    expect(world.delaysMs(`master-a>${peer}`, 11.2)).not.toHaveLength(0);
  }),
);

test.each([
  ['database', 'db', 'router'],
  ['router', 'router', 'db'],
])('slow-link delays both directions to the %s', (peer, slow, fast) =>
  SmallWorld.with(async (world) => {
    await world.until(10);
    const undo = struck(world.strike('slow-link', 'master-a', { peer, extraMs: 500 }));
    await world.until(15);
    undo();
    for (const link of [`master-a>${slow}`, `${slow}>master-a`]) {
      const [first = 0] = world.delaysMs(link, 10.2);
      expect(first).toBeGreaterThanOrEqual(500);
    }
    expect(Math.max(...world.delaysMs(`master-a>${fast}`, 0))).toBeLessThan(10);
    await world.until(20);
    expect(Math.max(...world.delaysMs(`master-a>${slow}`, 16))).toBeLessThan(10);
  }),
);

test.each([
  ['message-drop', '', { ppm: 1_000_000 }],
  ['message-duplicate', '', { ppm: 1_000_000 }],
  ['message-delay', '', { ppm: 1_000_000, maxDelayMs: 20_000 }],
  ['message-reorder', '', { ppm: 1_000_000, scope: 'any-topic' }],
  ['lost-subscription', 'master-b', { of: 'everything' }],
  ['slow-consumer', 'master-b', { intervalMs: 5_000 }],
])(
  '%s hits nothing before the first message, each one after it, and none once it is undone',
  (kind, target, params) =>
    SmallWorld.with(async (world) => {
      expect(faultOfKind(kind).hasHits).toBe(true);
      await world.until(10.5);
      const undo = struck(world.strike(kind, target, params));
      expect(world.hits).toBe(0);
      await world.until(20.5);
      undo();
      const hits = world.hits;
      // The first message to a slow consumer has nobody before it.
      expect(hits).toBe(kind === 'slow-consumer' ? 9 : 10);
      await world.until(30.5);
      expect(world.hits).toBe(hits);
    }),
);

test('message-drop loses messages, and its undo ends that', () =>
  SmallWorld.with(async (world) => {
    await world.until(10.5);
    const undo = struck(world.strike('message-drop', '', { ppm: 1_000_000 }));
    const before = world.messages.length;
    await world.until(20.5);
    expect(world.messages).toHaveLength(before);
    undo();
    await world.until(30.5);
    expect(world.messages.length - before).toBe(10);
  }));

test('message-duplicate doubles messages, and its undo ends that', () =>
  SmallWorld.with(async (world) => {
    await world.until(10.5);
    const before = world.messages.length;
    const undo = struck(world.strike('message-duplicate', '', { ppm: 1_000_000 }));
    await world.until(22.5);
    undo();
    await world.until(24);
    const numbers = world.messages.slice(before).map(({ number }) => number);
    expect(numbers.length - new Set(numbers).size).toBe(12);
  }));

test('message-delay makes messages late and out of order, and its undo ends that', () =>
  SmallWorld.with(async (world) => {
    await world.until(10.5);
    const undo = struck(world.strike('message-delay', '', { ppm: 1_000_000, maxDelayMs: 20_000 }));
    await world.until(40.5);
    undo();
    await world.until(70.5);
    const numbers = world.messages.map(({ number }) => number);
    const sorted = [...numbers].sort((left, right) => left - right);
    expect(numbers).not.toEqual(sorted);
    expect(new Set(numbers).size).toBe(numbers.length);
    expect(world.messages.at(-1)?.atS).toBeCloseTo(70, 0);
  }));

test.each(['same-topic', 'any-topic'])(
  'message-reorder lets messages be overtaken (%s), and loses none',
  (scope) =>
    SmallWorld.with(async (world) => {
      await world.until(10.5);
      const undo = struck(world.strike('message-reorder', '', { ppm: 500_000, scope }));
      await world.until(40.5);
      undo();
      await world.until(60.5);
      const numbers = world.messages.map(({ number }) => number);
      const sorted = [...numbers].sort((left, right) => left - right);
      expect(numbers).not.toEqual(sorted);
      expect(sorted).toEqual([...sorted.keys()].map((index) => index + (sorted[0] ?? 0)));
      const latest = world.messages.filter(({ atS }) => atS > 47).map(({ number }) => number);
      expect(latest).toEqual([...latest].sort((left, right) => left - right));
    }),
);

test('lost-subscription keeps messages from one master, until its undo', () =>
  SmallWorld.with(async (world) => {
    await world.until(10.5);
    const undo = struck(world.strike('lost-subscription', 'master-b', { of: 'everything' }));
    struck(world.strike('lost-subscription', 'master-b', { of: 'changes' }));
    const before = world.messages.length;
    await world.until(20.5);
    expect(world.messages).toHaveLength(before);
    undo();
    await world.until(30.5);
    expect(world.messages.length - before).toBe(10);
  }));

test('lost-subscription ends with the connection, and needs a router and a master that are up', () =>
  SmallWorld.with(async (world) => {
    await world.until(10.5);
    const undo = struck(world.strike('lost-subscription', 'master-b', { of: 'everything' }));
    await world.until(20.5);
    const before = world.messages.length;
    struck(world.strike('cut-router', 'master-b'));
    await world.until(32.5);
    expect(world.messages.length - before).toBeGreaterThanOrEqual(10);
    undo();
    struck(world.strike('crash', 'master-b'));
    expect(world.strike('lost-subscription', 'master-b', { of: 'everything' })).toBeNull();
    struck(world.strike('router-restart', ''));
    expect(world.strike('lost-subscription', 'master-a', { of: 'everything' })).toBeNull();
  }));

test('slow-consumer lets a backlog grow, which comes in order and in full', () =>
  SmallWorld.with(async (world) => {
    await world.until(10.5);
    const undo = struck(world.strike('slow-consumer', 'master-b', { intervalMs: 5_000 }));
    const before = world.messages.length;
    await world.until(30.5);
    expect(world.messages.length - before).toBe(4);
    undo();
    await world.until(150.5);
    const numbers = world.messages.map(({ number }) => number);
    expect(numbers).toEqual([...numbers.keys()].map((index) => index + (numbers[0] ?? 0)));
    expect(world.messages.at(-1)?.atS).toBeCloseTo(150, 0);
  }));

test.each([
  ['router', 'reset'],
  ['master', 'timeout'],
])('half-open-router ends a connection at the side of the %s alone', (side, reason) =>
  SmallWorld.with(async (world) => {
    expect(world.strike('half-open-router', 'master-a', { side })).toBeNull();
    await world.until(10);
    struck(world.strike('half-open-router', 'master-a', { side }))();
    await world.until(12);
    // The master sends ten times a second, so it soon hears that the router knows nothing of the connection.
    expect(world.closed).toEqual([`router ${reason}`]);
    expect(world.delaysMs('master-a>router', 11.2)).not.toHaveLength(0);
  }),
);

test('clock-step moves the wall clock alone, and its undo sets it right', () =>
  SmallWorld.with(async (world) => {
    await world.until(10);
    const monotonicMs = world.monotonicMs('master-a');
    const undo = struck(world.strike('clock-step', 'master-a', { deltaMs: -7_200_000 }));
    expect(world.wallErrorMs('master-a')).toBe(-7_200_000);
    expect(world.monotonicMs('master-a')).toBe(monotonicMs);
    expect(world.wallErrorMs('master-b')).toBe(0);
    undo();
    expect(world.wallErrorMs('master-a')).toBe(0);
  }));

test('clock-drift changes the rate of both clocks, and its undo the rate back', () =>
  SmallWorld.with(async (world) => {
    await world.until(10);
    const undo = struck(world.strike('clock-drift', 'master-a', { ppm: 10_000 }));
    await world.until(110);
    undo();
    expect(world.wallErrorMs('master-a')).toBe(1_000);
    await world.until(210);
    expect(world.wallErrorMs('master-a')).toBe(1_000);
    expect(world.monotonicMs('master-a')).toBe(world.monotonicMs('master-b') - 60_000 + 1_000);
  }));

test('router-restart and database-restart take the server down, and their undo starts it again', () =>
  SmallWorld.with(async (world) => {
    await world.until(10);
    for (const [kind, node, at] of [
      ['router-restart', 'router', 10],
      ['database-restart', 'db', 40],
    ] as const) {
      const undo = struck(world.strike(kind, ''));
      expect(state(world, node)).toBe('down 1');
      expect(world.strike(kind, '')).toBeNull();
      await world.until(at + 10);
      undo();
      expect(state(world, node)).toBe('up 2');
      await world.until(at + 30);
      expect(world.delaysMs(`master-a>${node}`, at + 20)).not.toHaveLength(0);
    }
    expect(world.statementsMs('master-a', 60)).not.toHaveLength(0);
  }));

test('slow-database delays statements, and its undo ends that; a server that is down is not slow', () =>
  SmallWorld.with(async (world) => {
    await world.until(10);
    const undo = struck(world.strike('slow-database', '', { extraMs: 2_000 }));
    await world.until(20);
    expect(Math.min(...world.statementsMs('master-a', 10.1))).toBeGreaterThanOrEqual(2_000);
    undo();
    await world.until(30);
    expect(Math.max(...world.statementsMs('master-a', 21))).toBeLessThan(100);
    struck(world.strike('database-restart', ''));
    expect(world.strike('slow-database', '', { extraMs: 2_000 })).toBeNull();
  }));

test('database-outage ends all sessions and lets none in, until it is undone', () =>
  SmallWorld.with(async (world) => {
    await world.until(10);
    const undo = struck(world.strike('database-outage', ''));
    await world.until(20);
    expect(world.statementsMs('master-a', 10.1)).toEqual([]);
    expect(state(world, 'db')).toBe('up 1');
    undo();
    await world.until(30);
    expect(world.statementsMs('master-a', 20)).not.toHaveLength(0);
  }));

test.each([
  ['commit-cut', { ppm: 50_000, when: 'before' }],
  ['commit-failure', { ppm: 50_000, error: 'deadlock' }],
  ['commit-stall', { ppm: 100_000, maxMs: 10 }],
  ['lock-hold', { lock: 'inbox' }],
  ['session-limit', { most: 1 }],
  ['database-outage', {}],
])('%s strikes a server that is up, and no other', (kind, params) =>
  SmallWorld.with(async (world) => {
    await world.until(1);
    struck(world.strike(kind, '', params))();
    struck(world.strike('database-restart', ''));
    expect(world.strike(kind, '', params)).toBeNull();
  }),
);

test('lock-hold finds no schedulers to lock where there are none', () =>
  SmallWorld.with(async (world) => {
    await world.until(1);
    expect(world.strike('lock-hold', '', { lock: 'schedulers' })).toBeNull();
  }));

test('database-clock moves the wall clock of the server and nothing else, and moves it back', () =>
  SmallWorld.with(async (world) => {
    await world.until(10);
    const undo = struck(world.strike('database-clock', '', { deltaMs: 3_600_000 }));
    expect(world.wallErrorMs('db')).toBe(3_600_000);
    expect(world.wallErrorMs('master-a')).toBe(0);
    undo();
    expect(world.wallErrorMs('db')).toBe(0);
  }));

test('pause-in-transaction waits for a transaction; without one its undo only disarms it', () =>
  SmallWorld.with(async (world) => {
    await world.until(10);
    const undo = struck(world.strike('pause-in-transaction', 'master-a'));
    await world.until(20);
    expect(state(world, 'master-a')).toBe('up 1');
    const { driver, process } = world.driverOf('master-a');
    world.kernel.atProcess(world.kernel.nowUs, process, () => {
      void driver.open().then((session) => session.run([{ sql: 'BEGIN', values: [] }]));
    });
    await world.until(21);
    expect(state(world, 'master-a')).toBe('paused 1');
    undo();
    expect(state(world, 'master-a')).toBe('up 1');
  }));

test('cold-start takes all masters down, and its undo starts them one after the other, in the order that it was given', () =>
  SmallWorld.with(async (world) => {
    await world.until(10);
    const undo = struck(world.strike('cold-start', '', { staggerS: 7, first: 1 }));
    expect([state(world, 'master-a'), state(world, 'master-b')]).toEqual(['down 1', 'down 1']);
    expect(world.strike('cold-start', '', { staggerS: 7, first: 1 })).toBeNull();
    await world.until(30);
    undo();
    expect([state(world, 'master-a'), state(world, 'master-b')]).toEqual(['down 1', 'up 2']);
    await world.until(38);
    expect([state(world, 'master-a'), state(world, 'master-b')]).toEqual(['up 2', 'up 2']);
  }));

test('cold-start leaves those alone that were down before', () =>
  SmallWorld.with(async (world) => {
    await world.until(10);
    struck(world.strike('crash', 'master-a'));
    const undo = struck(world.strike('cold-start', '', { staggerS: 0, first: 0 }));
    undo();
    expect([state(world, 'master-a'), state(world, 'master-b')]).toEqual(['down 1', 'up 2']);
  }));

test('rolling-restart stops the masters in turn, and starts each as soon as it has stopped', () =>
  SmallWorld.with(async (world) => {
    await world.until(10);
    struck(world.strike('rolling-restart', '', { gapS: 10 }));
    await world.until(15);
    expect([state(world, 'master-a'), state(world, 'master-b')]).toEqual(['up 2', 'up 1']);
    await world.until(25);
    expect([state(world, 'master-a'), state(world, 'master-b')]).toEqual(['up 2', 'up 2']);
  }));

test('the undo of a rolling-restart spares those whose turn has not come', () =>
  SmallWorld.with(async (world) => {
    await world.until(10);
    struck(world.strike('rolling-restart', '', { gapS: 10 }))();
    await world.until(30);
    expect([state(world, 'master-a'), state(world, 'master-b')]).toEqual(['up 2', 'up 1']);
  }));

test('second-process starts one more process beside a master, once, and its undo kills it', () =>
  SmallWorld.with(async (world) => {
    await world.until(10);
    const undo = struck(world.strike('second-process', 'master-a'));
    expect(world.strike('second-process', 'master-a')).toBeNull();
    expect([state(world, 'master-a'), state(world, 'master-a-second')]).toEqual(['up 1', 'up 1']);
    undo();
    expect([state(world, 'master-a'), state(world, 'master-a-second')]).toEqual(['up 1', 'down 1']);
    expect(world.strike('second-process', 'master-a')).not.toBeNull();
  }));

test('strikes and undos are in the trace, each once, and so is a strike without effect', () =>
  SmallWorld.with(async (world) => {
    await world.until(1);
    const undo = struck(world.strike('slow-link', 'master-a', { extraMs: 10, peer: 'router' }));
    await world.until(2);
    undo();
    undo();
    struck(world.strike('pause', 'master-a'));
    world.strike('pause', 'master-a');
    const traced = world.trace.tail(1_000).filter(({ kind }) => kind === 'fault');
    expect(traced.map(({ atUs, node, detail }) => `${atUs} ${node} ${detail}`)).toEqual([
      '1000000 master-a strike slow-link peer=router extraMs=10',
      '2000000 master-a undo slow-link peer=router extraMs=10',
      '2000000 master-a strike pause',
      '2000000 master-a strike pause',
      '2000000 master-a nothing to strike: pause',
    ]);
  }));

test('a strike checks its fault like a plan is checked', () =>
  SmallWorld.with((world) => {
    expect(() => world.strike('clock-drift', 'master-a', { ppm: 0.5 })).toThrow(/expected|needs as 'ppm'/);
    expect(() => world.strike('pause', 'db')).toThrow(
      "needs as its target one of master-a, master-b, got 'db'",
    );
    return Promise.resolve();
  }));

test('what impairs whom is told for health', () => {
  const planned = { kind: '', atMs: 0, durationMs: 1, target: 'master-a', params: {} };
  const masters = ['master-a', 'master-b'];
  expect(faultOfKind('pause').impairs(planned, masters)).toEqual(['master-a']);
  expect(faultOfKind('database-restart').impairs({ ...planned, target: '' }, masters)).toEqual(masters);
  expect(faultOfKind('clock-step').impairs(planned, masters)).toEqual([]);
});

test('replica-lag keeps commits from the replica for so long, and its undo lets it catch up; without one nothing is struck', () =>
  SmallWorld.withReplica(async (world, replica) => {
    const add = async (id: number): Promise<void> => {
      const { driver, process } = world.driverOf('master-a');
      const statement = { sql: 'INSERT INTO sequences (name, next_id) VALUES (?, 1)', values: [`n${id}`] };
      world.kernel.atProcess(world.kernel.nowUs, process, () => {
        void driver.open().then((session) => session.run([statement]));
      });
    };
    const seen = (): number =>
      replica.server.query("SELECT name FROM sequences WHERE name LIKE 'n%'").rows.length;
    await world.until(10);
    await add(1);
    await world.until(11);
    expect([seen(), replica.lateCommits]).toEqual([1, 0]);
    const undo = struck(world.strike('replica-lag', '', { lagMs: 20_000, slowMs: 0 }));
    const milder = struck(world.strike('replica-lag', '', { lagMs: 1_000, slowMs: 0 }));
    await add(2);
    await world.until(29);
    expect(seen()).toBe(1);
    await world.until(32);
    expect([seen(), replica.lateCommits]).toEqual([2, 1]);
    await add(3);
    await world.until(34);
    undo();
    milder();
    await world.until(35);
    expect(seen()).toBe(3);
    await SmallWorld.with(async (other) => {
      expect(other.strike('replica-lag', '', { lagMs: 1_000, slowMs: 0 })).toBeNull();
    });
  }));
