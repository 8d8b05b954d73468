// A small world for tests of the message queue: a router and masters on a simulated network. What a master runs is an
// async function of its own process; tests share only plain values with it.

import { describeError } from '../../src/core/errors.js';
import type { JsonObject } from '../../src/core/json.js';
import { sleep } from '../../src/runtime/clock.js';
import type { Runtime } from '../../src/runtime/runtime.js';
import { WampMQ, type WampOptions } from '../../src/mq/wamp-queue.js';
import { Decisions } from '../../sim/kernel/decisions.js';
import { Kernel, type Process } from '../../sim/kernel/kernel.js';
import { Trace } from '../../sim/kernel/trace.js';
import { Network, NETWORK_PROFILES } from '../../sim/world/network.js';
import { RouterNode } from '../../sim/world/router-node.js';
import { webSocketClass } from '../../sim/world/simulated-websocket.js';

/** What a script of a master has at hand. */
export interface Host {
  readonly process: Process;
  readonly runtime: Runtime;
  /** What was logged at level warning or above. */
  readonly complaints: string[];
  /** A WampMQ of this process; the test starts it. */
  wamp(options?: Partial<WampOptions>): WampMQ;
  waitMs(delayMs: number): Promise<void>;
}

export interface WorldOptions {
  readonly seed?: string;
  readonly drain?: 'tick' | 'immediate';
  readonly profile?: keyof typeof NETWORK_PROFILES;
}

export class QueueWorld {
  readonly kernel: Kernel;
  readonly network: Network;
  readonly router: RouterNode;
  readonly #failures: unknown[] = [];
  readonly #unfinished = new Set<string>();

  /** The router is down until `router.start()`. */
  constructor(options: WorldOptions = {}) {
    this.kernel = new Kernel({
      decisions: new Decisions(options.seed ?? 'queue'),
      trace: new Trace(),
      drain: options.drain ?? 'tick',
      maxEvents: 1_000_000,
    });
    this.network = new Network(this.kernel, NETWORK_PROFILES[options.profile ?? 'lan']);
    this.router = new RouterNode(this.kernel, this.network, this.addNode('router'));
    this.kernel.onUncaught((event) => this.#failures.push(event.error));
  }

  addNode(name: string): ReturnType<Kernel['addNode']> {
    return this.kernel.addNode(name, { offsetMs: 0, driftPpm: 0 });
  }

  /** Starts a new master whose process runs `script`; `run` fails unless it ends well. */
  master(name: string, script: (host: Host) => Promise<void>): void {
    this.#unfinished.add(name);
    this.kernel.start(this.addNode(name), (process) => {
      script(this.#host(process)).then(
        () => this.#unfinished.delete(name),
        (error: unknown) => this.#failures.push(error),
      );
    });
  }

  /** An event of the world. */
  atMs(atMs: number, action: () => void): void {
    this.kernel.at(atMs * 1_000, action);
  }

  restartRouterAtMs(crashMs: number, startMs: number): void {
    this.atMs(crashMs, () => this.kernel.crash(this.router.node, 'test'));
    this.atMs(startMs, () => this.router.start());
  }

  /** Runs to `untilMs`; throws the first failure of a script or a process, or names the scripts that have not ended. */
  async run(untilMs: number): Promise<void> {
    await this.kernel.run(untilMs * 1_000);
    if (this.#failures.length > 0) throw this.#failures[0];
    if (this.#unfinished.size > 0) throw new Error(`not ended: ${[...this.#unfinished].join(', ')}`);
  }

  #host(process: Process): Host {
    const complaints: string[] = [];
    const runtime = this.#runtime(process, complaints);
    return {
      process,
      runtime,
      complaints,
      wamp: (options) =>
        new WampMQ(runtime, {
          url: this.router.url,
          realm: 'standin',
          webSocket: webSocketClass(this.network, process),
          ...options,
        }),
      waitMs: (delayMs) => sleep(runtime.clock, delayMs),
    };
  }

  #runtime(process: Process, complaints: string[]): Runtime {
    const stream = this.kernel.decisions.stream('test-random', process.node.name);
    return {
      clock: process,
      random: { integer: (bound) => stream.choose(bound) },
      logger: {
        log: (level, message) => {
          if (level === 'warning' || level === 'error') complaints.push(`${level}: ${message}`);
        },
      },
      probe: { emit: (_event: string, _detail: JsonObject) => undefined },
    };
  }
}

/** The code of what `promise` rejects with; 'nothing' when it resolves. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return 'nothing';
  } catch (error) {
    return describeError(error).split(':')[0] ?? '';
  }
}
