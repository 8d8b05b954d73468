// What every implementation of the message queue port must do. A suite for an implementation is a call with `run`, which
// gives a body a fresh queue, already started, in an environment of its own, and settles as the body does.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { StandinError } from '../../src/core/errors.js';
import type { JsonObject } from '../../src/core/json.js';
import { matches, type Filter, type RoutingKey } from '../../src/core/routing-key.js';
import type { MessageCallback, MessageQueue, QueueReference } from '../../src/mq/message-queue.js';

/** What the suite needs of an environment. */
export interface QueueEnvironment {
  readonly queue: MessageQueue;
  /** Resolves when that much time has passed, on the clock of the environment. */
  waitMs(delayMs: number): Promise<void>;
  /** Resolves when what the queue was given to send has been delivered to its consumers, and their callbacks were called. */
  arrived(): Promise<void>;
  /** What was logged at level warning or above. */
  readonly complaints: readonly string[];
}

export type RunWithQueue = (body: (environment: QueueEnvironment) => Promise<void>) => Promise<void>;

class Inbox {
  readonly messages: string[] = [];
  readonly receive: MessageCallback = (key, body) => {
    this.messages.push(`${key.join('/')} ${JSON.stringify(body)}`);
  };
}

const word = fc.constantFrom('changes', 'new', '12', '', '.', 'a.b', '*', 'Ä_\ud83d\ude00', '\ud800');
const anyKey: fc.Arbitrary<RoutingKey> = fc.array(word, { minLength: 1, maxLength: 3 });
const anyFilter: fc.Arbitrary<Filter> = fc.array(fc.option(word), { minLength: 1, maxLength: 3 });

/** Defines the suite; `runs`: how many random sequences. */
export function messageQueueSuite(name: string, run: RunWithQueue, runs = 50): void {
  describe(name, () => {
    deliverySuite(run);
    isolationSuite(run);
    stoppingSuite(run);
    waitingSuite(run);
    randomSuite(run, runs);
  });
}

function deliverySuite(run: RunWithQueue): void {
  test('delivers key and body of what the filter matches, and nothing else', () =>
    run(async ({ queue, arrived }) => {
      const inbox = new Inbox();
      await queue.startConsuming(inbox.receive, ['changes', null, 'new']);
      queue.produce(['changes', '12', 'new'], { author: 'é', files: ['a'], when: null });
      queue.produce(['changes', '12', 'old'], {});
      queue.produce(['changes', 'new'], {});
      queue.produce(['changes', '12', 'new', 'x'], {});
      await arrived();
      expect(inbox.messages).toEqual(['changes/12/new {"author":"é","files":["a"],"when":null}']);
    }));

  test('hears the first message after startConsuming resolved', () =>
    run(async ({ queue, arrived }) => {
      const inbox = new Inbox();
      await queue.startConsuming(inbox.receive, ['a']);
      queue.produce(['a'], {});
      await arrived();
      expect(inbox.messages).toEqual(['a {}']);
    }));

  test('keeps the order of one producer', () =>
    run(async ({ queue, arrived }) => {
      const numbers: unknown[] = [];
      await queue.startConsuming((_key, body) => void numbers.push(body['n']), ['a', null]);
      for (let n = 0; n < 200; n++) queue.produce(['a', String(n % 7)], { n });
      await arrived();
      expect(numbers).toEqual([...Array(200).keys()]);
    }));

  test('calls nobody before produce has returned', () =>
    run(async ({ queue, arrived }) => {
      const inbox = new Inbox();
      await queue.startConsuming(inbox.receive, ['a']);
      queue.produce(['a'], {});
      expect(inbox.messages).toEqual([]);
      await arrived();
      expect(inbox.messages).toHaveLength(1);
    }));

  test('delivers frozen copies that the producer cannot change any more', () =>
    run(async ({ queue, arrived }) => {
      const bodies: JsonObject[] = [];
      const keys: RoutingKey[] = [];
      for (let i = 0; i < 2; i++) {
        await queue.startConsuming((key, body) => void (bodies.push(body), keys.push(key)), ['a']);
      }
      const body = { list: [{ deep: 1 }] };
      const key = ['a'];
      queue.produce(key, body);
      body.list.push({ deep: 2 });
      key[0] = 'b';
      await arrived();
      expect(bodies).toEqual([{ list: [{ deep: 1 }] }, { list: [{ deep: 1 }] }]);
      expect(keys).toEqual([['a'], ['a']]);
      expect(() => (bodies[0] as { list: unknown[] }).list.push(1)).toThrow(TypeError);
      expect(() => Object.assign((bodies[0] as { list: object[] }).list[0] ?? {}, { deep: 3 })).toThrow(
        TypeError,
      );
      expect(() => (keys[0] as string[]).push('x')).toThrow(TypeError);
    }));

  test('refuses wrong keys, bodies, filters and callbacks with typed errors', () =>
    run(async ({ queue }) => {
      const produce = (key: unknown, body: unknown) => (): void =>
        queue.produce(key as RoutingKey, body as JsonObject);
      const cycle: Record<string, unknown> = {};
      cycle['self'] = cycle;
      expect(errorOf(produce([], {}))).toBe('bad-routing-key');
      expect(errorOf(produce('a', {}))).toBe('bad-routing-key');
      expect(errorOf(produce(['a', 1], {}))).toBe('bad-routing-key');
      for (const body of [null, [], 'a', undefined]) expect(errorOf(produce(['a'], body))).toBe('bad-body');
      for (const value of [new Date(0), undefined, 1n, () => 1, NaN, cycle, Symbol('x')]) {
        expect(errorOf(produce(['a'], { value }))).toBe('not-json');
      }
      expect(() => queue.produce(['a'], { b: [1, new Date(0)] as never })).toThrow('$.b[1] is a Date');
      const start = (callback: unknown, filter: unknown): Promise<unknown> =>
        queue.startConsuming(callback as MessageCallback, filter as Filter);
      await expect(start(() => undefined, [])).rejects.toMatchObject({ code: 'bad-filter' });
      await expect(start(() => undefined, ['a', undefined])).rejects.toMatchObject({ code: 'bad-filter' });
      await expect(start(null, ['a'])).rejects.toMatchObject({ code: 'bad-callback' });
    }));
}

