// Durable queues of both kinds, with what the tests need around them: a process that can crash and start again, a clock by
// hand, and a way to produce.

import type { Filter, RoutingKey } from '../../src/core/routing-key.js';
import { MQConnector } from '../../src/data/mq-connector.js';
import { MemoryDriver } from '../../src/db/sqlite/memory-driver.js';
import type { Delivery, DurableCallback, QueueReference } from '../../src/mq/message-queue.js';
import { SimpleMQ } from '../../src/mq/simple-queue.js';
import { settled } from '../support/manual-clock.js';
import { Plane } from '../support/plane.js';
import { TestRuntime } from '../support/test-runtime.js';

export interface DurablePlant {
  readonly runtime: TestRuntime;
  produce(key: RoutingKey, n: number): Promise<void>;
  consume(callback: DurableCallback, filter: Filter, name: string): Promise<QueueReference>;
  /** Acknowledges in a transaction of the consumer's own; null where there are none. */
  readonly consumeInTransaction: ((delivery: Delivery, mayLoseReply: boolean) => Promise<void>) | null;
  /** Ends the process without a word and starts another; null where nothing would survive that. */
  readonly crash: (() => Promise<void>) | null;
  /** Stops the process and starts another; null where nothing would survive that. */
  readonly restart: (() => Promise<void>) | null;
  /** Lets time pass. */
  pass(ms: number): Promise<void>;
  close(): Promise<void>;
}

/** A bare SimpleMQ. */
export async function memoryPlant(): Promise<DurablePlant> {
  const runtime = new TestRuntime();
  const mq = new SimpleMQ(runtime);
  await mq.start();
  return {
    runtime,
    produce: async (key, n) => mq.produce(key, { n }),
    consume: (callback, filter, name) => mq.startConsuming(callback, filter, name),
    consumeInTransaction: null,
    crash: null,
    restart: null,
    pass: (ms) => runtime.clock.advance(ms),
    close: async () => {
      const stopping = mq.stop();
      await runtime.clock.advance(31_000);
      await stopping;
    },
  };
}

const POLL_MS = 30_000;

/** A master's queue on a database; its hints reach nobody when `isDeaf`, so that only polls find anything. */
export async function databasePlant(isDeaf = false): Promise<DurablePlant> {
  const memory = await MemoryDriver.create();
  const runtime = new TestRuntime();
  let current = startProcess(memory, runtime, isDeaf);
  // The transactions of the tests' own go past the process that may be dead.
  const producer = new Plane(memory, runtime);
  return {
    runtime,
    produce: async (key, n) => {
      const announcer = isDeaf ? producer : current.plane;
      await announcer.updates.announce(key, { n });
    },
    consume: (callback, filter, name) => current.connector.startConsuming(callback, filter, name),
    consumeInTransaction: async (delivery, mayLoseReply) => {
      let isFirst = mayLoseReply;
      current.plane.driver.interfere((batch) => {
        if (!isFirst || batch.at(-1)?.sql !== 'COMMIT') return undefined;
        isFirst = false;
        return 'lose-reply';
      });
      await current.connector.consume(delivery, async () => null);
      current.plane.driver.interfere(() => undefined);
    },
    crash: async () => {
      current.plane.driver.cut();
      current = startProcess(memory, runtime, isDeaf);
      await settled();
    },
    restart: async () => {
      const stopping = current.connector.stop();
      await runtime.clock.advance(31_000);
      await stopping;
      current.plane.db.database.stop();
      current = startProcess(memory, runtime, isDeaf);
    },
    pass: (ms) => runtime.clock.advance(ms),
    close: async () => {
      current.plane.driver.cut();
      await runtime.clock.advance(60_000);
      memory.close();
    },
  };
}

function startProcess(
  memory: MemoryDriver,
  runtime: TestRuntime,
  isDeaf: boolean,
): { readonly plane: Plane; readonly connector: MQConnector } {
  const plane = new Plane(memory, runtime);
  const mq = isDeaf ? new SimpleMQ(runtime) : plane.mq;
  return { plane, connector: new MQConnector({ runtime, db: plane.db, mq, pollMs: POLL_MS }) };
}
