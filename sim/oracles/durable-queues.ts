// Durable queues by their rows: which messages each must get and gets, which of them wait, and which a consumer was given.
// It holds the ids of the messages that wait, those that were acknowledged within the last minute, and how far each
// process has come with each queue.

import { decodeJson } from '../../src/core/json.js';
import { matches } from '../../src/core/routing-key.js';
import type { Calm } from './calm.js';
import type { CommitHistoryEvent, Row, TakeHistoryEvent } from './history.js';
import { integer, textOrNull } from './rows.js';
import { nameProcess } from './sentences.js';

interface DurableQueue {
  readonly name: string;
  readonly filter: readonly (string | null)[];
  /** Ids of the messages that wait, ascending. */
  readonly waiting: number[];
  lastId: number;
  /** By process: all messages up to this id that waited then have been given to it. */
  readonly takenUpTo: Map<string, number>;
}

/** What is wrong, and with which queue. */
export interface QueueFault {
  readonly queue: string;
  readonly sentence: string;
}

/** A look that was answered is acted upon within this, unless its process was disturbed. */
const STALE_US = 60_000_000;

export class DurableQueues {
  /** How many messages have been queued or taken so far. */
  count = 0;
  readonly #calm: Calm;
  readonly #queues = new Map<number, DurableQueue>();
  readonly #byName = new Map<string, DurableQueue>();
  /** Message id to the instant of its acknowledgement, oldest first. */
  readonly #acknowledged = new Map<number, number>();

  constructor(calm: Calm) {
    this.#calm = calm;
  }

  commit(event: CommitHistoryEvent): readonly QueueFault[] {
    const announced: Row[] = [];
    const queued: Row[] = [];
    const registered: Row[] = [];
    for (const { table, op, old, row } of event.rows) {
      if (table === 'queues' && row !== null) registered.push(row);
      if (table === 'events' && op === 'insert' && row !== null) announced.push(row);
      if (table !== 'queue_messages') continue;
      if (op === 'insert' && row !== null) queued.push(row);
      if (op === 'delete' && old !== null) this.#acknowledge(old, event.atUs);
    }
    const faults = announced.length + queued.length === 0 ? [] : this.#fill(announced, queued);
    for (const row of registered) this.#register(row);
    return faults;
  }

  take(event: TakeHistoryEvent): QueueFault | null {
    const queue = this.#byName.get(event.queue);
    const process = nameProcess(event);
    const fault = (sentence: string): QueueFault => ({
      queue: event.queue,
      sentence: `${process} took message ${event.messageId} of queue ${event.queue} ${sentence}`,
    });
    if (queue === undefined) return fault('which nobody registered');
    this.count++;
    const { messageId } = event;
    const waits = queue.waiting[indexOf(queue.waiting, messageId)] === messageId;
    if (!waits && !this.#acknowledged.has(messageId) && this.#calm.isCalm(event.node, event.atUs))
      return fault('which it has not held for a minute');
    const upTo = queue.takenUpTo.get(process) ?? 0;
    if (messageId <= upTo) return null;
    queue.takenUpTo.set(process, messageId);
    const next = queue.waiting[indexOf(queue.waiting, upTo + 1)];
    if (next === undefined || next >= messageId) return null;
    return fault(`before message ${next}, which had been committed earlier`);
  }

  /** The process of this node has ended. */
  end(node: string): void {
    for (const { takenUpTo } of this.#queues.values()) {
      for (const process of takenUpTo.keys()) if (process.startsWith(`${node}#`)) takenUpTo.delete(process);
    }
  }

  #register(row: Row): void {
    const queue: DurableQueue = {
      name: textOrNull(row, 'name') ?? '',
      filter: wordsOf(row, 'filter'),
      waiting: [],
      lastId: 0,
      takenUpTo: new Map(),
    };
    this.#queues.set(integer(row, 'id'), queue);
    this.#byName.set(queue.name, queue);
  }

  /** Compares what a transaction queued with what it announced. */
  #fill(announced: readonly Row[], queued: readonly Row[]): readonly QueueFault[] {
    const faults: QueueFault[] = [];
    const missing = new Map<string, { queue: DurableQueue; count: number }>();
    for (const event of announced) {
      const key = wordsOf(event, 'routing_key') as readonly string[];
      for (const [id, queue] of this.#queues) {
        if (!matches(queue.filter, key)) continue;
        const text = messageText(id, event);
        missing.set(text, { queue, count: (missing.get(text)?.count ?? 0) + 1 });
      }
    }
    for (const row of queued) {
      this.count++;
      const queue = this.#queues.get(integer(row, 'queueid'));
      if (queue === undefined) continue;
      const wanted = missing.get(messageText(integer(row, 'queueid'), row));
      if (wanted === undefined || wanted.count-- === 0)
        faults.push(wrong(queue, row, 'got, which was not announced to it, or got twice,'));
      if (integer(row, 'id') <= queue.lastId)
        faults.push(wrong(queue, row, `got after message ${queue.lastId}, and so out of order,`));
      queue.lastId = integer(row, 'id');
      queue.waiting.push(queue.lastId);
    }
    for (const [text, { queue, count }] of missing) {
      if (count > 0) faults.push({ queue: queue.name, sentence: `queue ${queue.name} did not get ${text}` });
    }
    return faults;
  }

  #acknowledge(row: Row, atUs: number): void {
    const waiting = this.#queues.get(integer(row, 'queueid'))?.waiting;
    const id = integer(row, 'id');
    if (waiting !== undefined) {
      const i = indexOf(waiting, id);
      if (waiting[i] === id) waiting.splice(i, 1);
    }
    this.#acknowledged.set(id, atUs);
    for (const [oldest, whenUs] of this.#acknowledged) {
      if (atUs - whenUs <= STALE_US) break;
      this.#acknowledged.delete(oldest);
    }
  }
}

function wrong(queue: DurableQueue, row: Row, how: string): QueueFault {
  const sentence = `queue ${queue.name} ${how} message ${integer(row, 'id')} (${textOrNull(row, 'routing_key')})`;
  return { queue: queue.name, sentence };
}

/** Where `id` stands in `ids`, which ascend, or would stand. */
function indexOf(ids: readonly number[], id: number): number {
  let low = 0;
  let high = ids.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ids[middle] ?? 0) < id) low = middle + 1;
    else high = middle;
  }
  return low;
}

function messageText(queueid: number, row: Row): string {
  return `${queueid} ${textOrNull(row, 'routing_key')} ${textOrNull(row, 'body')}`;
}

function wordsOf(row: Row, column: string): readonly (string | null)[] {
  return decodeJson(textOrNull(row, column) ?? '[]', `the ${column} of a row`) as readonly (string | null)[];
}
