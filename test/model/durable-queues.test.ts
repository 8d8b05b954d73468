// Durable queues against a model, over random sequences of start, stop, produce, ends of callbacks, crashes and restarts.
//
// The model keeps, for each queue, what is not acknowledged, oldest first. Whenever everything rests, the real queue must
// have handed the oldest message, and no other, to a consumer that is there and not pausing after a failure. So nothing is
// lost, nothing overtakes, and nothing is repeated after its acknowledgement. In the end all that waits is drained.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { StandinError } from '../../src/core/errors.js';
import { matches, type Filter, type RoutingKey } from '../../src/core/routing-key.js';
import type { Delivery, QueueReference } from '../../src/mq/message-queue.js';
import { databasePlant, memoryPlant, type DurablePlant } from '../conformance/durable-plants.js';
import { soakOr } from '../support/soak.js';

/** How many sequences each kind of queue gets: together 10,000 in the soak. */
const MEMORY_RUNS = soakOr(5_000, 300);
const DATABASE_RUNS = soakOr(4_000, 100);
const DEAF_RUNS = soakOr(1_000, 30);
/** Longer than the longest pause after a failure, a poll and the limit of a stop. */
const LONG_MS = 35_000;

const FILTERS: Readonly<Record<string, Filter>> = {
  wide: ['a', null],
  narrow: ['a', 'x'],
  other: [null, 'y'],
};
const NAMES = Object.keys(FILTERS);

interface ModelQueue {
  isRegistered: boolean;
  isConsumed: boolean;
  readonly waiting: number[];
}

interface Model {
  readonly queues: ReadonlyMap<string, ModelQueue>;
  produced: number;
}

/** How a callback that runs ends. */
type Ending = 'well' | 'badly' | 'acknowledged' | 'acknowledged-badly' | 'acknowledged-reply-lost';

class RealQueue {
  reference: QueueReference | null = null;
  /** The message that the callback has and has not ended, and what ends it. */
  held: { readonly n: number; end(ending: Ending): void } | null = null;
}

class Real {
  readonly plant: DurablePlant;
  readonly queues = new Map(NAMES.map((name) => [name, new RealQueue()]));

  constructor(plant: DurablePlant) {
    this.plant = plant;
  }

  queue(name: string): RealQueue {
    const queue = this.queues.get(name);
    if (queue === undefined) throw new Error(`no queue ${name}`);
    return queue;
  }

  async start(name: string): Promise<void> {
    const queue = this.queue(name);
    const filter = FILTERS[name] ?? [];
    queue.reference = await this.plant.consume(
      (_key, body, delivery) => this.#hold(queue, Number(body['n']), delivery),
      filter,
      name,
    );
  }

  /** The process is gone: of its callbacks nothing is heard any more. */
  forget(): void {
    for (const name of NAMES) this.queues.set(name, new RealQueue());
  }

  async #hold(queue: RealQueue, n: number, delivery: Delivery): Promise<void> {
    if (queue.held !== null) throw new Error(`${n} was delivered while ${queue.held.n} was being consumed`);
    const ending = await new Promise<Ending>((end) => {
      queue.held = { n, end };
    });
    queue.held = null;
    if (ending.startsWith('acknowledged')) {
      await this.plant.consumeInTransaction?.(delivery, ending === 'acknowledged-reply-lost');
    }
    if (ending.endsWith('badly')) throw new StandinError('badly', 'the callback failed');
  }
}

abstract class Step implements fc.AsyncCommand<Model, Real, boolean> {
  abstract check(model: Readonly<Model>): boolean;
  protected abstract act(model: Model, real: Real): Promise<void>;
  abstract toString(): string;

  async run(model: Model, real: Real): Promise<void> {
    await this.act(model, real);
    await real.plant.pass(LONG_MS);
    for (const [name, { isConsumed, waiting }] of model.queues) {
      const expected = isConsumed ? (waiting[0] ?? null) : null;
      expect({ name, held: real.queue(name).held?.n ?? null }).toEqual({ name, held: expected });
    }
  }
}

class Produce extends Step {
  readonly key: RoutingKey;
  constructor(key: RoutingKey) {
    super();
    this.key = key;
  }
  check(): boolean {
    return true;
  }
  protected async act(model: Model, real: Real): Promise<void> {
    const n = ++model.produced;
    await real.plant.produce(this.key, n);
    for (const [name, queue] of model.queues) {
      if (queue.isRegistered && matches(FILTERS[name] ?? [], this.key)) queue.waiting.push(n);
    }
  }
  toString(): string {
    return `produce ${this.key.join('.')}`;
  }
}

