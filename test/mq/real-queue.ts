// WampMQ on real WebSockets, for tests. Its clock runs FASTER than the real one, so that the limits of the queue (30 s, 60 s)
// can be waited for; the time-outs of the network are set so long that no slow machine runs into them.

import { randomUUID } from 'node:crypto';
import type { Clock, Timer } from '../../src/runtime/clock.js';
import type { Runtime } from '../../src/runtime/runtime.js';
import { WampMQ, type WampOptions } from '../../src/mq/wamp-queue.js';
import { NodeWebSocket } from '../../src/mq/websocket/client.js';
import type { QueueEnvironment } from '../conformance/message-queue-suite.js';

const FASTER = 50;
/** Two minutes of real time, on the fast clock. */
const PATIENCE_MS = 120_000 * FASTER;
/** Longer than any key of the suite, so that no filter of it matches. */
const MARKER = ['marker', 'of', 'the', 'test', 'itself'];

/** Runs `body` with a queue of its own, which hears nothing of others on the same router. */
export async function withRealQueue(
  target: { readonly url: string; readonly realm: string; readonly options?: Partial<WampOptions> },
  body: (environment: QueueEnvironment) => Promise<void>,
): Promise<void> {
  const complaints: string[] = [];
  const runtime = fastRuntime(complaints);
  const queue = new WampMQ(runtime, {
    webSocket: NodeWebSocket,
    topicPrefix: `org.standin.test.t${randomUUID().replaceAll('-', '')}`,
    subscribeTimeoutMs: PATIENCE_MS,
    connectTimeoutMs: PATIENCE_MS,
    probeIntervalMs: PATIENCE_MS,
    url: target.url,
    realm: target.realm,
    ...target.options,
  });
  await queue.start();
  const markers = new Map<number, () => void>();
  await queue.startConsuming((_key, { n }) => markers.get(Number(n))?.(), MARKER);
  const arrived = (): Promise<void> => {
    // A router keeps the order of one session: what was sent before the marker has arrived before it.
    if (!queue.isConnected) return waitMs(10 * FASTER);
    return new Promise((resolve) => {
      markers.set(markers.size, () => setImmediate(resolve));
      queue.produce(MARKER, { n: markers.size - 1 });
    });
  };
  const waitMs = (delayMs: number): Promise<void> =>
    new Promise((resolve) => void runtime.clock.setTimer(resolve, delayMs));
  try {
    await body({ queue, waitMs, arrived, complaints });
  } finally {
    await queue.stop();
  }
}

function fastRuntime(complaints: string[]): Runtime {
  return {
    clock: new FastClock(),
    random: { integer: (bound) => Math.floor(Math.random() * bound) },
    logger: {
      log: (level, message) => {
        if (level === 'warning' || level === 'error') complaints.push(`${level}: ${message}`);
      },
    },
    probe: { emit: () => undefined },
  };
}

class FastClock implements Clock {
  wallMs(): number {
    return this.monotonicMs();
  }

  monotonicMs(): number {
    return Math.floor(performance.now() * FASTER);
  }

  setTimer(callback: () => void, delayMs: number): Timer {
    const timeout = setTimeout(callback, delayMs / FASTER);
    return { cancel: () => clearTimeout(timeout) };
  }
}
