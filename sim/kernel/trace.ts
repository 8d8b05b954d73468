// The trace: what happened in a run, as a stream of events under a rolling hash.
//
// The hash covers every field of every event, also of those that are no longer kept. Without `keepAll` the last 2,000
// events are kept, in slots that are reused: adding an event allocates nothing. What an event is about may be a message:
// its own hash enters the trace's, and it is put into words only if somebody reads the event.

/** One thing that happened. */
export interface TraceEvent {
  /** Position in the trace, from 0. */
  readonly index: number;
  /** True time, integer microseconds. */
  readonly atUs: number;
  /** The node's name; '' is the world. */
  readonly node: string;
  readonly kind: string;
  readonly detail: string;
}

/** What an event may be about: immutable, with a hash of all of it. */
export interface Subject {
  /** 32 bits over everything that the subject says. */
  readonly hash: number;
  /** In a few words. */
  describe(): string;
}

type Slot = { -readonly [K in keyof TraceEvent]: TraceEvent[K] } & { subject: Subject | null };

const KEPT = 2_000;
const SEPARATOR = 0x10000;

export class Trace {
  readonly #slots: Slot[] = [];
  readonly #keepAll: boolean;
  #count = 0;
  #high = 0x243f6a88;
  #low = 0x85a308d3 | 0;

  /** `keepAll`: keep every event (replay); otherwise the last 2,000. */
  constructor(options: { keepAll?: boolean } = {}) {
    this.#keepAll = options.keepAll ?? false;
  }

  /** How many events were added. */
  get count(): number {
    return this.#count;
  }

  /**
   * `node` '' = the world. No text worded by an engine (messages of JSON.parse, stacks) may stand in `detail`, nor in the
   * words of `subject`, which follow it.
   */
  // oxlint-disable-next-line max-params -- the most frequent call of a run: an object for its arguments is not free
  add(atUs: number, node: string, kind: string, detail: string, subject: Subject | null = null): void {
    const index = this.#count++;
    this.#mixNumber(atUs);
    this.#mixText(node);
    this.#mixText(kind);
    this.#mixText(detail);
    if (subject !== null) this.#mixNumber(subject.hash);
    this.#stir();
    const position = this.#keepAll ? index : index % KEPT;
    const slot = this.#slots[position];
    if (slot === undefined) {
      this.#slots.push({ index, atUs, node, kind, detail, subject });
      return;
    }
    slot.index = index;
    slot.atUs = atUs;
    slot.node = node;
    slot.kind = kind;
    slot.detail = detail;
    slot.subject = subject;
  }

  /** 16 hexadecimal digits over all events so far. */
  hash(): string {
    return hex(finish(this.#high, this.#low + this.#count)) + hex(finish(this.#low, this.#high));
  }

  /** The last `n` events that are still kept, oldest first; copies. */
  tail(n: number): readonly TraceEvent[] {
    const kept = this.#slots.length;
    const wanted = Math.min(n, kept);
    const events: TraceEvent[] = [];
    for (let index = this.#count - wanted; index < this.#count; index++) {
      const slot = this.#slots[this.#keepAll ? index : index % KEPT];
      if (slot !== undefined) events.push(eventOf(slot));
    }
    return events;
  }

  #mixNumber(value: number): void {
    this.#high = Math.imul(this.#high ^ (value | 0), 0x9e3779b1);
    this.#low = Math.imul(this.#low ^ Math.floor(value / 0x100000000), 0x5f356495) ^ (value | 0);
  }

  #mixText(text: string): void {
    let high = this.#high;
    let low = this.#low;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      high = Math.imul(high ^ unit, 0x9e3779b1);
      low = Math.imul(low ^ unit, 0x5f356495);
    }
    this.#high = Math.imul(high ^ SEPARATOR ^ (low >>> 16), 0x9e3779b1);
    this.#low = Math.imul(low ^ SEPARATOR ^ (high >>> 16), 0x5f356495);
  }

  /** Multiplication carries upwards only: brings the high bits down after each event. */
  #stir(): void {
    this.#high ^= this.#high >>> 15;
    this.#low ^= this.#low >>> 13;
  }
}

function eventOf({ index, atUs, node, kind, detail, subject }: Slot): TraceEvent {
  if (subject === null) return { index, atUs, node, kind, detail };
  return { index, atUs, node, kind, detail: `${detail} ${subject.describe()} ${hex(subject.hash)}` };
}

function finish(a: number, b: number): number {
  let x = a ^ Math.imul(b ^ (b >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return x ^ (x >>> 16);
}

function hex(value: number): string {
  return (value >>> 0).toString(16).padStart(8, '0');
}
