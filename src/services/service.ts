// Services: what a process starts and stops, and groups of them, which together are a tree.
//
// A group starts its children one after the other, in order, and stops them in reverse. A child that cannot be started
// ends the start: those before it are stopped again. A child that cannot be stopped is logged, and the others are stopped
// all the same. `stop` may come at any time: a start that is under way begins nothing more, and every child whose start has
// begun is stopped, also the one that is still starting.
// @source buildbot master/buildbot/util/service.py AsyncMultiService

import { describeError } from '../core/errors.js';
import type { Logger } from '../runtime/runtime.js';

/** What is started once and stopped once. */
export interface Service {
  readonly name: string;
  /** Resolves when it does its work. */
  start(): Promise<void>;
  /** Resolves when nothing of it runs any more; also called while `start` is pending, which then ends soon. */
  stop(): Promise<void>;
}

export class ServiceGroup implements Service {
  readonly name: string;
  readonly #logger: Logger;
  readonly #children: readonly Service[];
  /** Those whose start has begun, in that order. */
  readonly #begun: Service[] = [];
  #stopped: Promise<void> | null = null;

  constructor(name: string, logger: Logger, children: readonly Service[]) {
    this.name = name;
    this.#logger = logger;
    this.#children = children;
  }

  /** @throws what the start of a child throws, after those that had been started were stopped. */
  async start(): Promise<void> {
    for (const child of this.#children) {
      if (this.#stopped !== null) return;
      this.#begun.push(child);
      try {
        await child.start();
      } catch (error) {
        await this.stop();
        throw error;
      }
    }
  }

  /** Idempotent; never rejects. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    for (const child of this.#begun.toReversed()) {
      try {
        await child.stop();
      } catch (error) {
        this.#logger.log(
          'warning',
          `'${child.name}' of '${this.name}' did not stop cleanly: ${describeError(error)}`,
        );
      }
    }
  }
}