function isolationSuite(run: RunWithQueue): void {
  test('logs what a consumer throws or rejects with once, and goes on', () =>
    run(async ({ queue, complaints, arrived }) => {
      const inbox = new Inbox();
      await queue.startConsuming(() => {
        throw new StandinError('thrown', 'on purpose');
      }, ['a']);
      await queue.startConsuming(() => Promise.reject(new StandinError('rejected', 'on purpose')), ['a']);
      await queue.startConsuming(inbox.receive, ['a']);
      queue.produce(['a'], { n: 1 });
      await arrived();
      expect(complaints.filter((line) => line.includes('thrown: on purpose'))).toHaveLength(1);
      expect(complaints.filter((line) => line.includes('rejected: on purpose'))).toHaveLength(1);
      queue.produce(['a'], { n: 2 });
      await arrived();
      expect(inbox.messages).toEqual(['a {"n":1}', 'a {"n":2}']);
      expect(complaints).toHaveLength(4);
    }));

  test('lets nobody miss a message because another consumer stops or starts inside its callback', () =>
    run(async ({ queue, arrived }) => {
      const inboxes = [new Inbox(), new Inbox(), new Inbox()];
      const own: { reference?: QueueReference } = {};
      own.reference = await queue.startConsuming(
        (key, body) => {
          void own.reference?.stopConsuming();
          void queue.startConsuming(inboxes[2]?.receive ?? (() => undefined), ['a']);
          return inboxes[0]?.receive(key, body);
        },
        ['a'],
      );
      await queue.startConsuming(inboxes[1]?.receive ?? (() => undefined), ['a']);
      queue.produce(['a'], { n: 1 });
      queue.produce(['a'], { n: 2 });
      await arrived();
      queue.produce(['a'], { n: 3 });
      await arrived();
      expect(inboxes[0]?.messages).toEqual(['a {"n":1}']);
      expect(inboxes[1]?.messages).toEqual(['a {"n":1}', 'a {"n":2}', 'a {"n":3}']);
      expect(inboxes[2]?.messages.at(-1)).toBe('a {"n":3}');
      expect(inboxes[2]?.messages).not.toContain('a {"n":1}');
    }));

  test('keeps delivering to the last of two consumers of one filter', () =>
    run(async ({ queue, arrived }) => {
      const inboxes = [new Inbox(), new Inbox()];
      const first = await queue.startConsuming((key, body) => inboxes[0]?.receive(key, body), ['a', null]);
      await queue.startConsuming((key, body) => inboxes[1]?.receive(key, body), ['a', null]);
      await first.stopConsuming();
      await arrived();
      queue.produce(['a', 'b'], {});
      await arrived();
      expect(inboxes.map((inbox) => inbox.messages)).toEqual([[], ['a/b {}']]);
    }));

  test('delivers to a consumer that starts while the last one of its filter is stopping', () =>
    run(async ({ queue, arrived }) => {
      const inbox = new Inbox();
      for (let i = 0; i < 5; i++) {
        const reference = await queue.startConsuming(() => undefined, [null, 'a', null]);
        void reference.stopConsuming();
      }
      await queue.startConsuming(inbox.receive, [null, 'a', null]);
      queue.produce(['x', 'a', 'y'], {});
      await arrived();
      expect(inbox.messages).toEqual(['x/a/y {}']);
    }));

  test('gives a message once to each of several consumers, however their filters overlap', () =>
    run(async ({ queue, arrived }) => {
      const filters: Filter[] = [
        ['a', 'b'],
        ['a', null],
        [null, 'b'],
        [null, null],
        ['a', 'b'],
      ];
      const inboxes = filters.map(() => new Inbox());
      for (const [i, filter] of filters.entries()) {
        await queue.startConsuming((key, body) => inboxes[i]?.receive(key, body), filter);
      }
      queue.produce(['a', 'b'], {});
      await arrived();
      expect(inboxes.map((inbox) => inbox.messages)).toEqual(filters.map(() => ['a/b {}']));
    }));
}

