// The network alone: order, breaks, partitions, crashes, and that a run repeats itself.

import { describe, expect, test } from 'vitest';
import { Decisions } from '../../sim/kernel/decisions.js';
import { Kernel, type Process } from '../../sim/kernel/kernel.js';
import { Trace } from '../../sim/kernel/trace.js';
import { NETWORK_PROFILES, Network, type NetworkName, type Socket } from '../../sim/world/network.js';

const SECOND = 1_000_000;

/** Two or more nodes; every one listens on `echo` and notes what it hears as `<node> <what> @<ms>`. */
class TestWorld {
  readonly kernel: Kernel;
  readonly network: Network;
  readonly notes: string[] = [];
  readonly sockets = new Map<string, Socket>();

  constructor(
    profile: NetworkName = 'local',
    seed: string | null = null,
    drain: 'tick' | 'immediate' = 'tick',
  ) {
    const decisions = new Decisions(seed);
    this.kernel = new Kernel({ decisions, trace: new Trace(), drain, maxEvents: 100_000 });
    this.network = new Network(this.kernel, NETWORK_PROFILES[profile]);
    for (const name of ['a', 'b']) this.kernel.addNode(name, { offsetMs: 0, driftPpm: 0 });
  }

  note(node: string, what: string): void {
    this.notes.push(`${node} ${what} @${Math.floor(this.kernel.nowUs / 1000)}`);
  }

  start(name: string, listens = true): Process {
    return this.kernel.start(this.kernel.node(name), (process) => {
      if (listens) this.network.listen(process, 'echo', (socket) => this.hold(name, socket, 'accepts'));
    });
  }

  hold(name: string, socket: Socket, how: string): void {
    this.note(name, how);
    this.sockets.set(name, socket);
    socket.onData((data) => this.note(name, `hears ${data}`));
    socket.onClose((reason) => this.note(name, reason));
  }

  connect(from: string, to: string): void {
    const process = this.processOf(from);
    this.network.connect(process, to, 'echo', {
      onOpen: (socket) => this.hold(from, socket, 'opens'),
      onFail: (reason) => this.note(from, `fails ${reason}`),
    });
  }

  /** `action` at `atUs` as an event of the process of `name`. */
  as(name: string, atUs: number, action: () => void): void {
    this.kernel.at(atUs, () => this.kernel.atProcess(atUs, this.processOf(name), action));
  }

  send(name: string, atUs: number, data: string): void {
    this.as(name, atUs, () => this.sockets.get(name)?.send(data));
  }

  processOf(name: string): Process {
    const process = this.kernel.node(name).process;
    if (process === null) throw new Error(`${name} is down`);
    return process;
  }

  /** Nodes a and b up and connected by the time 10 ms. */
  static connected(profile: NetworkName = 'local', seed: string | null = null): TestWorld {
    const world = new TestWorld(profile, seed);
    world.start('a');
    world.start('b');
    world.as('a', 1_000, () => world.connect('a', 'b'));
    return world;
  }

  async run(seconds: number): Promise<readonly string[]> {
    await this.kernel.run(seconds * SECOND);
    return this.notes;
  }
}

describe('a stream', () => {
  test('carries messages both ways, and a close after them', async () => {
    const world = TestWorld.connected();
    world.send('a', 10_000, 'one');
    world.send('b', 11_000, 'two');
    world.as('b', 12_000, () => {
      world.sockets.get('b')?.send('last');
      world.sockets.get('b')?.close();
      world.sockets.get('b')?.send('too late');
    });
    const expected = [
      'b accepts @1',
      'a opens @1',
      'b hears one @10',
      'a hears two @11',
      'a hears last @12',
      'a closed @12',
    ];
    expect(await world.run(30)).toEqual(expected);
    expect(world.network.openStreams).toBe(0);
  });

  test('stays in order on a network that loses and reorders, for every seed', async () => {
    for (const seed of ['1', '2', '3']) {
      const world = TestWorld.connected('flaky', seed);
      const sent = Array.from({ length: 200 }, (_, i) => String(i));
      for (const data of sent) world.send('a', 5 * SECOND + Number(data) * 10_000, data);
      await world.run(30);
      const heard = world.notes
        .filter((note) => note.startsWith('b hears'))
        .map((note) => note.split(' ')[2]);
      expect(heard).toEqual(sent);
      expect(world.network.stats.lost).toBeGreaterThan(0);
      expect(world.network.stats.reordered).toBeGreaterThan(0);
    }
  });

  test('a run repeats itself, also under the other way of draining', async () => {
    const hashes = [];
    for (const drain of ['tick', 'immediate'] as const) {
      const world = new TestWorld('flaky', '5', drain);
      world.start('a');
      world.start('b');
      world.as('a', 1_000, () => world.connect('a', 'b'));
      for (let i = 0; i < 50; i++) world.send('a', 2 * SECOND + i * 777, `m${i}`);
      await world.run(20);
      hashes.push(world.kernel.trace.hash());
    }
    expect(hashes[0]).toBe(hashes[1]);
  });

  test('without a seed every segment takes the shortest time', async () => {
    const world = TestWorld.connected('flaky');
    for (let i = 0; i < 20; i++) world.send('a', SECOND + i * 1_000, 'x');
    await world.run(5);
    expect(world.network.stats).toMatchObject({ lost: 0, reordered: 0, duplicated: 0 });
  });

  test('a slow link delays its direction only', async () => {
    const world = TestWorld.connected();
    world.kernel.at(5_000, () => {
      const undo = world.network.slow('a', 'b', 40_000);
      world.kernel.at(100_000, undo);
    });
    world.send('a', 10_000, 'slow');
    world.send('b', 10_000, 'fast');
    world.send('a', 200_000, 'again');
    expect((await world.run(1)).slice(2)).toEqual([
      'a hears fast @10',
      'b hears slow @50',
      'b hears again @200',
    ]);
  });

  test('heavy loss shows as retransmissions', async () => {
    const world = TestWorld.connected('local', '9');
    world.kernel.at(5_000, () => world.network.setLoss('a', 'b', 1_000_000));
    world.send('a', 10_000, 'x');
    expect((await world.run(20)).slice(2)).toEqual(['b hears x @6210']);
    expect(world.network.stats.lost).toBe(5);
  });
});

