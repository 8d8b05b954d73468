// A process: one incarnation of a node, with its timers and its life.
//
// A dead process's calls do nothing and never settle: its object stays with whoever captured it, and is not the object
// of the next incarnation. A paused process is alive and runs nothing; its events are held in order and its timers are
// overdue when it resumes, still cancellable.

import { assert } from '../../src/core/assert.js';
import type { DecisionStream } from './decisions.js';
import { ScheduledEvent, type EventHandle, type EventQueue } from './event-queue.js';
import type { MachineNode, Node } from './node.js';
import { MAX_DELAY_MS, ProcessTimers, type Firable } from './process-timers.js';

/** One incarnation of a node. */
export interface Process {
  readonly node: Node;
  /** 1 for the first start of the node, then one more for each. */
  readonly incarnation: number;
  /** False from the crash or exit on, also in the rest of the event in which it happened. Paused processes are alive. */
  readonly isAlive: boolean;
  readonly isPaused: boolean;
  /** Wall clock of the machine, integer milliseconds since the epoch. */
  wallMs(): number;
  /** Monotonic clock, integer milliseconds since the machine's boot; goes on while paused, survives restarts. */
  monotonicMs(): number;
  /**
   * Calls `callback` once as an event of this process, `delayMs` (truncated, then at least 1 and at most 2^31 - 1) from
   * now on the monotonic clock. Does nothing when this process is dead.
   */
  setTimer(callback: () => void, delayMs: number): EventHandle;
  /** Ends this process, like a crash but as a life event `exit`. */
  exit(reason: string): void;
  /** For the world (network sockets): called once at the crash or exit, with no process current. */
  onDeath(listener: () => void): void;
  /** Asserts that the event under way is one of this process; `what` names the port call that needs it. */
  assertCurrent(what: string): void;
}

/** What a process needs of its kernel. */
export interface ProcessHost {
  readonly nowUs: number;
  readonly currentProcess: NodeProcess | null;
  /** The first timer of `process` may be another one now. */
  timersChanged(process: NodeProcess): void;
  exit(process: NodeProcess, reason: string): void;
  atProcess(atUs: number, process: Process, action: () => void): EventHandle;
  ambientStream(process: NodeProcess): DecisionStream;
}

/** `armedMs` of a process whose wake is not queued. */
export const NOT_ARMED = -1;

/** The kernel's side of a process; everything beyond `Process` is for sim/kernel only. */
export class NodeProcess implements Process {
  readonly node: MachineNode;
  readonly incarnation: number;
  readonly host: ProcessHost;
  readonly timers: ProcessTimers;
  /** Microseconds of the machine at the start of this process. */
  readonly startLocalUs: number;
  isAlive = true;
  isPaused = false;
  /** The event that fires the first timer, and the due time (local ms) for which it is queued. */
  readonly wake: ScheduledEvent;
  armedMs = NOT_ARMED;
  areTimersDirty = false;
  /** Events that came while paused. */
  held: ScheduledEvent[] = [];
  #deathListeners: (() => void)[] = [];

  constructor(host: ProcessHost, node: MachineNode, incarnation: number, queue: EventQueue) {
    this.host = host;
    this.node = node;
    this.incarnation = incarnation;
    this.startLocalUs = node.clock.localUs(host.nowUs);
    this.timers = new ProcessTimers(this.monotonicMs());
    this.wake = new ScheduledEvent(queue, this, () => this.#fireFirstTimer(), 0);
  }

  wallMs(): number {
    return this.node.clock.wallMs(this.host.nowUs);
  }

  monotonicMs(): number {
    return this.node.clock.monotonicMs(this.host.nowUs);
  }

  /** Microseconds since the machine's boot. */
  localUs(): number {
    return this.node.clock.localUs(this.host.nowUs);
  }

  setTimer(callback: () => void, delayMs: number): EventHandle {
    const timer = new ProcessTimer(this, callback);
    if (this.isAlive) timer.set(delayMs >= 1 ? Math.min(Math.trunc(delayMs), MAX_DELAY_MS) : 1);
    return timer;
  }

  exit(reason: string): void {
    this.host.exit(this, reason);
  }

  onDeath(listener: () => void): void {
    this.#deathListeners.push(listener);
  }

  assertCurrent(what: string): void {
    if (this.host.currentProcess === this) return;
    const current = this.host.currentProcess;
    const other = current === null ? 'none' : `${current.node.name}#${current.incarnation}`;
    assert(
      false,
      `${what} of ${this.node.name}#${this.incarnation} called while the current process is ${other}`,
    );
  }

  /** Marks this process dead and forgets what it had planned; returns the listeners that are to hear of it. */
  die(): readonly (() => void)[] {
    const listeners = this.#deathListeners;
    this.isAlive = false;
    this.wake.cancel();
    this.held = [];
    this.#deathListeners = [];
    return listeners;
  }

  #fireFirstTimer(): void {
    this.armedMs = NOT_ARMED;
    this.areTimersDirty = true;
    this.timers.fireFirst();
  }
}

class ProcessTimer implements EventHandle, Firable {
  readonly #process: NodeProcess;
  readonly #callback: () => void;
  #id = 0;

  constructor(process: NodeProcess, callback: () => void) {
    this.#process = process;
    this.#callback = callback;
  }

  set(delayMs: number): void {
    const process = this.#process;
    this.#id = process.timers.add(this, process.monotonicMs(), delayMs);
    process.host.timersChanged(process);
  }

  cancel(): void {
    if (this.#id === 0) return;
    this.#process.timers.remove(this.#id);
    this.#id = 0;
    this.#process.host.timersChanged(this.#process);
  }

  fire(): void {
    this.#id = 0;
    this.#callback();
  }
}