function stoppingSuite(run: RunWithQueue): void {
  test('delivers nothing after stopConsuming was called, be it on its way', () =>
    run(async ({ queue, arrived }) => {
      const inbox = new Inbox();
      const reference = await queue.startConsuming(inbox.receive, ['a']);
      queue.produce(['a'], {});
      await reference.stopConsuming();
      await reference.stopConsuming();
      await arrived();
      expect(inbox.messages).toEqual([]);
    }));

  test('waits in stopConsuming for the callbacks that run', () =>
    run(async ({ queue, waitMs, arrived }) => {
      const log: string[] = [];
      const reference = await queue.startConsuming(
        async (_key, body) => {
          await waitMs(Number(body['ms']));
          log.push(`ended ${JSON.stringify(body['ms'])}`);
        },
        ['a'],
      );
      queue.produce(['a'], { ms: 5_000 });
      queue.produce(['a'], { ms: 3_000 });
      await arrived();
      await reference.stopConsuming();
      expect(log).toEqual(['ended 3000', 'ended 5000']);
    }));

  test('does not wait in stopConsuming for the callback that calls it', () =>
    run(async ({ queue, arrived }) => {
      const log: string[] = [];
      const own: { reference?: QueueReference } = {};
      own.reference = await queue.startConsuming(async () => {
        await own.reference?.stopConsuming();
        log.push('stopped');
      }, ['a']);
      queue.produce(['a'], {});
      queue.produce(['a'], {});
      await arrived();
      expect(log).toEqual(['stopped']);
    }));

  test('does not hang for ever when a callback awaits its own end later on', () =>
    run(async ({ queue, waitMs, complaints }) => {
      const log: string[] = [];
      const own: { reference?: QueueReference } = {};
      own.reference = await queue.startConsuming(async () => {
        await waitMs(10);
        await own.reference?.stopConsuming();
        log.push('stopped');
      }, ['a']);
      queue.produce(['a'], {});
      await waitMs(60_000);
      expect(log).toEqual(['stopped']);
      expect(complaints.join()).toContain('still run');
    }));

  test('waits in stop for the callbacks that run, and starts none after it', () =>
    run(async ({ queue, waitMs, arrived }) => {
      const log: string[] = [];
      await queue.startConsuming(async () => {
        log.push('began');
        await waitMs(5_000);
        log.push('ended');
      }, ['a']);
      queue.produce(['a'], {});
      await arrived();
      queue.produce(['a'], {});
      await queue.stop();
      log.push('stopped');
      queue.produce(['a'], {});
      await arrived();
      expect(log).toEqual(['began', 'ended', 'stopped']);
    }));

  test('takes no consumer after stop, and can be stopped twice', () =>
    run(async ({ queue }) => {
      expect(queue.isConnected).toBe(true);
      await queue.stop();
      await queue.stop();
      expect(queue.isConnected).toBe(false);
      queue.produce(['a'], {});
      await expect(queue.startConsuming(() => undefined, ['a'])).rejects.toMatchObject({
        code: 'queue-stopped',
      });
      await expect(queue.start()).rejects.toMatchObject({ code: 'queue-stopped' });
    }));
}