class Start extends Step {
  readonly name: string;
  constructor(name: string) {
    super();
    this.name = name;
  }
  check(): boolean {
    return true;
  }
  protected async act(model: Model, real: Real): Promise<void> {
    const queue = queueOf(model, this.name);
    if (queue.isConsumed) {
      await expect(real.start(this.name)).rejects.toMatchObject({ code: 'queue-in-use' });
      return;
    }
    await real.start(this.name);
    queue.isRegistered = true;
    queue.isConsumed = true;
  }
  toString(): string {
    return `start ${this.name}`;
  }
}

class End extends Step {
  readonly name: string;
  readonly ending: Ending;
  readonly isStopping: boolean;
  constructor(name: string, ending: Ending, isStopping: boolean) {
    super();
    this.name = name;
    this.ending = ending;
    this.isStopping = isStopping;
  }
  check(model: Readonly<Model>): boolean {
    return queueOf(model, this.name).isConsumed;
  }
  protected async act(model: Model, real: Real): Promise<void> {
    const queue = queueOf(model, this.name);
    const { reference, held } = real.queue(this.name);
    let isStopped = false;
    if (this.isStopping) {
      void reference?.stopConsuming().then(() => (isStopped = true));
      queue.isConsumed = false;
      await real.plant.pass(100);
      expect(isStopped).toBe(held === null);
    }
    if (held === null) return;
    held.end(this.ending);
    if (isAcknowledged(this.ending, real)) queue.waiting.shift();
    await real.plant.pass(LONG_MS);
    expect(isStopped).toBe(this.isStopping);
  }
  toString(): string {
    return `${this.isStopping ? 'stop' : 'end'} ${this.name} ${this.ending}`;
  }
}

class Die extends Step {
  readonly how: 'crash' | 'restart';
  constructor(how: 'crash' | 'restart') {
    super();
    this.how = how;
  }
  check(): boolean {
    return true;
  }
  protected async act(model: Model, real: Real): Promise<void> {
    const die = real.plant[this.how];
    if (die === null) return;
    await die();
    real.forget();
    for (const queue of model.queues.values()) queue.isConsumed = false;
  }
  toString(): string {
    return this.how;
  }
}

function queueOf(model: Readonly<Model>, name: string): ModelQueue {
  const queue = model.queues.get(name);
  if (queue === undefined) throw new Error(`no queue ${name}`);
  return queue;
}

/** Without transactions of its own a consumer that is told to use one just ends, well or badly. */
function isAcknowledged(ending: Ending, real: Real): boolean {
  const hasTransactions = real.plant.consumeInTransaction !== null;
  return ending === 'acknowledged-badly' ? hasTransactions : ending !== 'badly';
}

const anyName = fc.constantFrom(...NAMES);
const anyEnding = fc.constantFrom<Ending>(
  'well',
  'well',
  'badly',
  'acknowledged',
  'acknowledged-badly',
  'acknowledged-reply-lost',
);
const sequences = fc.commands<Model, Real, boolean>(
  [
    fc.tuple(fc.constantFrom('a', 'b'), fc.constantFrom('x', 'y')).map((key) => new Produce(key)),
    anyName.map((name) => new Start(name)),
    fc.tuple(anyName, anyEnding, fc.constant(false)).map((args) => new End(...args)),
    fc.tuple(anyName, anyEnding, fc.boolean()).map((args) => new End(...args)),
    fc.constantFrom<'crash' | 'restart'>('crash', 'restart').map((how) => new Die(how)),
  ],
  { maxCommands: 30, size: 'max' },
);

async function drain(model: Model, real: Real): Promise<void> {
  for (const name of NAMES) {
    if (!queueOf(model, name).isConsumed) await new Start(name).run(model, real);
    while (queueOf(model, name).waiting.length > 0) await new End(name, 'well', false).run(model, real);
  }
}

describe.each([
  ['SimpleMQ', memoryPlant, MEMORY_RUNS],
  ['the database', () => databasePlant(), DATABASE_RUNS],
  ['the database without hints', () => databasePlant(true), DEAF_RUNS],
] as const)('durable queues of %s', (_name, makePlant, numRuns) => {
  test(
    'lose nothing, and repeat nothing after its acknowledgement, over random sequences',
    { timeout: numRuns * 1_000 },
    () =>
      fc.assert(
        fc.asyncProperty(sequences, async (commands) => {
          const model: Model = {
            queues: new Map(
              NAMES.map((name) => [name, { isRegistered: false, isConsumed: false, waiting: [] }]),
            ),
            produced: 0,
          };
          const real = new Real(await makePlant());
          try {
            await fc.asyncModelRun(() => ({ model, real }), commands);
            await drain(model, real);
          } finally {
            await real.plant.close();
          }
        }),
        { numRuns },
      ),
  );
});
