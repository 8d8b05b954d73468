// The kernel: true time, the order of events, and the life of nodes and their processes.
//
// A run takes one event after the other from the queue; everything that the event queues as a promise, nextTick or
// microtask runs before the next one starts. An event belongs to a process, which is then current (its port calls are
// accepted, globals are routed to it), or to the world. A crash takes effect at once, also in the middle of the
// process's own event: what is left of that event runs, and its port calls do nothing.
//
// What a process throws and does not catch ends that process and is recorded. What the world throws ends the run.

import { assert } from '../../src/core/assert.js';
import { describeError } from '../../src/core/errors.js';
import type { Decisions, DecisionStream } from './decisions.js';
import { drainByImmediate, drainByTick, withLock, type Steps } from './drain.js';
import { EventQueue, ScheduledEvent, type EventHandle } from './event-queue.js';
import { setExecuting, type Execution } from './executing.js';
import { installGuard } from './guard.js';
import type { GuardPolicy } from './guard-policy.js';
import { WORLD_EPOCH_MS } from './machine-clock.js';
import { MachineNode, type Node, type NodeClock } from './node.js';
import { NOT_ARMED, NodeProcess, type Process, type ProcessHost } from './process.js';
import { captureRejections } from './rejections.js';
import type { Trace } from './trace.js';

export type { EventHandle } from './event-queue.js';
export type { Node } from './node.js';
export type { Process } from './process.js';
export { WORLD_EPOCH_MS } from './machine-clock.js';

export interface KernelOptions {
  readonly decisions: Decisions;
  readonly trace: Trace;
  /** How microtasks drain; both give the same trace. */
  readonly drain: 'tick' | 'immediate';
  /** The wall-clock time at true time 0, in milliseconds since the epoch. Default WORLD_EPOCH_MS. */
  readonly epochMs?: number;
  /** After so many events `run` ends with `event-limit`. */
  readonly maxEvents: number;
  /** Called about every 1,024 events, as host code, with the number of events so far. */
  readonly onProgress?: (events: number) => void;
  /** Ambient globals; routed by default. */
  readonly guard?: GuardPolicy;
}

export interface LifeEvent {
  readonly kind: 'start' | 'crash' | 'exit' | 'pause' | 'resume' | 'clock';
  readonly atUs: number;
  readonly node: string;
  readonly incarnation: number;
  /** The cause of a crash, the reason of an exit, what changed in a clock; otherwise ''. */
  readonly detail: string;
}

/** What a process threw and did not catch. */
export interface UncaughtEvent {
  readonly atUs: number;
  readonly node: string;
  readonly incarnation: number;
  readonly error: unknown;
}

export type RunEnd = 'horizon' | 'event-limit' | 'stopped';

const PROGRESS_MASK = 1023;
/** Overdue timers run before what arrives at the same instant, as in Node's event loop. */
const OVERDUE_TIE = -1;
/** Machines boot one after the other, before true time 0: monotonic times of two nodes cannot be mixed up unnoticed. */
const BOOT_INTERVAL_US = 60_000_000;

export class Kernel implements ProcessHost, Execution, Steps {
  readonly decisions: Decisions;
  readonly trace: Trace;
  readonly guard: GuardPolicy;
  /** The wall-clock time at true time 0, in milliseconds since the epoch. */
  readonly epochMs: number;
  /** Uses of ambient globals by processes, by the global's name. */
  readonly ambientUses = new Map<string, number>();
  readonly #options: KernelOptions;
  readonly #queue = new EventQueue();
  readonly #nodes: MachineNode[] = [];
  readonly #byName = new Map<string, MachineNode>();
  readonly #lifeListeners: ((event: LifeEvent) => void)[] = [];
  readonly #uncaughtListeners: ((event: UncaughtEvent) => void)[] = [];
  #nowUs = 0;
  #eventCount = 0;
  #current: NodeProcess | null = null;
  #untilUs = 0;
  #end: RunEnd = 'horizon';
  #isRunning = false;
  #isStopping = false;
  #isHost = false;
  #failure: { readonly error: unknown } | null = null;

  constructor(options: KernelOptions) {
    this.#options = options;
    this.decisions = options.decisions;
    this.trace = options.trace;
    this.guard = options.guard ?? { mode: 'route' };
    this.epochMs = options.epochMs ?? WORLD_EPOCH_MS;
    installGuard();
  }

  /** True time, integer microseconds from 0. */
  get nowUs(): number {
    return this.#nowUs;
  }

  /** Events run so far. */
  get eventCount(): number {
    return this.#eventCount;
  }

  /** The process in whose event we are; null in an event of the world and between events. */
  get current(): Process | null {
    return this.#current;
  }

  get currentProcess(): NodeProcess | null {
    return this.#current;
  }

  get isHost(): boolean {
    return this.#isHost;
  }

  get nodes(): readonly Node[] {
    return this.#nodes;
  }