function waitingSuite(run: RunWithQueue): void {
  test('waitUntilEvent gives null when the check says that it is there', () =>
    run(async ({ queue }) => {
      expect(await queue.waitUntilEvent(['a'], () => Promise.resolve(true))).toBeNull();
    }));

  test('waitUntilEvent gives the first message that matches, and consumes no other', () =>
    run(async ({ queue, arrived }) => {
      const inbox = new Inbox();
      const waiting = queue.waitUntilEvent(['a', null], () => Promise.resolve(false));
      await queue.startConsuming(inbox.receive, ['a', null]);
      await arrived();
      queue.produce(['b', '0'], {});
      for (const n of [1, 2]) queue.produce(['a', String(n)], { n });
      expect(await waiting).toEqual({ key: ['a', '1'], body: { n: 1 } });
      await arrived();
      expect(inbox.messages).toEqual(['a/1 {"n":1}', 'a/2 {"n":2}']);
    }));

  test('waitUntilEvent hears what comes while the check runs', () =>
    run(async ({ queue, arrived }) => {
      const check = async (): Promise<boolean> => {
        queue.produce(['a'], { n: 1 });
        await arrived();
        return false;
      };
      expect(await queue.waitUntilEvent(['a'], check)).toEqual({ key: ['a'], body: { n: 1 } });
    }));

  test('waitUntilEvent passes on what the check throws', () =>
    run(async ({ queue }) => {
      const check = (): Promise<boolean> => Promise.reject(new StandinError('check', 'on purpose'));
      await expect(queue.waitUntilEvent(['a'], check)).rejects.toMatchObject({ code: 'check' });
    }));

  test('waitUntilEvent ends with an error when the queue stops', () =>
    run(async ({ queue, arrived }) => {
      const outcome = queue
        .waitUntilEvent(['a'], () => Promise.resolve(false))
        .then(
          () => 'resolved',
          (error: StandinError) => error.code,
        );
      await arrived();
      await queue.stop();
      expect(await outcome).toBe('queue-stopped');
    }));
}

type Step = { start: Filter } | { stop: number } | { produce: RoutingKey };

function randomSuite(run: RunWithQueue, numRuns: number): void {
  const steps: fc.Arbitrary<Step[]> = fc.array(
    fc.oneof(fc.record({ start: anyFilter }), fc.record({ stop: fc.nat(10) }), {
      weight: 3,
      arbitrary: fc.record({ produce: anyKey }),
    }),
    { minLength: 5, maxLength: 40 },
  );

  test('delivers, over random sequences of start, stop and produce, exactly what a linear matcher would', () =>
    fc.assert(
      fc.asyncProperty(steps, (sequence) => run((environment) => playSteps(environment, sequence))),
      { numRuns },
    ));
}

async function playSteps({ queue, arrived }: QueueEnvironment, sequence: readonly Step[]): Promise<void> {
  const consumers: { filter: Filter; reference: QueueReference; isStopped: boolean; got: unknown[] }[] = [];
  const expected: unknown[][] = [];
  for (const [n, step] of sequence.entries()) {
    // What is on its way at a start or a stop may be delivered or not: only what has arrived is certain.
    if (!('produce' in step)) await arrived();
    if ('start' in step) {
      const got: unknown[] = [];
      const reference = await queue.startConsuming(
        (key, body) => void got.push([key, body['n']]),
        step.start,
      );
      consumers.push({ filter: step.start, reference, isStopped: false, got });
      expected.push([]);
    } else if ('stop' in step) {
      const consumer = consumers[step.stop];
      if (consumer === undefined) continue;
      consumer.isStopped = true;
      await consumer.reference.stopConsuming();
    } else {
      queue.produce(step.produce, { n });
      for (const [i, consumer] of consumers.entries()) {
        if (!consumer.isStopped && matches(consumer.filter, step.produce))
          expected[i]?.push([step.produce, n]);
      }
    }
  }
  await arrived();
  expect(consumers.map((consumer) => consumer.got)).toEqual(expected);
}

function errorOf(action: () => void): string {
  try {
    action();
    return 'nothing';
  } catch (error) {
    return error instanceof StandinError ? error.code : 'something else';
  }
}
