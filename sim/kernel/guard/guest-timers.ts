// What setTimeout, setInterval and setImmediate return in a simulated process, with the methods of Node's own objects.

import type { EventHandle } from '../event-queue.js';
import { MAX_DELAY_MS } from '../process-timers.js';
import type { NodeProcess } from '../process.js';
import type { AnyFunction } from './patch.js';

/** What a timer or immediate is to call. */
export interface Call {
  readonly callback: AnyFunction;
  readonly values: readonly unknown[];
}

/** As Node reads a delay: 1 ms unless it is between 1 and 2^31 - 1; fractions are cut. */
export function delayMs(given: unknown): number {
  const delay = Number(given);
  return delay >= 1 && delay <= MAX_DELAY_MS ? Math.trunc(delay) : 1;
}

/** One Timeout of a simulated process. */
export class GuestTimer {
  readonly #process: NodeProcess;
  readonly #call: Call;
  readonly #delayMs: number;
  readonly #isRepeating: boolean;
  #handle: EventHandle | null = null;
  #isCleared = false;
  #isReferenced = true;

  constructor(process: NodeProcess, call: Call, delay: unknown, isRepeating: boolean) {
    this.#process = process;
    this.#call = call;
    this.#delayMs = delayMs(delay);
    this.#isRepeating = isRepeating;
    this.#start();
  }

  ref(): this {
    this.#isReferenced = true;
    return this;
  }

  unref(): this {
    this.#isReferenced = false;
    return this;
  }

  hasRef(): boolean {
    return this.#isReferenced;
  }

  refresh(): this {
    if (this.#isCleared) return this;
    this.#handle?.cancel();
    this.#start();
    return this;
  }

  close(): this {
    this.#isCleared = true;
    this.#handle?.cancel();
    return this;
  }

  /** A number by which clearTimeout finds this timer; from 1 in each process. */
  [Symbol.toPrimitive](): number {
    return timerTable(this.#process).idOf(this);
  }

  #start(): void {
    this.#handle = this.#process.setTimer(() => this.#fire(), this.#delayMs);
  }

  /** As in Node, an interval counts from the end of its callback: missed beats are not made up for. */
  #fire(): void {
    const handle = this.#handle;
    Reflect.apply(this.#call.callback, this, this.#call.values);
    if (this.#isRepeating && !this.#isCleared && this.#handle === handle) this.#start();
  }
}

/** One Immediate of a simulated process: an event of its own, at the same instant. */
export class GuestImmediate {
  readonly #handle: EventHandle;
  #isReferenced = true;

  constructor(process: NodeProcess, call: Call) {
    this.#handle = process.host.atProcess(process.host.nowUs, process, () => {
      Reflect.apply(call.callback, this, call.values);
    });
  }

  ref(): this {
    this.#isReferenced = true;
    return this;
  }

  unref(): this {
    this.#isReferenced = false;
    return this;
  }

  hasRef(): boolean {
    return this.#isReferenced;
  }

  close(): void {
    this.#handle.cancel();
  }
}

/** The timers of one process that were asked for their number. */
class TimerTable {
  readonly #ids = new Map<GuestTimer, number>();
  readonly #timers = new Map<number, GuestTimer>();

  idOf(timer: GuestTimer): number {
    const known = this.#ids.get(timer);
    if (known !== undefined) return known;
    const id = this.#ids.size + 1;
    this.#ids.set(timer, id);
    this.#timers.set(id, timer);
    return id;
  }

  find(id: number): GuestTimer | undefined {
    return this.#timers.get(id);
  }
}

const tables = new WeakMap<NodeProcess, TimerTable>();

/** The table of `process`; freed with it. */
export function timerTable(process: NodeProcess): TimerTable {
  let table = tables.get(process);
  if (table === undefined) tables.set(process, (table = new TimerTable()));
  return table;
}

for (const kind of [GuestTimer, GuestImmediate]) {
  // Symbol.dispose is younger than the oldest Node that is supported.
  const dispose = (Symbol as { dispose?: symbol }).dispose;
  if (dispose === undefined) continue;
  Object.defineProperty(kind.prototype, dispose, {
    configurable: true,
    value(this: GuestTimer | GuestImmediate) {
      this.close();
    },
  });
}
