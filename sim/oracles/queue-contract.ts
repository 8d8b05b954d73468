// G10 queue-contract: a consumer gets the messages that its filter matches, all that are owed to it, and none after
// stopConsuming was called; a durable queue gets what was announced to it, once, and gives it out in order.
//
// What is owed is in owed-deliveries.ts, durable queues are in durable-queues.ts.

import { matches } from '../../src/core/routing-key.js';
import { formatUs } from '../report/virtual-time.js';
import { Calm } from './calm.js';
import { DurableQueues, type QueueFault } from './durable-queues.js';
import {
  NO_VIOLATIONS,
  type DeliverHistoryEvent,
  type HistoryEvent,
  type Oracle,
  type OracleRun,
  type Violation,
} from './history.js';
import { OwedDeliveries, type Debt } from './owed-deliveries.js';
import { nameFilter, nameProcess } from './sentences.js';

const NAME = 'queue-contract';

export const queueContract: Oracle = {
  name: NAME,
  start: () => new QueueContractRun(),
};

class QueueContractRun implements OracleRun {
  pending: readonly string[] = [];
  readonly #calm = new Calm();
  readonly #owed = new OwedDeliveries(this.#calm);
  readonly #durable = new DurableQueues(this.#calm);
  #deliveries = 0;

  get checks(): number {
    return this.#deliveries + this.#owed.count + this.#durable.count;
  }

  observe(event: HistoryEvent): readonly Violation[] {
    const late = this.#owed.takeOverdue(event.atUs);
    const violations = this.#judge(event);
    return late.length === 0 ? violations : [...late.map(overdue), ...violations];
  }

  finish(atUs: number): readonly Violation[] {
    const violations = this.#owed.takeOverdue(atUs).map(overdue);
    this.pending = this.#owed.open.map(
      ({ key, consumer }) => `${nameFilter(key)} to ${nameProcess(consumer)}`,
    );
    return violations;
  }

  #judge(event: HistoryEvent): readonly Violation[] {
    switch (event.kind) {
      case 'consume':
        this.#owed.consume(event);
        return NO_VIOLATIONS;
      case 'produce':
        this.#owed.produce(event);
        return NO_VIOLATIONS;
      case 'deliver':
        return this.#deliver(event);
      case 'lost':
        this.#owed.lose(event);
        return NO_VIOLATIONS;
      case 'reconnect':
        this.#owed.disturb(event.node);
        return NO_VIOLATIONS;
      case 'health':
        this.#calm.learn(event);
        if (!event.isHealthy) this.#owed.disturb(event.node);
        return NO_VIOLATIONS;
      case 'life':
        if (event.what === 'crash' || event.what === 'exit') {
          this.#owed.end(event.node);
          this.#durable.end(event.node);
        }
        return NO_VIOLATIONS;
      case 'commit':
        return this.#durable.commit(event).map((fault) => queueViolation(fault, event.atUs));
      case 'take': {
        const fault = this.#durable.take(event);
        return fault === null ? NO_VIOLATIONS : [queueViolation(fault, event.atUs)];
      }
      default:
        return NO_VIOLATIONS;
    }
  }

  #deliver(event: DeliverHistoryEvent): readonly Violation[] {
    this.#deliveries++;
    this.#owed.deliver(event);
    const consumer = this.#owed.consumer(event.consumer);
    if (consumer !== undefined && matches(consumer.filter, event.key)) return NO_VIOLATIONS;
    const key = nameFilter(event.key);
    const which =
      consumer === undefined ? 'that had been stopped' : `whose filter is ${nameFilter(consumer.filter)}`;
    const message = `${nameProcess(event)} delivered ${key} at ${formatUs(event.atUs)} to a consumer ${which}`;
    const subject = consumer === undefined ? 'a stopped consumer' : nameFilter(consumer.filter);
    return [{ guarantee: NAME, atUs: event.atUs, message, subject }];
  }
}

function overdue({ consumer, producers, key, producedUs }: Debt): Violation {
  const filter = nameFilter(consumer.filter);
  const message =
    `the consumer of ${filter} on ${nameProcess(consumer)} did not get ${nameFilter(key)}, which ` +
    `${[...new Set(producers.map(nameProcess))].join(' or ')} produced at ${formatUs(producedUs)}, within a minute, and was not told that it may have missed it`;
  return { guarantee: NAME, atUs: producedUs, message, subject: filter };
}

function queueViolation({ queue, sentence }: QueueFault, atUs: number): Violation {
  return { guarantee: NAME, atUs, message: `${sentence} at ${formatUs(atUs)}`, subject: queue };
}