  /** Adds a node, down. */
  addNode(name: string, clock: NodeClock): Node {
    assert(name !== '' && !this.#byName.has(name), `node names are unique and not empty, got '${name}'`);
    const bootUs = (this.#nodes.length + 1) * BOOT_INTERVAL_US;
    const node = new MachineNode(name, clock, bootUs, this.epochMs);
    this.#nodes.push(node);
    this.#byName.set(name, node);
    return node;
  }

  node(name: string): Node {
    return this.#machine({ name });
  }

  /** Starts the next incarnation of `node`, which must be down; `main` runs as its first event, at this instant. */
  start(node: Node, main: (process: Process) => void): Process {
    const machine = this.#machine(node);
    assert(machine.process === null, `node ${node.name} already runs a process`);
    machine.incarnation += 1;
    const process = new NodeProcess(this, machine, machine.incarnation, this.#queue);
    machine.process = process;
    this.#life('start', machine, '');
    this.atProcess(this.#nowUs, process, () => main(process));
    return process;
  }

  /** Ends the process of `node` at once; harmless when there is none. `cause` goes into trace and life event. */
  crash(node: Node, cause: string): void {
    const process = this.#machine(node).process;
    if (process !== null) this.#kill(process, 'crash', cause);
  }

  /** Ends `process` as by its own will; harmless when it is dead. */
  exit(process: Process, reason: string): void {
    if (process.isAlive) this.#kill(process as NodeProcess, 'exit', reason);
  }

  /** The process of `node` runs nothing from the end of this event on; harmless unless the node is up. */
  pause(node: Node): void {
    const machine = this.#machine(node);
    if (machine.process === null || machine.process.isPaused) return;
    machine.process.isPaused = true;
    this.#disarm(machine.process);
    this.#life('pause', machine, '');
  }

  /** Runs overdue timers, then what came in the meantime, in order; harmless unless the node is paused. */
  resume(node: Node): void {
    const machine = this.#machine(node);
    const process = machine.process;
    if (process === null || !process.isPaused) return;
    process.isPaused = false;
    this.#life('resume', machine, '');
    this.#rearm(process);
    const held = process.held;
    process.held = [];
    for (const event of held) {
      if (event.isCancelled) continue;
      event.tie = 0;
      this.#queue.push(event, this.#nowUs);
    }
  }

  /** Moves the wall clock of the machine by `deltaMs` (an integer, either way); its timers do not notice. */
  stepClock(node: Node, deltaMs: number): void {
    const machine = this.#machine(node);
    machine.clock.step(deltaMs);
    this.#life('clock', machine, `step ${deltaMs} ms`);
  }

  /** Sets the rate of both clocks of the machine from now on; |ppm| <= 100,000. */
  setDrift(node: Node, ppm: number): void {
    const machine = this.#machine(node);
    machine.clock.setDrift(this.#nowUs, ppm);
    if (machine.process !== null) {
      this.#disarm(machine.process);
      this.#rearm(machine.process);
    }
    this.#life('clock', machine, `drift ${ppm} ppm`);
  }

  /**
   * An event of the world, at `atUs` (not in the past). Events of one instant run by ascending `tie`, then in the order
   * in which they were scheduled.
   */
  at(atUs: number, action: () => void, tie = 0): EventHandle {
    return this.#schedule(atUs, new ScheduledEvent(this.#queue, null, action, tie));
  }

  /** An event of `process`: dropped if it is dead by then, held while it is paused. */
  atProcess(atUs: number, process: Process, action: () => void, tie = 0): EventHandle {
    return this.#schedule(atUs, new ScheduledEvent(this.#queue, process as NodeProcess, action, tie));
  }

  /**
   * Runs events up to and including true time `untilUs`. Waits for other runs of this thread to end.
   * Rejects with what an event of the world threw.
   */
  run(untilUs: number): Promise<RunEnd> {
    assert(!this.#isRunning, 'a kernel runs once at a time, and not from its own events');
    this.#isRunning = true;
    return withLock(async () => {
      const restore = captureRejections();
      this.#untilUs = untilUs;
      this.#isStopping = false;
      try {
        await (this.#options.drain === 'tick' ? drainByTick(this) : drainByImmediate(this));
      } finally {
        setExecuting(null);
        restore();
        this.#isRunning = false;
        this.#current = null;
      }
      return this.#end;
    });
  }

  /** Ends the run under way after the current event. */
  stop(): void {
    this.#isStopping = true;
  }

  /** Runs `action` as host code: globals pass through (opening a database engine, say), and no process is current. */
  host<T>(action: () => T): T {
    const wasHost = this.#isHost;
    this.#isHost = true;
    try {
      return this.#withoutCurrent(action);
    } finally {
      this.#isHost = wasHost;
    }
  }

  /** Listeners run in the order of registration, with no process current. */
  onLife(listener: (event: LifeEvent) => void): void {
    this.#lifeListeners.push(listener);
  }

  /** Called before the process is ended, with no process current. */
  onUncaught(listener: (event: UncaughtEvent) => void): void {
    this.#uncaughtListeners.push(listener);
  }

  // What follows is for sim/kernel.

  /** @see Steps */
  begin(): boolean {
    const event = this.#nextEvent();
    if (event === null) return false;
    this.#nowUs = event.atUs;
    this.#eventCount += 1;
    this.#current = event.process;
    setExecuting(this);
    try {
      event.action();
    } catch (error) {
      this.threw(event.process, error);
    }
    return true;
  }

  /** @see Steps */
  finish(): void {
    const process = this.#current;
    if (process !== null && process.areTimersDirty) this.#rearm(process);
    this.#current = null;
    setExecuting(null);
    if (this.#failure !== null) this.#fail(this.#failure.error);
    if ((this.#eventCount & PROGRESS_MASK) === 0) this.#options.onProgress?.(this.#eventCount);
  }

  timersChanged(process: NodeProcess): void {
    if (process === this.#current) process.areTimersDirty = true;
    else this.#rearm(process);
  }

  /** The one draw that seeds the ambient randomness of `process`. */
  ambientStream(process: NodeProcess): DecisionStream {
    return this.decisions.stream('ambient', `${process.node.name}#${process.incarnation}`);
  }

  countAmbient(name: string): void {
    this.ambientUses.set(name, (this.ambientUses.get(name) ?? 0) + 1);
  }

  /** A dead process's errors concern nobody; the first of the world's ends the run. */
  threw(process: NodeProcess | null, error: unknown): void {
    if (process === null) {
      this.#failure ??= { error };
      return;
    }
    if (!process.isAlive) return;
    const { node, incarnation } = process;
    const detail = describeError(error);
    this.trace.add(this.#nowUs, node.name, 'uncaught', detail);
    this.#tell(this.#uncaughtListeners, { atUs: this.#nowUs, node: node.name, incarnation, error });
    if (process.isAlive) this.#kill(process, 'exit', `uncaught: ${detail}`);
  }

  #machine(node: { readonly name: string }): MachineNode {
    const machine = this.#byName.get(node.name);
    assert(machine !== undefined, `there is no node '${node.name}'`);
    return machine;
  }

  #schedule(atUs: number, event: ScheduledEvent): EventHandle {
    assert(
      Number.isSafeInteger(atUs) && atUs >= this.#nowUs,
      `an event at ${atUs} µs, expected an integer >= now`,
    );
    this.#queue.push(event, atUs);
    return event;
  }

  #nextEvent(): ScheduledEvent | null {
    for (;;) {
      const event = this.#queue.first;
      if (this.#isStopping) return this.#over('stopped');
      if (event === undefined || event.atUs > this.#untilUs) {
        this.#nowUs = Math.max(this.#nowUs, this.#untilUs);
        return this.#over('horizon');
      }
      if (this.#eventCount >= this.#options.maxEvents) return this.#over('event-limit');
      this.#queue.remove(event);
      const process = event.process;
      if (process === null || (process.isAlive && !process.isPaused)) return event;
      if (process.isAlive) process.held.push(event);
    }
  }

  #over(end: RunEnd): null {
    this.#end = end;
    return null;
  }

  #fail(error: unknown): never {
    this.#failure = null;
    throw error;
  }

  #kill(process: NodeProcess, kind: 'crash' | 'exit', detail: string): void {
    const machine = process.node;
    machine.process = null;
    const listeners = process.die();
    this.#withoutCurrent(() => {
      for (const listener of listeners) listener();
    });
    this.#life(kind, machine, detail);
  }

  #life(kind: LifeEvent['kind'], machine: MachineNode, detail: string): void {
    this.trace.add(this.#nowUs, machine.name, kind, detail);
    this.#tell(this.#lifeListeners, {
      kind,
      atUs: this.#nowUs,
      node: machine.name,
      incarnation: machine.incarnation,
      detail,
    });
  }

  #tell<T>(listeners: readonly ((event: T) => void)[], event: T): void {
    this.#withoutCurrent(() => {
      for (const listener of listeners) listener(event);
    });
  }

  #withoutCurrent<T>(action: () => T): T {
    const current = this.#current;
    this.#current = null;
    try {
      return action();
    } finally {
      this.#current = current;
    }
  }

  /** Queues the wake of `process` for its first timer, unless it is queued for that instant. */
  #rearm(process: NodeProcess): void {
    process.areTimersDirty = false;
    const dueMs = process.timers.firstDueMs;
    if (dueMs === process.armedMs || !process.isAlive || process.isPaused) return;
    this.#disarm(process);
    if (dueMs < 0) return;
    const atUs = process.node.clock.trueUsOf(dueMs, this.#nowUs);
    process.wake.tie = atUs === this.#nowUs ? OVERDUE_TIE : 0;
    process.armedMs = dueMs;
    this.#queue.push(process.wake, atUs);
  }

  #disarm(process: NodeProcess): void {
    process.armedMs = NOT_ARMED;
    this.#queue.remove(process.wake);
  }
}
