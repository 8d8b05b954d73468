// Who consumes what, and which deliveries are owed: a message that a calm process produced is owed to every consumer of a
// calm process that was in force by then, within a minute. A debt ends by its delivery; or without one when the consumer
// stops, when either process is disturbed or tells its consumers that messages may have been missed, or when a fault at
// the router kept or delayed that very message. What is not owed may arrive all the same.
//
// A delivery does not say whose message it brings. Two masters announce the same thing at once, A and B; one message
// arrives, and pays the older debt; then B turns out to have been cut off. It may be B's message that is missing, whichever
// debt is left: so what is left of equal debts may be the debt of any of their producers.

import { matches } from '../../src/core/routing-key.js';
import type { Calm } from './calm.js';
import type {
  ConsumeHistoryEvent,
  DeliverHistoryEvent,
  LostHistoryEvent,
  ProcessId,
  ProduceHistoryEvent,
} from './history.js';

/** A consumer from the call that starts it to the call that stops it. */
export interface ObservedConsumer extends ProcessId {
  readonly number: number;
  readonly filter: readonly (string | null)[];
  /** Its subscription is in force. */
  isInForce: boolean;
}

/** A delivery that is owed. */
export interface Debt {
  readonly consumer: ObservedConsumer;
  /** Who may have produced what is missing: the one who did at `producedUs`, and those of equal debts that were paid. */
  readonly producers: readonly ProcessId[];
  readonly key: readonly string[];
  readonly producedUs: number;
}

/** Within this a message reaches whoever is calm; most of it is for a broken connection to be noticed. */
const DUE_US = 60_000_000;

export class OwedDeliveries {
  /** How many deliveries have been owed so far. */
  count = 0;
  readonly #calm: Calm;
  readonly #consumers = new Map<number, ObservedConsumer>();
  /** Oldest first. */
  #debts: Debt[] = [];

  constructor(calm: Calm) {
    this.#calm = calm;
  }

  /** The consumer, unless stopConsuming has been called. */
  consumer(number: number): ObservedConsumer | undefined {
    return this.#consumers.get(number);
  }

  get open(): readonly Debt[] {
    return this.#debts;
  }

  consume({ consumer: number, what, filter, node, incarnation }: ConsumeHistoryEvent): void {
    const known = this.#consumers.get(number);
    if (what === 'asked') {
      this.#consumers.set(number, { number, filter, node, incarnation, isInForce: false });
    } else if (what === 'started') {
      if (known !== undefined) known.isInForce = true;
    } else {
      this.#consumers.delete(number);
      this.#forgive(({ consumer }) => consumer.number === number);
    }
  }

  produce({ node, incarnation, key, atUs }: ProduceHistoryEvent): void {
    if (!this.#calm.isCalm(node, atUs)) return;
    for (const consumer of this.#consumers.values()) {
      if (!consumer.isInForce || !matches(consumer.filter, key)) continue;
      if (!this.#calm.isCalm(consumer.node, atUs)) continue;
      this.count++;
      this.#debts.push({ consumer, producers: [{ node, incarnation }], key, producedUs: atUs });
    }
  }

  deliver({ consumer, key }: DeliverHistoryEvent): void {
    const isEqual = (debt: Debt): boolean => debt.consumer.number === consumer && isSame(debt.key, key);
    const paid = this.#debts.find(isEqual);
    if (paid === undefined) return;
    this.#debts = this.#debts
      .filter((debt) => debt !== paid)
      .map((debt) => (isEqual(debt) ? { ...debt, producers: [...debt.producers, ...paid.producers] } : debt));
  }

  lose({ node, key }: LostHistoryEvent): void {
    const forgiven = new Set<ObservedConsumer>();
    this.#forgive((debt) => {
      if (debt.consumer.node !== node || !isSame(debt.key, key) || forgiven.has(debt.consumer)) return false;
      forgiven.add(debt.consumer);
      return true;
    });
  }

  /** What this node sends or hears may be lost now. */
  disturb(node: string): void {
    if (this.#debts.length > 0)
      this.#forgive(
        ({ consumer, producers }) =>
          consumer.node === node || producers.some((producer) => producer.node === node),
      );
  }

  /** The process of this node has ended, and all its consumers with it. */
  end(node: string): void {
    for (const [number, consumer] of this.#consumers) {
      if (consumer.node === node) this.#consumers.delete(number);
    }
    this.disturb(node);
  }

  /** The debts that were due before `atUs`; they are remembered no longer. */
  takeOverdue(atUs: number): readonly Debt[] {
    let count = 0;
    while (atUs > (this.#debts[count]?.producedUs ?? Number.POSITIVE_INFINITY) + DUE_US) count++;
    return count === 0 ? NOTHING : this.#debts.splice(0, count);
  }

  #forgive(isForgiven: (debt: Debt) => boolean): void {
    this.#debts = this.#debts.filter((debt) => !isForgiven(debt));
  }
}

const NOTHING: readonly Debt[] = [];

function isSame(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((word, i) => word === right[i]);
}