describe('a partition', () => {
  test('shorter than the time-out only delays', async () => {
    const world = TestWorld.connected();
    world.kernel.at(SECOND, () => {
      const undo = world.network.block('a', 'b');
      world.kernel.at(4 * SECOND, undo);
    });
    world.send('a', 2 * SECOND, 'one');
    world.send('a', 4 * SECOND + 1_000, 'two');
    const heard = (await world.run(30)).slice(2);
    expect(heard.map((note) => note.split('@')[0])).toEqual(['b hears one ', 'b hears two ']);
    expect(Number(heard[0]?.split('@')[1])).toBeGreaterThanOrEqual(4_000);
  });

  test('longer than the time-out is found at both ends, each for itself, within 10 s', async () => {
    const world = TestWorld.connected('local', '3');
    world.kernel.at(SECOND, () => world.network.block('b', 'a'));
    world.send('a', 2 * SECOND, 'arrives');
    world.send('b', 2 * SECOND, 'does not');
    const notes = (await world.run(30)).slice(2);
    expect(notes[0]).toBe('b hears arrives @2000');
    const ends = notes.slice(1).map((note) => note.split(' @'));
    expect(ends.map(([what]) => what ?? '').sort((a, b) => (a < b ? -1 : 1))).toEqual([
      'a timeout',
      'b timeout',
    ]);
    for (const [, atMs] of ends) {
      expect(Number(atMs)).toBeGreaterThanOrEqual(9_000);
      expect(Number(atMs)).toBeLessThanOrEqual(11_000);
    }
  });

  test('blocks of two faults count separately', async () => {
    const world = TestWorld.connected();
    world.kernel.at(SECOND, () => {
      const first = world.network.block('a', 'b');
      const second = world.network.block('a', 'b');
      first();
      first();
      world.kernel.at(3 * SECOND, second);
    });
    world.send('a', 2 * SECOND, 'x');
    const heard = (await world.run(9)).slice(2);
    expect(heard).toHaveLength(1);
    expect(Number(heard[0]?.split('@')[1])).toBeGreaterThanOrEqual(3_000);
  });

  test('a cut connection is reset at both ends at once, and what was on its way is lost', async () => {
    const world = TestWorld.connected();
    world.send('a', SECOND, 'lost');
    world.kernel.at(SECOND + 10, () => expect(world.network.cut('b', 'a')).toBe(1));
    expect((await world.run(2)).slice(2)).toEqual(['a reset @1000', 'b reset @1000']);
    expect(world.network.openStreams).toBe(0);
  });
});

