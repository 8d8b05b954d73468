// The queue of everything that will happen: a binary heap ordered by (instant, tie, sequence).
//
// The order is total, since sequence numbers are unique and given in the order of scheduling: equal contents pop in an
// equal order. Events know their position, so that cancelling one frees it at once: a time-out that is set and cancelled
// a thousand times a second leaves nothing behind.

import { assert } from '../../src/core/assert.js';
import type { NodeProcess } from './process.js';

/** What `Kernel.at` returns. */
export interface EventHandle {
  /** The action will not run any more; harmless when it already has. */
  cancel(): void;
}

const NOT_QUEUED = -1;

/** One event; `process` null is an event of the world. */
export class ScheduledEvent implements EventHandle {
  atUs = 0;
  tie: number;
  sequence = 0;
  position = NOT_QUEUED;
  isCancelled = false;
  readonly process: NodeProcess | null;
  readonly action: () => void;
  readonly #queue: EventQueue;

  constructor(queue: EventQueue, process: NodeProcess | null, action: () => void, tie: number) {
    this.#queue = queue;
    this.process = process;
    this.action = action;
    this.tie = tie;
  }

  cancel(): void {
    this.isCancelled = true;
    this.#queue.remove(this);
  }
}

export class EventQueue {
  readonly #heap: ScheduledEvent[] = [];
  #sequence = 0;

  /** The event that comes next, still queued. */
  get first(): ScheduledEvent | undefined {
    return this.#heap[0];
  }

  /** Queues `event`, which must not be queued, behind all events of the same (instant, tie). */
  push(event: ScheduledEvent, atUs: number): void {
    assert(event.position === NOT_QUEUED, 'an event is queued once');
    event.atUs = atUs;
    event.sequence = this.#sequence++;
    this.#heap.push(event);
    this.#rise(event, this.#heap.length - 1);
  }

  /** Takes `event` out; harmless when it is not queued. */
  remove(event: ScheduledEvent): void {
    const hole = event.position;
    if (hole === NOT_QUEUED) return;
    event.position = NOT_QUEUED;
    const last = this.#heap.pop();
    if (last === undefined || last === event) return;
    if (hole > 0 && isBefore(last, this.#at((hole - 1) >> 1))) this.#rise(last, hole);
    else this.#sink(last, hole);
  }

  #rise(event: ScheduledEvent, from: number): void {
    let hole = from;
    while (hole > 0) {
      const parent = this.#at((hole - 1) >> 1);
      if (!isBefore(event, parent)) break;
      this.#place(parent, hole);
      hole = (hole - 1) >> 1;
    }
    this.#place(event, hole);
  }

  #sink(event: ScheduledEvent, from: number): void {
    const size = this.#heap.length;
    let hole = from;
    for (let child = 2 * hole + 1; child < size; child = 2 * hole + 1) {
      if (child + 1 < size && isBefore(this.#at(child + 1), this.#at(child))) child += 1;
      const lesser = this.#at(child);
      if (!isBefore(lesser, event)) break;
      this.#place(lesser, hole);
      hole = child;
    }
    this.#place(event, hole);
  }

  #place(event: ScheduledEvent, position: number): void {
    this.#heap[position] = event;
    event.position = position;
  }

  /** The callers stay within the heap's length. */
  #at(position: number): ScheduledEvent {
    return this.#heap[position] as ScheduledEvent;
  }
}

function isBefore(a: ScheduledEvent, b: ScheduledEvent): boolean {
  if (a.atUs !== b.atUs) return a.atUs < b.atUs;
  if (a.tie !== b.tie) return a.tie < b.tie;
  return a.sequence < b.sequence;
}