describe('a crash', () => {
  test('of a process resets its peers, after what it had sent', async () => {
    const world = TestWorld.connected();
    world.as('b', SECOND, () => {
      world.sockets.get('b')?.send('farewell');
      world.kernel.crash(world.kernel.node('b'), 'test');
      world.sockets.get('b')?.send('from the dead');
    });
    expect((await world.run(2)).slice(2)).toEqual(['a hears farewell @1000', 'a reset @1000']);
  });

  test('of a machine is noticed by silence only', async () => {
    const world = TestWorld.connected();
    world.kernel.at(SECOND, () => world.kernel.crash(world.kernel.node('b'), 'host power cut'));
    world.send('a', 2 * SECOND, 'into the void');
    expect((await world.run(30)).slice(2)).toEqual(['a timeout @11000']);
  });

  test('of a machine that is back soon is noticed when the peer sends again', async () => {
    const world = TestWorld.connected();
    world.kernel.at(SECOND, () => world.kernel.crash(world.kernel.node('b'), 'host power cut'));
    world.send('a', 2 * SECOND, 'into the void');
    world.kernel.at(4 * SECOND, () => void world.start('b'));
    const notes = (await world.run(30)).slice(2);
    expect(notes).toHaveLength(1);
    expect(notes[0]).toMatch(/^a reset @(4|5)\d\d\d$/);
  });

  test('of a machine that is back soon is noticed by keep-alive when nobody sends', async () => {
    const world = TestWorld.connected();
    world.kernel.at(SECOND, () => world.kernel.crash(world.kernel.node('b'), 'host power cut'));
    world.kernel.at(4 * SECOND, () => void world.start('b'));
    expect((await world.run(30)).slice(2)).toEqual(['a reset @11000']);
  });

  test('behind a partition leaves the connection half open until the silence is noticed', async () => {
    const world = TestWorld.connected();
    world.kernel.at(SECOND, () => {
      const undos = [world.network.block('a', 'b'), world.network.block('b', 'a')];
      world.kernel.at(3 * SECOND, () => undos.forEach((undo) => undo()));
    });
    world.kernel.at(2 * SECOND, () => world.kernel.crash(world.kernel.node('b'), 'test'));
    world.as('a', 5 * SECOND, () => expect(world.sockets.get('a')?.isOpen).toBe(true));
    expect((await world.run(30)).slice(2)).toEqual(['a reset @11000']);
  });
});

describe('a paused process', () => {
  test('keeps its connections; what arrives waits for it', async () => {
    const world = TestWorld.connected();
    world.kernel.at(SECOND, () => world.kernel.pause(world.kernel.node('b')));
    world.send('a', 2 * SECOND, 'one');
    world.send('a', 40 * SECOND, 'two');
    world.kernel.at(60 * SECOND, () => world.kernel.resume(world.kernel.node('b')));
    expect((await world.run(70)).slice(2)).toEqual(['b hears one @60000', 'b hears two @60000']);
  });

  test('hears of a break that happened meanwhile, after the data before it', async () => {
    const world = TestWorld.connected();
    world.kernel.at(SECOND, () => world.kernel.pause(world.kernel.node('b')));
    world.send('a', 2 * SECOND, 'one');
    world.kernel.at(3 * SECOND, () => world.kernel.crash(world.kernel.node('a'), 'test'));
    world.kernel.at(9 * SECOND, () => world.kernel.resume(world.kernel.node('b')));
    expect((await world.run(20)).slice(2)).toEqual(['b hears one @9000', 'b reset @9000']);
  });
});

describe('connecting', () => {
  test('to a node that runs no process, or nothing at that port, is refused', async () => {
    const world = new TestWorld();
    world.start('a');
    world.as('a', SECOND, () => world.connect('a', 'b'));
    world.kernel.at(2 * SECOND, () => void world.start('b', false));
    world.as('a', 3 * SECOND, () => world.connect('a', 'b'));
    expect(await world.run(5)).toEqual(['a fails refused @1000', 'a fails refused @3000']);
  });

  test('to a machine that is down or cut off fails after 10 s', async () => {
    const world = new TestWorld();
    world.start('a');
    world.start('b');
    world.kernel.at(SECOND, () => world.network.block('b', 'a'));
    world.as('a', 2 * SECOND, () => world.connect('a', 'b'));
    expect(await world.run(30)).toEqual(['a fails timeout @12000']);
  });

  test('gets through when the partition ends in time', async () => {
    const world = new TestWorld();
    world.start('a');
    world.start('b');
    world.kernel.at(SECOND, () => {
      const undo = world.network.block('a', 'b');
      world.kernel.at(4 * SECOND, undo);
    });
    world.as('a', 2 * SECOND, () => world.connect('a', 'b'));
    expect(await world.run(30)).toEqual(['b accepts @5000', 'a opens @5000']);
  });

  test('that was cancelled calls nobody', async () => {
    const world = new TestWorld();
    world.start('a');
    world.start('b');
    world.as('a', SECOND, () => {
      const handlers = { onOpen: () => world.note('a', 'opens'), onFail: () => world.note('a', 'fails') };
      const attempt = world.network.connect(world.processOf('a'), 'b', 'echo', handlers);
      world.kernel.atProcess(SECOND + 70, world.processOf('a'), () => attempt.cancel());
    });
    expect(await world.run(30)).toEqual(['b accepts @1000', 'b closed @1000']);
  });
});
